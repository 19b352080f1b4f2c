// Plain twins of the kernels that vary pictures.
#include <math.h>

#include "lockstep_kernels.h"

#pragma STDC FP_CONTRACT OFF

static float element(const lk_picture_arguments *a, ptrdiff_t x, ptrdiff_t y, ptrdiff_t channel) {
  ptrdiff_t near_x = x < 0 ? 0 : x >= a->width ? a->width - 1 : x;
  ptrdiff_t near_y = y < 0 ? 0 : y >= a->height ? a->height - 1 : y;
  if (a->surroundings && (near_x != x || near_y != y)) return a->surroundings[channel];
  return a->elements[(near_y * a->width + near_x) * a->pixel_step + channel * a->channel_step];
}

void lkr_picture_sample(const lk_picture_arguments *a) {
  for (ptrdiff_t row = 0; row < a->shown_height; row++) {
    float y = (float)row + 0.5f - (float)a->shown_height / 2;
    for (ptrdiff_t column = 0; column < a->shown_width; column++) {
      float x = ((float)column + 0.5f - (float)a->shown_width / 2) * a->mirror;
      float from_x = a->center_x + a->cosine * x - a->sine * y;
      float from_y = a->center_y + a->sine * x + a->cosine * y;
      float left = floorf(from_x), top = floorf(from_y);
      ptrdiff_t at_x = (ptrdiff_t)left, at_y = (ptrdiff_t)top;
      for (ptrdiff_t channel = 0; channel < a->channels; channel++) {
        float upper_left = element(a, at_x, at_y, channel), lower_left = element(a, at_x, at_y + 1, channel);
        float upper = upper_left + (from_x - left) * (element(a, at_x + 1, at_y, channel) - upper_left);
        float lower = lower_left + (from_x - left) * (element(a, at_x + 1, at_y + 1, channel) - lower_left);
        a->shown[(channel * a->shown_height + row) * a->shown_width + column] =
            upper + (from_y - top) * (lower - upper);
      }
    }
  }
}

static float shade(float x) { return x < 0 ? 0 : x > 255 ? 255 : x; }

static float grey(const float *x, ptrdiff_t channels, ptrdiff_t count, ptrdiff_t at) {
  if (channels != 3) return x[at];
  return 0.2989f * x[at] + 0.587f * x[at + count] + 0.114f * x[at + 2 * count];
}

void lkr_picture_colors(float *x, ptrdiff_t channels, ptrdiff_t count, float brightness, float contrast,
                        float saturation) {
  for (ptrdiff_t i = 0; i < channels * count; i++) x[i] = brightness == 1 ? x[i] : shade(x[i] * brightness);
  if (contrast != 1) {
    double sum = 0;
    for (ptrdiff_t i = 0; i < count; i++) sum += grey(x, channels, count, i);
    float mean = (float)(sum / (double)count);
    for (ptrdiff_t i = 0; i < channels * count; i++) x[i] = shade(mean + contrast * (x[i] - mean));
  }
  if (saturation == 1 || channels != 3) return;
  for (ptrdiff_t i = 0; i < count; i++) {
    float of_pixel = grey(x, channels, count, i);
    for (ptrdiff_t channel = 0; channel < 3; channel++)
      x[channel * count + i] = shade(of_pixel + saturation * (x[channel * count + i] - of_pixel));
  }
}

void lkr_picture_normalize(float *x, ptrdiff_t channels, ptrdiff_t count, const float *factors,
                           const float *offsets) {
  for (ptrdiff_t channel = 0; channel < channels; channel++)
    for (ptrdiff_t i = 0; i < count; i++)
      x[channel * count + i] = x[channel * count + i] * factors[channel] + offsets[channel];
}
