// Kernels for images: pooling, layouts and what oneDNN lacks around convolutions.
//
// Pooling walks images as [planes, height, width, lanes] and handles all lanes of a pixel (1, 8 or 16) as one vector.

LK_INLINE lk_vector lk_pixel(const void *from, ptrdiff_t at, ptrdiff_t lanes, lk_type type) {
  return lanes == LK_LANES ? lk_read(from, at, type) : lk_read_some(from, at, lanes, type);
}
LK_INLINE void lk_set_pixel(void *to, ptrdiff_t at, lk_vector x, ptrdiff_t lanes, lk_type type) {
  if (lanes == LK_LANES) lk_write(to, at, x, type);
  else lk_write_some(to, at, x, lanes, type);
}

// The winners' numbers of a pixel, as uint8 or int32.
typedef uint8_t lk_bytes __attribute__((vector_size(16), aligned(1), may_alias));
LK_INLINE lk_mask lk_places(const void *from, ptrdiff_t at, ptrdiff_t lanes, int is_wide) {
  if (is_wide) return (lk_mask)lk_pixel(from, at, lanes, LK_FLOAT32);
  lk_bytes x = {0};
  if (lanes == LK_LANES) x = *(const lk_bytes *)((const uint8_t *)from + at);
  else memcpy(&x, (const uint8_t *)from + at, (size_t)lanes);
  return __builtin_convertvector(x, lk_mask);
}
LK_INLINE void lk_set_places(void *to, ptrdiff_t at, lk_mask x, ptrdiff_t lanes, int is_wide) {
  if (is_wide) {
    lk_set_pixel(to, at, (lk_vector)x, lanes, LK_FLOAT32);
    return;
  }
  lk_bytes narrow = __builtin_convertvector(x, lk_bytes);
  if (lanes == LK_LANES) *(lk_bytes *)((uint8_t *)to + at) = narrow;
  else memcpy((uint8_t *)to + at, &narrow, (size_t)lanes);
}

// The taps [*first, *last) of a window at `start` (counted from the image's edge) that lie inside `extent` pixels.
LK_INLINE void lk_taps(ptrdiff_t start, ptrdiff_t kernel, ptrdiff_t extent, ptrdiff_t *first, ptrdiff_t *last) {
  *first = start < 0 ? -start : 0;
  *last = start + kernel > extent ? extent - start : kernel;
}

// The windows [*first, *last) that a pixel lies in.
LK_INLINE void lk_windows(ptrdiff_t pixel, ptrdiff_t kernel, ptrdiff_t stride, ptrdiff_t count, ptrdiff_t *first,
                          ptrdiff_t *last) {
  *first = pixel < kernel ? 0 : (pixel - kernel) / stride + 1;
  *last = pixel / stride + 1 < count ? pixel / stride + 1 : count;
}

// The greatest of a window's taps [first_y, last_y) × [first_x, last_x), and its number; `at` is where the window starts.
LK_INLINE void lk_max_window(const lk_pooling *p, const void *x, ptrdiff_t at, ptrdiff_t first_y, ptrdiff_t last_y,
                             ptrdiff_t first_x, ptrdiff_t last_x, const ptrdiff_t lanes, const lk_type type,
                             lk_vector *best, lk_mask *place) {
  for (ptrdiff_t ky = first_y; ky < last_y; ky++) {
    for (ptrdiff_t kx = first_x; kx < last_x; kx++) {
      lk_vector value = lk_pixel(x, at + (ky * p->width + kx) * lanes, lanes, type);
      lk_mask number = (lk_mask){0} + (int32_t)(ky * p->kernel_width + kx);
      int is_first = ky == first_y && kx == first_x;
      lk_mask wins = (value > *best) | (value != value);
      *best = is_first ? value : lk_select(wins, value, *best);
      *place = is_first ? number : (number & wins) | (*place & ~wins);
    }
  }
}

