// Plain twins of the kernels for images: pooling, layouts and what oneDNN lacks around convolutions.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lockstep_kernels.h"

// One number of an array of either type; bfloat16 is rounded to nearest even.
static float get(const void *from, ptrdiff_t at, lk_type type) {
  if (type == LK_FLOAT32) return ((const float *)from)[at];
  uint32_t bits = (uint32_t)((const uint16_t *)from)[at] << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static void set(void *to, ptrdiff_t at, float value, lk_type type) {
  if (type == LK_FLOAT32) {
    ((float *)to)[at] = value;
    return;
  }
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  if (isnan(value)) bits |= 0x400000;
  else bits += 0x7fff + (bits >> 16 & 1);
  ((uint16_t *)to)[at] = (uint16_t)(bits >> 16);
}

// One pixel of one lane, and how its window goes on.
typedef struct tap {
  ptrdiff_t image;  // place of the pixel
  int number;       // in the window
} tap;

// The taps of a window that lie inside the image; `taps` has room for all.
static int window_taps(const lk_pooling *p, ptrdiff_t plane, ptrdiff_t row, ptrdiff_t column, ptrdiff_t lane,
                       tap *taps) {
  int count = 0;
  for (ptrdiff_t ky = 0; ky < p->kernel_height; ky++) {
    for (ptrdiff_t kx = 0; kx < p->kernel_width; kx++) {
      ptrdiff_t y = row * p->stride_height - p->padding_height + ky;
      ptrdiff_t x = column * p->stride_width - p->padding_width + kx;
      if (y < 0 || y >= p->height || x < 0 || x >= p->width) continue;
      taps[count].image = ((plane * p->height + y) * p->width + x) * p->lanes + lane;
      taps[count++].number = (int)(ky * p->kernel_width + kx);
    }
  }
  return count;
}

// Runs `body` for each window and lane with its taps; `result` is the place of the window's result.
#define FOR_EACH_WINDOW(body)                                                                    \
  tap *taps = malloc((size_t)(p->kernel_height * p->kernel_width) * sizeof *taps);               \
  for (ptrdiff_t plane = 0, result = 0; plane < p->planes; plane++)                              \
    for (ptrdiff_t row = 0; row < p->rows; row++)                                                \
      for (ptrdiff_t column = 0; column < p->columns; column++)                                  \
        for (ptrdiff_t lane = 0; lane < p->lanes; lane++, result++) {                            \
          int count = window_taps(p, plane, row, column, lane, taps);                            \
          body                                                                                   \
        }                                                                                        \
  free(taps);

void lkr_max_pool(const lk_pooling *p, const void *x, void *y, void *places) {
  FOR_EACH_WINDOW({
    float best = -INFINITY;
    int place = taps[0].number;
    for (int i = 0; i < count; i++) {
      float value = get(x, taps[i].image, p->type);
      if (!(value > best || isnan(value) || i == 0)) continue;
      best = value;
      place = taps[i].number;
    }
    if (p->relu) {
      if (best < 0) best = 0;
      if (!(best > 0)) place = LK_NOBODY;
    }
    set(y, result, best, p->window_type);
    if (places && p->wide_places) ((int32_t *)places)[result] = place;
    else if (places) ((uint8_t *)places)[result] = (uint8_t)place;
  })
}

// Adds up in float32 and stores once, so that bfloat16 images round once.
static float *zeros(const lk_pooling *p) {
  return calloc((size_t)(p->planes * p->height * p->width * p->lanes), sizeof(float));
}

static void finish(const lk_pooling *p, float *sums, void *dx) {
  for (ptrdiff_t i = 0; i < p->planes * p->height * p->width * p->lanes; i++) set(dx, i, sums[i], p->type);
  free(sums);
}

void lkr_max_pool_gradient(const lk_pooling *p, const void *dy, const void *places, void *dx) {
  float *sums = zeros(p);
  FOR_EACH_WINDOW({
    int place = p->wide_places ? ((const int32_t *)places)[result] : ((const uint8_t *)places)[result];
    for (int i = 0; i < count; i++)
      if (taps[i].number == place) sums[taps[i].image] += get(dy, result, p->window_type);
  })
  finish(p, sums, dx);
}

void lkr_average_pool(const lk_pooling *p, const void *x, void *y) {
  FOR_EACH_WINDOW({
    double sum = 0;
    for (int i = 0; i < count; i++) sum += get(x, taps[i].image, p->type);
    ptrdiff_t divisor = p->counts_padding ? p->kernel_height * p->kernel_width : count;
    set(y, result, (float)(sum / (double)divisor), p->window_type);
  })
}

void lkr_average_pool_gradient(const lk_pooling *p, const void *dy, void *dx) {
  float *sums = zeros(p);
  FOR_EACH_WINDOW({
    ptrdiff_t divisor = p->counts_padding ? p->kernel_height * p->kernel_width : count;
    for (int i = 0; i < count; i++) sums[taps[i].image] += get(dy, result, p->window_type) / (float)divisor;
  })
  finish(p, sums, dx);
}

void lkr_channel_bias(const void *x, lk_type x_type, const float *bias, void *y, lk_type y_type, ptrdiff_t samples,
                      ptrdiff_t channels, ptrdiff_t pixels, ptrdiff_t lanes) {
  ptrdiff_t blocks = (channels + lanes - 1) / lanes;
  for (ptrdiff_t i = 0; i < samples * blocks * pixels * lanes; i++) {
    ptrdiff_t channel = i / (pixels * lanes) % blocks * lanes + i % lanes;
    set(y, i, get(x, i, x_type) + (channel < channels ? bias[channel] : 0), y_type);
  }
}

void lkr_matmul_few_rows(const lk_matmul_arguments *x) { lkr_matmul(x); }
void lkr_matmul_few_steps(const lk_matmul_arguments *x) { lkr_matmul(x); }
