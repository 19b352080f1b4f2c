// Kernels for images: pooling, layouts and what oneDNN lacks around convolutions; see lockstep_kernels.h.
#pragma once

// A pooling of images that lie as [planes, height, width, lanes]: a plane is one channel of one sample with one lane, or
// a block of 8 or 16 channels side by side.
typedef struct lk_pooling {
  ptrdiff_t planes, lanes;
  ptrdiff_t height, width;   // of the images
  ptrdiff_t rows, columns;   // windows down and across
  ptrdiff_t kernel_height, kernel_width, stride_height, stride_width, padding_height, padding_width;
  lk_type type;              // of the images
  lk_type window_type;       // of the windows' results and gradients
  int32_t wide_places;       // winners' numbers are int32 rather than uint8
  int32_t relu;              // the maximum goes through ReLU; a winner that is not positive is called 255
  int32_t counts_padding;    // a mean's divisor is the window's area everywhere
} lk_pooling;

#define LK_NOBODY 255

static inline ptrdiff_t lk_matmul_few_rows_workspace(void) { return 256 * 32; }
static inline ptrdiff_t lk_matmul_few_steps_workspace(ptrdiff_t n, ptrdiff_t k) { return (n + 31) / 32 * 32 * k; }

#define LK_CONVOLUTION_KERNELS(K)                                                                                      \
  /* the greatest of every window (NaN wins), and its number in the window; `places` may be NULL */                    \
  K(max_pool, (const lk_pooling *p, const void *x, void *y, void *places), (p, x, y, places))                          \
  K(max_pool_gradient, (const lk_pooling *p, const void *dy, const void *places, void *dx), (p, dy, places, dx))       \
  K(average_pool, (const lk_pooling *p, const void *x, void *y), (p, x, y))                                            \
  K(average_pool_gradient, (const lk_pooling *p, const void *dy, void *dx), (p, dy, dx))                               \
  /* adds bias[channel]; images lie as [samples, blocks, pixels, lanes], channels beyond `channels` stay as they are */ \
  K(channel_bias,                                                                                                      \
    (const void *x, lk_type x_type, const float *bias, void *y, lk_type y_type, ptrdiff_t samples, ptrdiff_t channels, \
     ptrdiff_t pixels, ptrdiff_t lanes),                                                                               \
    (x, x_type, bias, y, y_type, samples, channels, pixels, lanes))                                                    \
  /* products with one large matrix that is read from memory once: few rows m, or few inner steps k; `workspace` has   \
     lk_matmul_few_rows_workspace() or lk_matmul_few_steps_workspace() floats */                                       \
  K(matmul_few_rows, (const lk_matmul_arguments *x), (x))                                                              \
  K(matmul_few_steps, (const lk_matmul_arguments *x), (x))
