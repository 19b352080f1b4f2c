// Kernels for varying pictures while training; see lockstep_kernels.h.
#pragma once

// What of a stored picture is shown: shown pixel (column, row) is taken at
//   (center_x + cosine·x − sine·y, center_y + sine·x + cosine·y), x = (column + ½ − shown_width / 2)·mirror,
//   y = row + ½ − shown_height / 2,
// by the bilinear mean of the four stored pixels around that place.
typedef struct lk_picture_arguments {
  const uint8_t *elements;
  ptrdiff_t width, height, channels;
  ptrdiff_t pixel_step, channel_step;  // from a pixel of a row to the next, from a channel of a pixel to the next
  const float *surroundings;           // what is seen beyond the border, one a channel; null for the nearest pixel
  ptrdiff_t shown_width, shown_height;
  float center_x, center_y, cosine, sine, mirror;
  float *shown;  // [channels, shown_height, shown_width]
} lk_picture_arguments;

#define LK_PICTURES_KERNELS(K)                                                                                         \
  K(picture_sample, (const lk_picture_arguments *a), (a))                                                              \
  /* Colours of [channels, count] from 0 to 255 by the formulas of torchvision's ColorJitter, in this order; a factor   \
     of 1 changes nothing. Grey is by ITU-R 601. */                                                                    \
  K(picture_colors,                                                                                                    \
    (float *x, ptrdiff_t channels, ptrdiff_t count, float brightness, float contrast, float saturation),               \
    (x, channels, count, brightness, contrast, saturation))                                                            \
  /* x[c] = x[c]·factors[c] + offsets[c] */                                                                            \
  K(picture_normalize,                                                                                                 \
    (float *x, ptrdiff_t channels, ptrdiff_t count, const float *factors, const float *offsets),                       \
    (x, channels, count, factors, offsets))