// Fetches the window below ahead: the processor's own prefetcher follows two rows badly (measured, 126 × 126
// images of 32 channels: 5.3 to 2.9 ms).
LK_INLINE void lk_fetch_window(const lk_pooling *p, const void *x, ptrdiff_t pixel, const ptrdiff_t lanes,
                               const lk_type type, const ptrdiff_t fixed) {
  const ptrdiff_t size = (type == LK_BFLOAT16 ? 2 : 4) * lanes;
  if (size < 32) return;
  for (ptrdiff_t ky = 0; ky < fixed; ky++)
    for (ptrdiff_t kx = 0; kx < fixed; kx++)
      __builtin_prefetch((const char *)x + (pixel + ky * p->width + kx) * size);
}

// `fixed` is the kernel's extent where that is known while compiling, else 0.
LK_INLINE void lk_max_pool_planes(const lk_pooling *p, const void *x, void *y, void *places, const ptrdiff_t lanes,
                                  const lk_type type, const lk_type window_type, const int is_wide,
                                  const ptrdiff_t fixed) {
  for (ptrdiff_t plane = 0, result = 0; plane < p->planes; plane++) {
    for (ptrdiff_t row = 0; row < p->rows; row++) {
      ptrdiff_t top = row * p->stride_height - p->padding_height, first_y, last_y;
      lk_taps(top, p->kernel_height, p->height, &first_y, &last_y);
      ptrdiff_t start = (plane * p->height + top) * p->width;
      for (ptrdiff_t column = 0; column < p->columns; column++, result += lanes) {
        ptrdiff_t left = column * p->stride_width - p->padding_width, first_x, last_x;
        lk_taps(left, p->kernel_width, p->width, &first_x, &last_x);
        lk_vector best = lk_splat(0);
        lk_mask place = {0};
        if (fixed > 0 && last_y - first_y == fixed && last_x - first_x == fixed) {
          lk_fetch_window(p, x, start + p->stride_height * p->width + left, lanes, type, fixed);
          lk_max_window(p, x, (start + left) * lanes, 0, fixed, 0, fixed, lanes, type, &best, &place);
        } else {
          lk_max_window(p, x, (start + left) * lanes, first_y, last_y, first_x, last_x, lanes, type, &best, &place);
        }
        if (p->relu) {
          best = lk_apply(LK_RELU, best);
          lk_mask counts = best > lk_splat(0);
          place = (place & counts) | (((lk_mask){0} + LK_NOBODY) & ~counts);
        }
        lk_set_pixel(y, result, best, lanes, window_type);
        if (places) lk_set_places(places, result, place, lanes, is_wide);
      }
    }
  }
}

// Calls `body` with lanes, element types and width of places as constants; types that differ, where precisions meet, are
// looked up as it goes.
#define LK_POOL_LANES(body, lanes_, type_, window_type_, wide_) \
  do {                                                          \
    const ptrdiff_t lanes = lanes_;                             \
    const lk_type type = type_, window_type = window_type_;     \
    const int is_wide = wide_;                                  \
    (void)is_wide;                                              \
    body;                                                       \
  } while (0)
#define LK_POOL_TYPE(body, lanes_, wide_)                                                            \
  do {                                                                                               \
    if (p->type != p->window_type) LK_POOL_LANES(body, lanes_, p->type, p->window_type, wide_);      \
    else if (p->type == LK_BFLOAT16) LK_POOL_LANES(body, lanes_, LK_BFLOAT16, LK_BFLOAT16, wide_);   \
    else LK_POOL_LANES(body, lanes_, LK_FLOAT32, LK_FLOAT32, wide_);                                 \
  } while (0)
#define LK_POOL_WIDE(body, wide_)                                   \
  do {                                                              \
    if (p->lanes == LK_LANES) LK_POOL_TYPE(body, LK_LANES, wide_);  \
    else if (p->lanes == 8) LK_POOL_TYPE(body, 8, wide_);           \
    else LK_POOL_TYPE(body, 1, wide_);                              \
  } while (0)

