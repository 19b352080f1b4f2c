// Pictures varied while training. Every shown pixel is computed by itself, by the same operations in the same order as
// the plain twin: bits are equal.

LK_INLINE lk_vector lk_clipped(lk_vector x, float low, float high) {
  return lk_minimum(lk_maximum(x, lk_splat(low)), lk_splat(high));
}

// The greatest whole number that is not above x, which lies within the range of int32.
LK_INLINE lk_mask lk_whole_below(lk_vector x) {
  lk_mask n = __builtin_convertvector(x, lk_mask);
  return n + (__builtin_convertvector(n, lk_vector) > x);  // a comparison that holds is −1
}

LK_INLINE lk_mask lk_bounded(lk_mask n, int32_t limit) {
  lk_mask zero = {0}, last = zero + (limit - 1);
  n = n & ~(n < zero);
  lk_mask above = n > last;
  return (last & above) | (n & ~above);
}

// Where one of the four pixels lies, and whether it is in the picture.
typedef struct lk_tap {
  lk_mask pixel, inside;
} lk_tap;

LK_INLINE lk_tap lk_tap_at(lk_mask column, lk_mask row, const lk_picture_arguments *a) {
  lk_mask near_column = lk_bounded(column, (int32_t)a->width), near_row = lk_bounded(row, (int32_t)a->height);
  lk_mask width = (lk_mask){0} + (int32_t)a->width;
  return (lk_tap){near_row * width + near_column, (near_column == column) & (near_row == row)};
}

// Four bytes of each of sixteen pixels of three: red, green, blue in the lower bits. All but the first pixel are read
// from the byte before, so that nothing behind the picture is.
LK_INLINE lk_mask lk_three_bytes(const uint8_t *elements, lk_mask pixels) {
  lk_mask behind = pixels > 0;  // −1 where there is a byte before
  lk_mask places = pixels * 3 + behind, words;
#ifdef LK_HAS_MASKS
  words = (lk_mask)_mm512_i32gather_epi32((__m512i)places, elements, 1);
#else
#pragma clang loop unroll(full)
  for (int i = 0; i < LK_LANES; i++) memcpy((int32_t *)&words + i, elements + places[i], sizeof(int32_t));
#endif
  return words >> (behind & 8);
}

LK_INLINE lk_vector lk_one_byte(const uint8_t *elements, lk_mask pixels, ptrdiff_t step) {
  lk_mask bytes;
#pragma clang loop unroll(full)
  for (int i = 0; i < LK_LANES; i++) bytes[i] = elements[(ptrdiff_t)pixels[i] * step];
  return __builtin_convertvector(bytes, lk_vector);
}

// Sixteen shown pixels, of which `count` are kept; `packed` is constant where this is inlined.
LK_INLINE void lk_sixteen_pixels(const lk_picture_arguments *a, lk_vector x, lk_vector y, float *to, ptrdiff_t count,
                                 const int packed) {
  lk_vector from_x = lk_splat(a->center_x) + lk_splat(a->cosine) * x - lk_splat(a->sine) * y;
  lk_vector from_y = lk_splat(a->center_y) + lk_splat(a->sine) * x + lk_splat(a->cosine) * y;
  // Two pixels beyond the border nothing changes any more; this bounds the whole numbers.
  from_x = lk_clipped(from_x, -2, (float)a->width + 1);
  from_y = lk_clipped(from_y, -2, (float)a->height + 1);
  lk_mask left = lk_whole_below(from_x), top = lk_whole_below(from_y);
  lk_vector share_x = from_x - __builtin_convertvector(left, lk_vector);
  lk_vector share_y = from_y - __builtin_convertvector(top, lk_vector);
  lk_tap taps[4] = {lk_tap_at(left, top, a), lk_tap_at(left + 1, top, a), lk_tap_at(left, top + 1, a),
                    lk_tap_at(left + 1, top + 1, a)};
  lk_mask words[4];
  if (packed)
    for (int tap = 0; tap < 4; tap++) words[tap] = lk_three_bytes(a->elements, taps[tap].pixel);
  for (ptrdiff_t channel = 0; channel < a->channels; channel++) {
    lk_vector values[4];
    for (int tap = 0; tap < 4; tap++) {
      values[tap] = packed ? __builtin_convertvector((words[tap] >> (int32_t)(8 * channel)) & 255, lk_vector)
                           : lk_one_byte(a->elements + channel * a->channel_step, taps[tap].pixel, a->pixel_step);
      if (a->surroundings)
        values[tap] = lk_select(taps[tap].inside, values[tap], lk_splat(a->surroundings[channel]));
    }
    lk_vector upper = values[0] + share_x * (values[1] - values[0]);
    lk_vector lower = values[2] + share_x * (values[3] - values[2]);
    lk_store_some(to + channel * a->shown_width * a->shown_height, upper + share_y * (lower - upper), count);
  }
}

