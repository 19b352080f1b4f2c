// Kernels for moving and reducing elements; see lockstep_kernels.h.
#pragma once

#define LK_MOST_AXES 8

// y[Σ i·y_strides] = x[Σ i·x_strides] for every index i below `extents`: slices, concatenations, padding, transposes and
// repetitions (stride 0) are all such copies. Strides count elements; the last axis varies fastest. Numbers of 32 bits
// keep their bits whatever they mean; between float32 and bfloat16 they are converted.
typedef struct lk_copy_arguments {
  ptrdiff_t rank;
  ptrdiff_t extents[LK_MOST_AXES], x_strides[LK_MOST_AXES], y_strides[LK_MOST_AXES];
  ptrdiff_t x_offset, y_offset;
  lk_type x_type, y_type;
} lk_copy_arguments;

#define LK_SHAPES_KERNELS(K)                                                                                           \
  K(copy, (const lk_copy_arguments *a, const void *x, void *y), (a, x, y))