// The extent of a square kernel that has loops of its own.
LK_INLINE ptrdiff_t lk_fixed_kernel(const lk_pooling *p) {
  return p->kernel_height == p->kernel_width && (p->kernel_width == 2 || p->kernel_width == 3) ? p->kernel_width : 0;
}

void LK_CLONE(max_pool)(const lk_pooling *p, const void *x, void *y, void *places) {
  if (p->wide_places) LK_POOL_WIDE(lk_max_pool_planes(p, x, y, places, lanes, type, window_type, is_wide, 0), 1);
  else if (lk_fixed_kernel(p) == 2) LK_POOL_WIDE(lk_max_pool_planes(p, x, y, places, lanes, type, window_type, is_wide, 2), 0);
  else if (lk_fixed_kernel(p) == 3) LK_POOL_WIDE(lk_max_pool_planes(p, x, y, places, lanes, type, window_type, is_wide, 3), 0);
  else LK_POOL_WIDE(lk_max_pool_planes(p, x, y, places, lanes, type, window_type, is_wide, 0), 0);
}

// Each pixel adds up, in row-major order, the gradients of the windows that it won. `kernel` and `stride` are known
// while compiling or 0.
LK_INLINE void lk_max_pool_gradient_planes(const lk_pooling *p, const void *dy, const void *places, void *dx,
                                           const ptrdiff_t lanes, const lk_type type, const lk_type window_type,
                                           const int is_wide, const ptrdiff_t kernel, const ptrdiff_t stride) {
  ptrdiff_t kernel_height = kernel ? kernel : p->kernel_height, kernel_width = kernel ? kernel : p->kernel_width;
  ptrdiff_t stride_height = stride ? stride : p->stride_height, stride_width = stride ? stride : p->stride_width;
  for (ptrdiff_t plane = 0, pixel = 0; plane < p->planes; plane++) {
    for (ptrdiff_t row = 0; row < p->height; row++) {
      ptrdiff_t y = row + p->padding_height, first_y, last_y;
      lk_windows(y, kernel_height, stride_height, p->rows, &first_y, &last_y);
      for (ptrdiff_t column = 0; column < p->width; column++, pixel += lanes) {
        ptrdiff_t x = column + p->padding_width, first_x, last_x;
        lk_windows(x, kernel_width, stride_width, p->columns, &first_x, &last_x);
        lk_vector sum = lk_splat(0);
        for (ptrdiff_t wy = first_y; wy < last_y; wy++) {
          for (ptrdiff_t wx = first_x; wx < last_x; wx++) {
            ptrdiff_t at = ((plane * p->rows + wy) * p->columns + wx) * lanes;
            ptrdiff_t number = (y - wy * stride_height) * kernel_width + x - wx * stride_width;
            lk_mask won = lk_places(places, at, lanes, is_wide) == (lk_mask){0} + (int32_t)number;
            sum += lk_select(won, lk_pixel(dy, at, lanes, window_type), lk_splat(0));
          }
        }
        lk_set_pixel(dx, pixel, sum, lanes, type);
      }
    }
  }
}

LK_INLINE void lk_zero_pixels(void *to, ptrdiff_t at, ptrdiff_t count, const lk_type type) {
  size_t size = type == LK_BFLOAT16 ? sizeof(uint16_t) : sizeof(float);
  if (count > 0) memset((char *)to + (size_t)at * size, 0, (size_t)count * size);
}

