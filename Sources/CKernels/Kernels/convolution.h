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

LK_INLINE void lk_max_pool_planes(const lk_pooling *p, const void *x, void *y, void *places, const ptrdiff_t lanes,
                                  const lk_type type, const int is_wide) {
  for (ptrdiff_t plane = 0, result = 0; plane < p->planes; plane++) {
    for (ptrdiff_t row = 0; row < p->rows; row++) {
      ptrdiff_t top = row * p->stride_height - p->padding_height, first_y, last_y;
      lk_taps(top, p->kernel_height, p->height, &first_y, &last_y);
      for (ptrdiff_t column = 0; column < p->columns; column++, result += lanes) {
        ptrdiff_t left = column * p->stride_width - p->padding_width, first_x, last_x;
        lk_taps(left, p->kernel_width, p->width, &first_x, &last_x);
        lk_vector best = lk_splat(0);
        lk_mask place = {0};
        for (ptrdiff_t ky = first_y; ky < last_y; ky++) {
          ptrdiff_t at = ((plane * p->height + top + ky) * p->width + left) * lanes;
          for (ptrdiff_t kx = first_x; kx < last_x; kx++) {
            lk_vector value = lk_pixel(x, at + kx * lanes, lanes, type);
            lk_mask wins = (value > best) | (value != value);
            if (ky == first_y && kx == first_x) wins = (lk_mask){0} == (lk_mask){0};
            best = lk_select(wins, value, best);
            lk_mask number = (lk_mask){0} + (int32_t)(ky * p->kernel_width + kx);
            place = (number & wins) | (place & ~wins);
          }
        }
        if (p->relu) {
          best = lk_apply(LK_RELU, best);
          lk_mask counts = best > lk_splat(0);
          place = (place & counts) | (((lk_mask){0} + LK_NOBODY) & ~counts);
        }
        lk_set_pixel(y, result, best, lanes, type);
        if (places) lk_set_places(places, result, place, lanes, is_wide);
      }
    }
  }
}

// Calls `body` with lanes, element type and width of places as constants.
#define LK_POOL_LANES(body, lanes_, type_, wide_) \
  do {                                            \
    const ptrdiff_t lanes = lanes_;               \
    const lk_type type = type_;                   \
    const int is_wide = wide_;                    \
    (void)is_wide;                                \
    body;                                         \
  } while (0)
#define LK_POOL_TYPE(body, lanes_, wide_)                                                 \
  do {                                                                                    \
    if (p->type == LK_BFLOAT16) LK_POOL_LANES(body, lanes_, LK_BFLOAT16, wide_);          \
    else LK_POOL_LANES(body, lanes_, LK_FLOAT32, wide_);                                  \
  } while (0)
#define LK_POOL_WIDE(body, wide_)                                   \
  do {                                                              \
    if (p->lanes == LK_LANES) LK_POOL_TYPE(body, LK_LANES, wide_);  \
    else if (p->lanes == 8) LK_POOL_TYPE(body, 8, wide_);           \
    else LK_POOL_TYPE(body, 1, wide_);                              \
  } while (0)

void LK_CLONE(max_pool)(const lk_pooling *p, const void *x, void *y, void *places) {
  if (p->wide_places) LK_POOL_WIDE(lk_max_pool_planes(p, x, y, places, lanes, type, is_wide), 1);
  else LK_POOL_WIDE(lk_max_pool_planes(p, x, y, places, lanes, type, is_wide), 0);
}

// Each pixel adds up, in row-major order, the gradients of the windows that it won.
LK_INLINE void lk_max_pool_gradient_planes(const lk_pooling *p, const void *dy, const void *places, void *dx,
                                           const ptrdiff_t lanes, const lk_type type, const int is_wide) {
  for (ptrdiff_t plane = 0, pixel = 0; plane < p->planes; plane++) {
    for (ptrdiff_t row = 0; row < p->height; row++) {
      ptrdiff_t y = row + p->padding_height, first_y, last_y;
      lk_windows(y, p->kernel_height, p->stride_height, p->rows, &first_y, &last_y);
      for (ptrdiff_t column = 0; column < p->width; column++, pixel += lanes) {
        ptrdiff_t x = column + p->padding_width, first_x, last_x;
        lk_windows(x, p->kernel_width, p->stride_width, p->columns, &first_x, &last_x);
        lk_vector sum = lk_splat(0);
        for (ptrdiff_t wy = first_y; wy < last_y; wy++) {
          for (ptrdiff_t wx = first_x; wx < last_x; wx++) {
            ptrdiff_t at = ((plane * p->rows + wy) * p->columns + wx) * lanes;
            ptrdiff_t number = (y - wy * p->stride_height) * p->kernel_width + x - wx * p->stride_width;
            lk_mask won = lk_places(places, at, lanes, is_wide) == (lk_mask){0} + (int32_t)number;
            sum += lk_select(won, lk_pixel(dy, at, lanes, type), lk_splat(0));
          }
        }
        lk_set_pixel(dx, pixel, sum, lanes, type);
      }
    }
  }
}