LK_INLINE void lk_picture_rows(const lk_picture_arguments *a, const int packed) {
  lk_vector lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  lk_vector half_width = lk_splat((float)a->shown_width / 2);
  for (ptrdiff_t row = 0; row < a->shown_height; row++) {
    lk_vector y = lk_splat((float)row + 0.5f - (float)a->shown_height / 2);
    for (ptrdiff_t column = 0; column < a->shown_width; column += LK_LANES) {
      ptrdiff_t left = a->shown_width - column;
      lk_vector x = (lk_splat((float)column) + lane + lk_splat(0.5f) - half_width) * lk_splat(a->mirror);
      lk_sixteen_pixels(a, x, y, a->shown + row * a->shown_width + column, left < LK_LANES ? left : LK_LANES, packed);
    }
  }
}

void LK_CLONE(picture_sample)(const lk_picture_arguments *a) {
  // A picture of one pixel has fewer bytes than a word.
  if (a->channels == 3 && a->pixel_step == 3 && a->channel_step == 1 && a->width * a->height > 1)
    lk_picture_rows(a, 1);
  else lk_picture_rows(a, 0);
}

LK_INLINE lk_vector lk_grey(const float *x, ptrdiff_t channels, ptrdiff_t count, ptrdiff_t at, ptrdiff_t kept) {
  if (channels != 3) return lk_load_some(x + at, kept);
  return lk_splat(0.2989f) * lk_load_some(x + at, kept) + lk_splat(0.587f) * lk_load_some(x + at + count, kept) +
         lk_splat(0.114f) * lk_load_some(x + at + 2 * count, kept);
}

LK_INLINE lk_vector lk_shade(lk_vector x) { return lk_clipped(x, 0, 255); }

void LK_CLONE(picture_colors)(float *x, ptrdiff_t channels, ptrdiff_t count, float brightness, float contrast,
                              float saturation) {
  if (brightness != 1) LK_MAP(x, channels * count, lk_shade(LK_AT(x) * lk_splat(brightness)));
  if (contrast != 1) {
    lk_doubles sums = {0};
    for (ptrdiff_t at = 0; at < count; at += LK_LANES) {
      ptrdiff_t kept = count - at < LK_LANES ? count - at : LK_LANES;
      sums += __builtin_convertvector(lk_grey(x, channels, count, at, kept), lk_doubles);
    }
    double sum = 0;
    for (int i = 0; i < LK_LANES; i++) sum += sums[i];
    lk_vector mean = lk_splat((float)(sum / (double)count));
    LK_MAP(x, channels * count, lk_shade(mean + lk_splat(contrast) * (LK_AT(x) - mean)));
  }
  if (saturation == 1 || channels != 3) return;
  for (ptrdiff_t at = 0; at < count; at += LK_LANES) {
    ptrdiff_t kept = count - at < LK_LANES ? count - at : LK_LANES;
    lk_vector grey = lk_grey(x, channels, count, at, kept);
    for (ptrdiff_t channel = 0; channel < 3; channel++) {
      float *to = x + channel * count + at;
      lk_vector shade = lk_load_some(to, kept);
      lk_store_some(to, lk_shade(grey + lk_splat(saturation) * (shade - grey)), kept);
    }
  }
}

void LK_CLONE(picture_normalize)(float *x, ptrdiff_t channels, ptrdiff_t count, const float *factors,
                                 const float *offsets) {
  for (ptrdiff_t channel = 0; channel < channels; channel++, x += count) {
    lk_vector factor = lk_splat(factors[channel]), offset = lk_splat(offsets[channel]);
    LK_MAP(x, count, LK_AT(x) * factor + offset);
  }
}