// Windows side by side without padding: each writes its own pixels, and what no window covers is zero.
LK_INLINE void lk_max_pool_gradient_apart(const lk_pooling *p, const void *dy, const void *places, void *dx,
                                          const ptrdiff_t lanes, const lk_type type, const lk_type window_type,
                                          const int is_wide, const ptrdiff_t fixed) {
  ptrdiff_t kernel_height = fixed ? fixed : p->kernel_height, kernel_width = fixed ? fixed : p->kernel_width;
  ptrdiff_t covered = p->columns * kernel_width;
  for (ptrdiff_t plane = 0, window = 0; plane < p->planes; plane++) {
    ptrdiff_t start = plane * p->height * p->width * lanes;
    for (ptrdiff_t row = 0; row < p->rows; row++) {
      ptrdiff_t at = start + row * kernel_height * p->width * lanes;
      for (ptrdiff_t column = 0; column < p->columns; column++, window += lanes) {
        lk_vector gradient = lk_pixel(dy, window, lanes, window_type);
        lk_mask place = lk_places(places, window, lanes, is_wide);
        for (ptrdiff_t ky = 0; ky < kernel_height; ky++) {
          for (ptrdiff_t kx = 0; kx < kernel_width; kx++) {
            lk_mask won = place == (lk_mask){0} + (int32_t)(ky * kernel_width + kx);
            lk_set_pixel(dx, at + (ky * p->width + column * kernel_width + kx) * lanes,
                         lk_select(won, gradient, lk_splat(0)), lanes, type);
          }
        }
      }
      for (ptrdiff_t ky = 0; ky < kernel_height; ky++)
        lk_zero_pixels(dx, at + (ky * p->width + covered) * lanes, (p->width - covered) * lanes, type);
    }
    ptrdiff_t rows = p->rows * kernel_height;
    lk_zero_pixels(dx, start + rows * p->width * lanes, (p->height - rows) * p->width * lanes, type);
  }
}

void LK_CLONE(max_pool_gradient)(const lk_pooling *p, const void *dy, const void *places, void *dx) {
  int is_apart = p->kernel_height == p->stride_height && p->kernel_width == p->stride_width &&
                 p->padding_height == 0 && p->padding_width == 0;
  int is_halving = lk_fixed_kernel(p) == 3 && p->stride_height == 2 && p->stride_width == 2;
  if (p->wide_places) LK_POOL_WIDE(lk_max_pool_gradient_planes(p, dy, places, dx, lanes, type, window_type, is_wide, 0, 0), 1);
  else if (is_apart && lk_fixed_kernel(p) == 2)
    LK_POOL_WIDE(lk_max_pool_gradient_apart(p, dy, places, dx, lanes, type, window_type, is_wide, 2), 0);
  else if (is_apart) LK_POOL_WIDE(lk_max_pool_gradient_apart(p, dy, places, dx, lanes, type, window_type, is_wide, 0), 0);
  else if (is_halving) LK_POOL_WIDE(lk_max_pool_gradient_planes(p, dy, places, dx, lanes, type, window_type, is_wide, 3, 2), 0);
  else LK_POOL_WIDE(lk_max_pool_gradient_planes(p, dy, places, dx, lanes, type, window_type, is_wide, 0, 0), 0);
}

LK_INLINE float lk_pool_share(const lk_pooling *p, ptrdiff_t row, ptrdiff_t column) {
  if (p->counts_padding) return 1.0f / (float)(p->kernel_height * p->kernel_width);
  ptrdiff_t first_y, last_y, first_x, last_x;
  lk_taps(row * p->stride_height - p->padding_height, p->kernel_height, p->height, &first_y, &last_y);
  lk_taps(column * p->stride_width - p->padding_width, p->kernel_width, p->width, &first_x, &last_x);
  return 1.0f / (float)((last_y - first_y) * (last_x - first_x));
}

LK_INLINE void lk_average_pool_planes(const lk_pooling *p, const void *x, void *y, const ptrdiff_t lanes,
                                      const lk_type type, const lk_type window_type) {
  for (ptrdiff_t plane = 0, result = 0; plane < p->planes; plane++) {
    for (ptrdiff_t row = 0; row < p->rows; row++) {
      ptrdiff_t top = row * p->stride_height - p->padding_height, first_y, last_y;
      lk_taps(top, p->kernel_height, p->height, &first_y, &last_y);
      for (ptrdiff_t column = 0; column < p->columns; column++, result += lanes) {
        ptrdiff_t left = column * p->stride_width - p->padding_width, first_x, last_x;
        lk_taps(left, p->kernel_width, p->width, &first_x, &last_x);
        lk_vector sum = lk_splat(0);
        for (ptrdiff_t ky = first_y; ky < last_y; ky++) {
          ptrdiff_t at = ((plane * p->height + top + ky) * p->width + left) * lanes;
          for (ptrdiff_t kx = first_x; kx < last_x; kx++) sum += lk_pixel(x, at + kx * lanes, lanes, type);
        }
        lk_set_pixel(y, result, sum * lk_splat(lk_pool_share(p, row, column)), lanes, window_type);
      }
    }
  }
}

