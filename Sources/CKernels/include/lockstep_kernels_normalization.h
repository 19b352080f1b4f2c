// Kernels for layer, group, batch and RMS norm; see lockstep_kernels.h.
#pragma once

// Rows [rows, width] brought to mean 0 and variance 1 (layer norm, Ba et al. 2016), or to a mean square of 1 (RMS
// norm, Zhang and Sennrich 2019), then times `scale` plus `shift`, both [width].
typedef struct lk_norm_rows_arguments {
  const void *x;
  const void *residual;  // added to x first; or NULL
  void *sum;             // x + residual, kept for backward; NULL without a residual
  void *y;
  const float *scale, *shift;  // or NULL
  float *mean, *inverse;       // [rows], for backward: the mean and 1 / deviation; or NULL
  float *workspace;            // lk_norm_rows_workspace_count() floats
  ptrdiff_t rows, width;
  float epsilon;
  int32_t is_rms;
  lk_type x_type, residual_type, sum_type, y_type;
} lk_norm_rows_arguments;

typedef struct lk_norm_rows_gradient_arguments {
  const void *dy, *x;
  const void *addend;          // added to dx: the gradient that arrives past the norm; or NULL
  const float *mean, *inverse; // mean is NULL for RMS norm
  const float *scale;          // or NULL
  void *dx;
  float *dscale, *dshift;      // or NULL
  float *workspace;            // lk_norm_rows_workspace_count() floats
  ptrdiff_t rows, width;
  lk_type dy_type, x_type, addend_type, dx_type;
} lk_norm_rows_gradient_arguments;

// Floats of workspace for rows of a width.
static inline ptrdiff_t lk_norm_rows_workspace_count(ptrdiff_t width) { return 6 * ((width + 15) / 16 * 16); }

#define LK_NORMALIZATION_KERNELS(K)                                   \
  K(norm_rows, (const lk_norm_rows_arguments *a), (a))                \
  K(norm_rows_gradient, (const lk_norm_rows_gradient_arguments *a), (a))
