// The kernels for x86-64 processors with AVX-512 F and DQ (products of 64-bit integers): all but Xeon Phi.
#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx2,fma"))), apply_to = function)
#define LK_CLONE(name) lk_##name##_avx512
#define LK_HAS_FMA 1
#define LK_HAS_MASKS 1
#define LK_TILE_ROWS 8
#include "Kernels/clones.h"
#pragma clang attribute pop
#endif
