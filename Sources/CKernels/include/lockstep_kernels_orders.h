// The kernel for random orders of samples; see lockstep_kernels.h.
#pragma once

// The grid, key and double rounds of DataPipeline's Permutation.
typedef struct lk_permutation {
  uint64_t rows, columns, key;
  int32_t double_rounds;
} lk_permutation;

#define LK_ORDERS_KERNELS(K)                                                                                           \
  /* to[i] = the cell to which cell first + i goes; below rows·columns, not yet walked over cells without a number */ \
  K(permute_cells, (const lk_permutation *p, uint64_t first, ptrdiff_t count, int64_t *to), (p, first, count, to))
