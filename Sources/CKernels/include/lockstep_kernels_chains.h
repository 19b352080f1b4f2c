// Kernels for elementwise chains; see lockstep_kernels.h.
#pragma once

#define LK_CHAINS_KERNELS(K)                                                                            \
  /* float32 to bfloat16 rounds to nearest even */                                                      \
  K(cast, (const void *x, lk_type x_type, void *y, lk_type y_type, ptrdiff_t count), (x, x_type, y, y_type, count))
