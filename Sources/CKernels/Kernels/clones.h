// All kernels, compiled once for each instruction set (see clones_*.c).
#include <math.h>
#include <string.h>
#ifdef LK_HAS_MASKS
#include <immintrin.h>
#endif

#include "lockstep_kernels.h"

#pragma STDC FP_CONTRACT OFF
#pragma clang diagnostic ignored "-Wpsabi"  // vectors only pass between functions that are always inlined

#include "vectors.h"
#include "matmul.h"
#include "elementwise.h"
#include "reductions.h"
#include "embedding.h"
#include "losses.h"
#include "dropout.h"
#include "optimizers.h"
#include "convolution.h"
#include "normalization.h"
#include "attention.h"
#include "cached_attention.h"
#include "recurrent.h"
#include "shapes.h"
#include "chains.h"
#include "pictures.h"
#include "orders.h"
