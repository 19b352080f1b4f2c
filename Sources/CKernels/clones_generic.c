// The kernels for any processor (on 64-bit Arm: NEON with its fused multiply-add).
#define LK_CLONE(name) lk_##name##_generic
#if defined(__aarch64__)
#define LK_HAS_FMA 1
#endif
#define LK_TILE_ROWS 2
#include "Kernels/clones.h"