void LK_CLONE(average_pool)(const lk_pooling *p, const void *x, void *y) {
  LK_POOL_WIDE(lk_average_pool_planes(p, x, y, lanes, type, window_type), 0);
}

LK_INLINE void lk_average_pool_gradient_planes(const lk_pooling *p, const void *dy, void *dx, const ptrdiff_t lanes,
                                               const lk_type type, const lk_type window_type) {
  for (ptrdiff_t plane = 0, pixel = 0; plane < p->planes; plane++) {
    for (ptrdiff_t row = 0; row < p->height; row++) {
      ptrdiff_t first_y, last_y;
      lk_windows(row + p->padding_height, p->kernel_height, p->stride_height, p->rows, &first_y, &last_y);
      for (ptrdiff_t column = 0; column < p->width; column++, pixel += lanes) {
        ptrdiff_t first_x, last_x;
        lk_windows(column + p->padding_width, p->kernel_width, p->stride_width, p->columns, &first_x, &last_x);
        lk_vector sum = lk_splat(0);
        for (ptrdiff_t wy = first_y; wy < last_y; wy++) {
          for (ptrdiff_t wx = first_x; wx < last_x; wx++) {
            lk_vector value = lk_pixel(dy, ((plane * p->rows + wy) * p->columns + wx) * lanes, lanes, window_type);
            // Not fused: the gradient has the same bits on processors without fused multiply-add.
            sum += value * lk_splat(lk_pool_share(p, wy, wx));
          }
        }
        lk_set_pixel(dx, pixel, sum, lanes, type);
      }
    }
  }
}

void LK_CLONE(average_pool_gradient)(const lk_pooling *p, const void *dy, void *dx) {
  LK_POOL_WIDE(lk_average_pool_gradient_planes(p, dy, dx, lanes, type, window_type), 0);
}

LK_INLINE void lk_channel_bias_types(const void *x, const lk_type x_type, const float *bias, void *y,
                                     const lk_type y_type, ptrdiff_t samples, ptrdiff_t channels, ptrdiff_t pixels,
                                     ptrdiff_t lanes) {
  ptrdiff_t at = 0;
  for (ptrdiff_t sample = 0; sample < samples; sample++) {
    for (ptrdiff_t channel = 0; channel < channels; channel += lanes) {
      ptrdiff_t known = channels - channel < lanes ? channels - channel : lanes;
      lk_vector add = lanes == 1 ? lk_splat(bias[channel]) : lk_load_some(bias + channel, known);
      ptrdiff_t end = at + pixels * lanes, step = lanes == 1 ? LK_LANES : lanes;
      for (; at + step <= end; at += step) lk_set_pixel(y, at, lk_pixel(x, at, step, x_type) + add, step, y_type);
      if (at < end) lk_write_some(y, at, lk_read_some(x, at, end - at, x_type) + add, end - at, y_type);
      at = end;
    }
  }
}

void LK_CLONE(channel_bias)(const void *x, lk_type x_type, const float *bias, void *y, lk_type y_type,
                            ptrdiff_t samples, ptrdiff_t channels, ptrdiff_t pixels, ptrdiff_t lanes) {
  if (x_type != y_type) lk_channel_bias_types(x, x_type, bias, y, y_type, samples, channels, pixels, lanes);
  else if (x_type == LK_BFLOAT16)
    lk_channel_bias_types(x, LK_BFLOAT16, bias, y, LK_BFLOAT16, samples, channels, pixels, lanes);
  else lk_channel_bias_types(x, LK_FLOAT32, bias, y, LK_FLOAT32, samples, channels, pixels, lanes);
}

#include "streamed_matmul.h"
