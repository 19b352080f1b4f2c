// Kernels for layer, group, batch and RMS norm. Statistics are float32; sums keep 4·16 accumulators, folded in a fixed
// tree.
#include "norm_rows.h"
#include "batch_norm.h"
#include "group_norm.h"
