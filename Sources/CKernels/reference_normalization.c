// Plain twins of the kernels for layer, group, batch and RMS norm.
#include <math.h>
#include <string.h>

#include "lockstep_kernels.h"

static float loaded(const void *from, ptrdiff_t at, lk_type type) {
  if (type == LK_FLOAT32) return ((const float *)from)[at];
  uint32_t bits = (uint32_t)((const uint16_t *)from)[at] << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static void stored(void *to, ptrdiff_t at, double value, lk_type type) {
  float narrow = (float)value;
  if (type == LK_FLOAT32) {
    ((float *)to)[at] = narrow;
    return;
  }
  uint32_t bits;
  memcpy(&bits, &narrow, sizeof bits);
  bits = narrow == narrow ? bits + 0x7fff + ((bits >> 16) & 1) : bits | 0x400000;
  ((uint16_t *)to)[at] = (uint16_t)(bits >> 16);
}

void lkr_norm_rows(const lk_norm_rows_arguments *a) {
  for (ptrdiff_t row = 0; row < a->rows; row++) {
    ptrdiff_t at = row * a->width;
    if (a->residual)
      for (ptrdiff_t i = at; i < at + a->width; i++)
        stored(a->sum, i, loaded(a->x, i, a->x_type) + loaded(a->residual, i, a->residual_type), a->sum_type);
    const void *x = a->residual ? a->sum : a->x;
    lk_type type = a->residual ? a->sum_type : a->x_type;
    double mean = 0, variance = 0;
    for (ptrdiff_t i = at; i < at + a->width && !a->is_rms; i++) mean += loaded(x, i, type) / (double)a->width;
    for (ptrdiff_t i = at; i < at + a->width; i++)
      variance += (loaded(x, i, type) - mean) * (loaded(x, i, type) - mean) / (double)a->width;
    double inverse = 1 / sqrt(variance + a->epsilon);
    if (a->mean) a->mean[row] = (float)mean;
    if (a->inverse) a->inverse[row] = (float)inverse;
    for (ptrdiff_t i = 0; i < a->width; i++) {
      double value = (loaded(x, at + i, type) - mean) * inverse;
      value = value * (a->scale ? a->scale[i] : 1) + (a->shift ? a->shift[i] : 0);
      stored(a->y, at + i, value, a->y_type);
    }
  }
}

void lkr_norm_rows_gradient(const lk_norm_rows_gradient_arguments *a) {
  for (ptrdiff_t row = 0; row < a->rows; row++) {
    ptrdiff_t at = row * a->width;
    double mean = a->mean ? a->mean[row] : 0, inverse = a->inverse[row], sum = 0, product = 0;
    for (ptrdiff_t i = 0; i < a->width; i++) {
      double normal = (loaded(a->x, at + i, a->x_type) - mean) * inverse;
      double g = loaded(a->dy, at + i, a->dy_type) * (a->scale ? a->scale[i] : 1.0);
      sum += a->mean ? g / (double)a->width : 0;
      product += g * normal / (double)a->width;
    }
    for (ptrdiff_t i = 0; i < a->width; i++) {
      double normal = (loaded(a->x, at + i, a->x_type) - mean) * inverse;
      double g = loaded(a->dy, at + i, a->dy_type) * (a->scale ? a->scale[i] : 1.0);
      double addend = a->addend ? loaded(a->addend, at + i, a->addend_type) : 0;
      stored(a->dx, at + i, inverse * (g - sum - normal * product) + addend, a->dx_type);
    }
  }
  // After dx, one column at a time in float64; dx may not lie over dy here.
  for (ptrdiff_t i = 0; i < a->width; i++) {
    double dscale = 0, dshift = 0;
    for (ptrdiff_t row = 0; row < a->rows; row++) {
      double dy = loaded(a->dy, row * a->width + i, a->dy_type);
      double x = loaded(a->x, row * a->width + i, a->x_type);
      dscale += dy * (x - (a->mean ? a->mean[row] : 0)) * a->inverse[row];
      dshift += dy;
    }
    if (a->dscale) a->dscale[i] = (float)dscale;
    if (a->dshift) a->dshift[i] = (float)dshift;
  }
}

// Where element `i` of a channel lies.
static ptrdiff_t place(const lk_channel_groups *g, ptrdiff_t channel, ptrdiff_t i) {
  ptrdiff_t each = g->is_cut ? 1 : g->length / g->channels;
  return i / each * g->run_stride + channel / g->channels * g->group_stride + i % each * g->channels +
         channel % g->channels;
}

static ptrdiff_t element_count(const lk_channel_groups *g) {
  return g->runs * (g->is_cut ? 1 : g->length / g->channels);
}

void lkr_batch_norm(const lk_batch_norm_arguments *a) {
  const lk_channel_groups *g = &a->groups;
  ptrdiff_t count = element_count(g), filled = g->is_cut ? g->total : g->count * g->channels;
  for (ptrdiff_t channel = 0; channel < filled; channel++) {
    double mean = 0, squares = 0;
    for (ptrdiff_t i = 0; i < count; i++) mean += loaded(a->x, place(g, channel, i), a->x_type) / (double)count;
    for (ptrdiff_t i = 0; i < count; i++) {
      double d = loaded(a->x, place(g, channel, i), a->x_type) - mean;
      squares += d * d;
    }
    int is_padding = channel >= g->total;
    if (a->fixed_mean) mean = is_padding ? 0 : a->fixed_mean[channel];
    double variance = a->fixed_mean ? is_padding ? 0 : a->fixed_variance[channel] : squares / (double)count;
    double inverse = 1 / sqrt(variance + a->epsilon);
    if (a->mean && !is_padding) {
      a->mean[channel] = (float)mean;
      a->inverse[channel] = (float)inverse;
      a->variance[channel] = (float)(squares / (double)(count > 1 ? count - 1 : 1));
    }
    for (ptrdiff_t i = 0; a->y && i < count; i++) {
      ptrdiff_t at = place(g, channel, i);
      double value = (loaded(a->x, at, a->x_type) - mean) * inverse * (is_padding ? 0 : a->scale[channel]);
      value += is_padding ? 0 : a->shift[channel];
      if (a->residual) value += loaded(a->residual, at, a->residual_type);
      stored(a->y, at, a->is_relu && value < 0 ? 0 : value, a->y_type);
    }
  }
}

void lkr_batch_norm_gradient(const lk_batch_norm_gradient_arguments *a) {
  const lk_channel_groups *g = &a->groups;
  ptrdiff_t count = element_count(g), filled = g->is_cut ? g->total : g->count * g->channels;
  for (ptrdiff_t channel = 0; channel < filled; channel++) {
    int is_padding = channel >= g->total;
    double mean = is_padding ? 0 : a->mean[channel], inverse = is_padding ? 0 : a->inverse[channel];
    double sum = 0, product = 0;
    for (ptrdiff_t i = 0; !a->total_dscale && i < count; i++) {
      ptrdiff_t at = place(g, channel, i);
      int passes = !a->saved || loaded(a->saved, at, a->saved_type) > 0;
      double dy = passes ? loaded(a->dy, at, a->dy_type) : 0;
      if (a->kept) stored(a->kept, at, dy, a->kept_type);
      sum += dy;
      product += dy * (loaded(a->x, at, a->x_type) - mean) * inverse;
    }
    double total = a->total_dscale ? a->total_count : (double)count;
    double all_sum = a->total_dscale && !is_padding ? a->total_dshift[channel] : sum;
    double all_product = a->total_dscale && !is_padding ? a->total_dscale[channel] : product;
    for (ptrdiff_t i = 0; a->dx && i < count; i++) {
      ptrdiff_t at = place(g, channel, i);
      int passes = !a->saved || loaded(a->saved, at, a->saved_type) > 0;
      double dy = passes ? loaded(a->dy, at, a->dy_type) : 0;
      double normal = (loaded(a->x, at, a->x_type) - mean) * inverse;
      double dx = (dy - all_sum / total - normal * all_product / total) * inverse;
      stored(a->dx, at, is_padding ? 0 : dx * a->scale[channel], a->dx_type);
    }
    if (a->dscale && !a->total_dscale && !is_padding) {
      a->dscale[channel] = (float)product;
      a->dshift[channel] = (float)sum;
    }
  }
}

void lkr_follow(float *value, const float *sum, float scale, float momentum, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i++)
    value[i] = (float)((1.0 - momentum) * value[i] + (double)momentum * scale * sum[i]);
}

