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

// How the channels of a batch lie in memory. A *group* of `channels` neighbouring channels is read at once; it is found
// in `runs` runs of `length` elements, in which the channels follow one another again and again: one channel of a plain
// [N, C, H, W] has N runs of H·W elements, 16 of a blocked one N runs of H·W·16, 16 of a [N, C] N runs of 16.
typedef struct lk_channel_groups {
  ptrdiff_t count, channels;            // groups, and channels of each: 1, 2, 4, 8 or 16
  ptrdiff_t runs, length;
  ptrdiff_t run_stride, group_stride;   // elements from one run, or group, to the next
  ptrdiff_t total;                      // channels of the tensor: the last group may be filled up with zeros
  int32_t is_cut;                       // the last group's runs end at `total` (plain [N, C])
} lk_channel_groups;

// Floats of workspace for a batch norm.
#define LK_BATCH_NORM_WORKSPACE (5 * 2048)

// Batch norm (Ioffe and Szegedy 2015): each channel brought to mean 0 and variance 1 over the batch, times `scale` plus
// `shift`, then perhaps plus a residual and through ReLU.
typedef struct lk_batch_norm_arguments {
  lk_channel_groups groups;
  const void *x;
  const void *residual;                        // or NULL
  void *y;                                     // or NULL: statistics alone
  const float *scale, *shift;
  const float *fixed_mean, *fixed_variance;    // used instead of the batch's, for evaluation; or NULL
  float *mean, *inverse, *variance;            // of each channel: mean, 1 / deviation, unbiased variance; or NULL
  float *workspace;
  float epsilon;
  int32_t is_relu;
  lk_type x_type, residual_type, y_type;
} lk_batch_norm_arguments;

typedef struct lk_batch_norm_gradient_arguments {
  lk_channel_groups groups;
  const void *dy, *x;
  const void *saved;   // the result of the ReLU behind the norm: where it is not positive, dy counts as 0; or NULL
  const float *mean, *inverse, *scale;
  void *dx;            // or NULL: the sums alone
  void *kept;          // dy after the ReLU's derivative, for a residual connection; or NULL
  float *dscale, *dshift;  // or NULL
  const float *total_dscale, *total_dshift;  // used instead of the batch's own sums, which then are not taken; or NULL
  double total_count;                        // the elements of a channel that these cover
  float *workspace;
  lk_type dy_type, x_type, saved_type, dx_type, kept_type;
} lk_batch_norm_gradient_arguments;

// Group norm (Wu and He 2018) of [samples, channels, positions]: the channels of each of `groups` groups of a sample
// brought to mean 0 and variance 1 together, then times `scale` plus `shift`, one a channel.
typedef struct lk_group_norm_arguments {
  const void *x;
  void *y;
  const float *scale, *shift;
  float *mean, *inverse;  // [samples, groups], for backward; or NULL
  float *workspace;       // 3 times the elements of a group, rounded up to 16
  ptrdiff_t samples, channels, positions, groups;
  float epsilon;
  lk_type x_type, y_type;
} lk_group_norm_arguments;

typedef struct lk_group_norm_gradient_arguments {
  const void *dy, *x;
  const float *mean, *inverse, *scale;
  void *dx;
  float *dscale, *dshift;  // or NULL
  float *workspace;        // as above
  ptrdiff_t samples, channels, positions, groups;
  lk_type dy_type, x_type, dx_type;
} lk_group_norm_gradient_arguments;

#define LK_NORMALIZATION_KERNELS(K)                                                                       \
  K(norm_rows, (const lk_norm_rows_arguments *a), (a))                                                    \
  K(norm_rows_gradient, (const lk_norm_rows_gradient_arguments *a), (a))                                  \
  K(batch_norm, (const lk_batch_norm_arguments *a), (a))                                                  \
  K(batch_norm_gradient, (const lk_batch_norm_gradient_arguments *a), (a))                                \
  K(group_norm, (const lk_group_norm_arguments *a), (a))                                                  \
  K(group_norm_gradient, (const lk_group_norm_gradient_arguments *a), (a))                                \
  /* value = (1 - momentum)·value + momentum·scale·sum: running statistics */                             \
  K(follow, (float *value, const float *sum, float scale, float momentum, ptrdiff_t count),               \
    (value, sum, scale, momentum, count))
