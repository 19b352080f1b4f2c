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

// What is done to one element, or to two.
typedef enum lk_unary_function {
  LK_EXP = 0,
  LK_LOG = 1,
  LK_SQUARE = 2,
  LK_SQUARE_ROOT = 3,
  LK_ABSOLUTE = 4,
  LK_RECIPROCAL = 5
} lk_unary_function;

typedef enum lk_binary_function {
  LK_SUM = 0,
  LK_DIFFERENCE = 1,
  LK_PRODUCT = 2,
  LK_QUOTIENT = 3,
  LK_MAXIMUM = 4,
  LK_MINIMUM = 5,
  LK_POWER = 6,
  LK_LESS = 7,
  LK_GREATER = 8,
  LK_EQUAL = 9
} lk_binary_function;

// z[i] = function(x[Σ i·x_strides], y[Σ i·y_strides]); z is dense. Along the last axis strides are 0 or 1, not both 0.
typedef struct lk_binary_arguments {
  int32_t function;
  ptrdiff_t rank;
  ptrdiff_t extents[LK_MOST_AXES], x_strides[LK_MOST_AXES], y_strides[LK_MOST_AXES];
  lk_type x_type, y_type, z_type;
} lk_binary_arguments;

#define LK_SHAPES_KERNELS(K)                                                                                           \
  K(copy, (const lk_copy_arguments *a, const void *x, void *y), (a, x, y))                                             \
  K(unary,                                                                                                             \
    (int32_t function, const void *x, lk_type x_type, void *y, lk_type y_type, ptrdiff_t count),                       \
    (function, x, x_type, y, y_type, count))                                                                           \
  K(binary,                                                                                                            \
    (const lk_binary_arguments *a, const void *x, const void *y, void *z),                                             \
    (a, x, y, z))                                                                                                      \
  /* z = condition != 0 ? x : y */                                                                                     \
  K(choose,                                                                                                            \
    (const float *condition, const float *x, const float *y, float *z, ptrdiff_t count),                               \
    (condition, x, y, z, count))                                                                                       \
  /* [outer, extent, inner] -> [outer, inner]: the greatest, or the least; NaN wins */                                 \
  K(extreme,                                                                                                           \
    (int32_t is_least, const void *x, lk_type x_type, float *y, ptrdiff_t outer, ptrdiff_t extent,                     \
     ptrdiff_t inner),                                                                                                 \
    (is_least, x, x_type, y, outer, extent, inner))                                                                    \
  /* the first place of the greatest along the extent; NaN is the greatest */                                          \
  K(arg_max,                                                                                                           \
    (const void *x, lk_type x_type, int32_t *y, ptrdiff_t outer, ptrdiff_t extent, ptrdiff_t inner),                   \
    (x, x_type, y, outer, extent, inner))                                                                              \
  /* rows of zeros with a one at the id; an id outside [0, classes) gives zeros */                                     \
  K(one_hot,                                                                                                           \
    (const int32_t *ids, ptrdiff_t count, ptrdiff_t classes, float *y),                                                \
    (ids, count, classes, y))                                                                                          \
  /* [outer, extent, inner] and `count` ids -> [outer, count, inner]; ids outside read row 0 */                        \
  K(gather,                                                                                                            \
    (const void *x, lk_type x_type, const int32_t *ids, ptrdiff_t count, ptrdiff_t outer, ptrdiff_t extent,            \
     ptrdiff_t inner, void *y, lk_type y_type),                                                                        \
    (x, x_type, ids, count, outer, extent, inner, y, y_type))                                                          \
  /* the other way: rows are added, in the order of the ids, to where they came from */                                \
  K(gather_gradient,                                                                                                   \
    (const int32_t *ids, ptrdiff_t count, const void *dy, lk_type dy_type, ptrdiff_t outer, ptrdiff_t extent,          \
     ptrdiff_t inner, float *dx),                                                                                      \
    (ids, count, dy, dy_type, outer, extent, inner, dx))                                                               \
  /* softmax of each row, or its logarithm */                                                                          \
  K(softmax,                                                                                                           \
    (int32_t is_log, const void *x, lk_type x_type, void *y, lk_type y_type, ptrdiff_t rows, ptrdiff_t width),         \
    (is_log, x, x_type, y, y_type, rows, width))                                                                       \
  /* its gradient by x, from its result y */                                                                           \
  K(softmax_gradient,                                                                                                  \
    (int32_t is_log, const void *dy, lk_type dy_type, const void *y, lk_type y_type, void *dx, lk_type dx_type,        \
     ptrdiff_t rows, ptrdiff_t width),                                                                                 \
    (is_log, dy, dy_type, y, y_type, dx, dx_type, rows, width))