void lkr_group_norm(const lk_group_norm_arguments *a) {
  ptrdiff_t channels = a->channels / a->groups, width = channels * a->positions;
  for (ptrdiff_t row = 0; row < a->samples * a->groups; row++) {
    double mean = 0, variance = 0;
    for (ptrdiff_t i = 0; i < width; i++) mean += loaded(a->x, row * width + i, a->x_type) / (double)width;
    for (ptrdiff_t i = 0; i < width; i++) {
      double d = loaded(a->x, row * width + i, a->x_type) - mean;
      variance += d * d / (double)width;
    }
    double inverse = 1 / sqrt(variance + a->epsilon);
    if (a->mean) a->mean[row] = (float)mean;
    if (a->inverse) a->inverse[row] = (float)inverse;
    for (ptrdiff_t i = 0; i < width; i++) {
      ptrdiff_t channel = row % a->groups * channels + i / a->positions;
      double value = (loaded(a->x, row * width + i, a->x_type) - mean) * inverse;
      stored(a->y, row * width + i, value * a->scale[channel] + a->shift[channel], a->y_type);
    }
  }
}

void lkr_group_norm_gradient(const lk_group_norm_gradient_arguments *a) {
  ptrdiff_t channels = a->channels / a->groups, width = channels * a->positions;
  for (ptrdiff_t channel = 0; channel < a->channels && a->dscale; channel++) {
    double dscale = 0, dshift = 0;
    for (ptrdiff_t sample = 0; sample < a->samples; sample++)
      for (ptrdiff_t i = 0; i < a->positions; i++) {
        ptrdiff_t at = (sample * a->channels + channel) * a->positions + i, row = at / width;
        double dy = loaded(a->dy, at, a->dy_type);
        dscale += dy * (loaded(a->x, at, a->x_type) - a->mean[row]) * a->inverse[row];
        dshift += dy;
      }
    a->dscale[channel] = (float)dscale;
    a->dshift[channel] = (float)dshift;
  }
  for (ptrdiff_t row = 0; row < a->samples * a->groups; row++) {
    double sum = 0, product = 0, inverse = a->inverse[row];
    for (ptrdiff_t pass = 0; pass < 2; pass++)
      for (ptrdiff_t i = 0; i < width; i++) {
        ptrdiff_t at = row * width + i;
        double g = loaded(a->dy, at, a->dy_type) * (double)a->scale[row % a->groups * channels + i / a->positions];
        double normal = (loaded(a->x, at, a->x_type) - a->mean[row]) * inverse;
        if (pass == 1) {
          stored(a->dx, at, (g - sum - normal * product) * inverse, a->dx_type);
        } else {
          sum += g / (double)width;
          product += g * normal / (double)width;
        }
      }
  }
}