void LK_CLONE(max_pool_gradient)(const lk_pooling *p, const void *dy, const void *places, void *dx) {
  if (p->wide_places) LK_POOL_WIDE(lk_max_pool_gradient_planes(p, dy, places, dx, lanes, type, is_wide), 1);
  else LK_POOL_WIDE(lk_max_pool_gradient_planes(p, dy, places, dx, lanes, type, is_wide), 0);
}

LK_INLINE float lk_pool_share(const lk_pooling *p, ptrdiff_t row, ptrdiff_t column) {
  if (p->counts_padding) return 1.0f / (float)(p->kernel_height * p->kernel_width);
  ptrdiff_t first_y, last_y, first_x, last_x;
  lk_taps(row * p->stride_height - p->padding_height, p->kernel_height, p->height, &first_y, &last_y);
  lk_taps(column * p->stride_width - p->padding_width, p->kernel_width, p->width, &first_x, &last_x);
  return 1.0f / (float)((last_y - first_y) * (last_x - first_x));
}

LK_INLINE void lk_average_pool_planes(const lk_pooling *p, const void *x, void *y, const ptrdiff_t lanes,
                                      const lk_type type) {
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
        lk_set_pixel(y, result, sum * lk_splat(lk_pool_share(p, row, column)), lanes, type);
      }
    }
  }
}

void LK_CLONE(average_pool)(const lk_pooling *p, const void *x, void *y) {
  LK_POOL_WIDE(lk_average_pool_planes(p, x, y, lanes, type), 0);
}

LK_INLINE void lk_average_pool_gradient_planes(const lk_pooling *p, const void *dy, void *dx, const ptrdiff_t lanes,
                                               const lk_type type) {
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
            lk_vector value = lk_pixel(dy, ((plane * p->rows + wy) * p->columns + wx) * lanes, lanes, type);
            sum = lk_fma(value, lk_splat(lk_pool_share(p, wy, wx)), sum);
          }
        }
        lk_set_pixel(dx, pixel, sum, lanes, type);
      }
    }
  }
}

void LK_CLONE(average_pool_gradient)(const lk_pooling *p, const void *dy, void *dx) {
  LK_POOL_WIDE(lk_average_pool_gradient_planes(p, dy, dx, lanes, type), 0);
}

LK_INLINE void lk_channel_bias_type(const void *x, const float *bias, void *y, ptrdiff_t samples, ptrdiff_t channels,
                                    ptrdiff_t pixels, ptrdiff_t lanes, const lk_type type) {
  ptrdiff_t at = 0;
  for (ptrdiff_t sample = 0; sample < samples; sample++) {
    for (ptrdiff_t channel = 0; channel < channels; channel += lanes) {
      ptrdiff_t known = channels - channel < lanes ? channels - channel : lanes;
      lk_vector add = lanes == 1 ? lk_splat(bias[channel]) : lk_load_some(bias + channel, known);
      ptrdiff_t end = at + pixels * lanes, step = lanes == 1 ? LK_LANES : lanes;
      for (; at + step <= end; at += step) lk_set_pixel(y, at, lk_pixel(x, at, step, type) + add, step, type);
      if (at < end) lk_write_some(y, at, lk_read_some(x, at, end - at, type) + add, end - at, type);
      at = end;
    }
  }
}

void LK_CLONE(channel_bias)(const void *x, const float *bias, void *y, ptrdiff_t samples, ptrdiff_t channels,
                            ptrdiff_t pixels, ptrdiff_t lanes, lk_type type) {
  if (type == LK_BFLOAT16) lk_channel_bias_type(x, bias, y, samples, channels, pixels, lanes, LK_BFLOAT16);
  else lk_channel_bias_type(x, bias, y, samples, channels, pixels, lanes, LK_FLOAT32);
}
