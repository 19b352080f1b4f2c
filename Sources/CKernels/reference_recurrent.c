// Plain twins of the kernels for recurrent cells: one sample after the other, one unit after the other, in float64.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lockstep_kernels.h"

static double get(lk_sequence s, ptrdiff_t at) {
  if (s.type == LK_FLOAT32) return ((const float *)s.values)[at];
  uint32_t word = (uint32_t)((const uint16_t *)s.values)[at] << 16;
  float value;
  memcpy(&value, &word, sizeof value);
  return value;
}

static void put(lk_sequence s, ptrdiff_t at, double x) {
  float value = (float)x;
  uint32_t word;
  if (!s.values) return;
  if (s.type == LK_FLOAT32) {
    ((float *)s.values)[at] = value;
    return;
  }
  memcpy(&word, &value, sizeof word);
  ((uint16_t *)s.values)[at] = (uint16_t)((word + 0x7fff + (word >> 16 & 1)) >> 16);
}

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

static ptrdiff_t length_in(const int32_t *ids, ptrdiff_t tokens, int64_t padding, ptrdiff_t sample) {
  ptrdiff_t length = tokens;
  while (ids && length > 0 && ids[sample * tokens + length - 1] == padding) length--;
  return length;
}

static ptrdiff_t length_of(const lk_recurrent_arguments *x, ptrdiff_t sample) {
  return length_in(x->ids, x->tokens, x->padding, sample);
}

static void clear(const lk_recurrent_arguments *x, lk_sequence s, ptrdiff_t columns, ptrdiff_t sample) {
  for (ptrdiff_t at = (sample * x->tokens + length_of(x, sample)) * columns;
       s.values && at < (sample + 1) * x->tokens * columns; at++)
    put(s, at, 0);
}

// One step of one sample: `h` and `c` are its state.
static void step(const lk_recurrent_arguments *x, ptrdiff_t row, double *h, double *c) {
  ptrdiff_t width = x->width, gates = lk_cell_gates(x->cell);
  double *next = malloc((size_t)width * sizeof(double));
  for (ptrdiff_t u = 0; u < width; u++) {
    double in[4], sum[4];
    for (ptrdiff_t g = 0; g < gates; g++) {
      in[g] = get(x->projected, (row * gates + g) * width + u);
      sum[g] = x->bias ? x->bias[g * width + u] : 0;
      for (ptrdiff_t k = 0; k < width; k++) sum[g] += h[k] * x->weight[(k * gates + g) * width + u];
    }
    if (x->cell == LK_CELL_LSTM) {
      double kept[4] = {sigmoid(in[0] + sum[0]), sigmoid(in[1] + sum[1]), tanh(in[2] + sum[2]),
                        sigmoid(in[3] + sum[3])};
      c[u] = kept[1] * c[u] + kept[0] * kept[2];
      next[u] = kept[3] * tanh(c[u]);
      for (ptrdiff_t g = 0; g < 4; g++) put(x->gates, (row * 4 + g) * width + u, kept[g]);
      put(x->cells, row * width + u, c[u]);
    } else if (x->cell == LK_CELL_GRU) {
      double r = sigmoid(in[0] + sum[0]), z = sigmoid(in[1] + sum[1]), n = tanh(in[2] + r * sum[2]);
      double kept[4] = {r, z, n, sum[2]};
      next[u] = (1 - z) * n + z * h[u];
      for (ptrdiff_t g = 0; g < 4; g++) put(x->gates, (row * 4 + g) * width + u, kept[g]);
    } else {
      double value = in[0] + sum[0];
      next[u] = x->cell == LK_CELL_TANH ? tanh(value) : value < 0 ? 0 : value;
    }
    put(x->y, row * width + u, next[u]);
  }
  memcpy(h, next, (size_t)width * sizeof(double));
  free(next);
}

void lkr_recurrent(const lk_recurrent_arguments *x) {
  double *state = malloc((size_t)(2 * x->width) * sizeof(double));
  for (ptrdiff_t sample = 0; sample < x->samples; sample++) {
    ptrdiff_t length = length_of(x, sample);
    clear(x, x->y, x->width, sample);
    memset(state, 0, (size_t)(2 * x->width) * sizeof(double));
    for (ptrdiff_t i = 0; i < length; i++)
      step(x, sample * x->tokens + (x->is_reversed ? length - 1 - i : i), state, state + x->width);
  }
  free(state);
}

// The gradient of one unit by what its gates were before their functions: `d`; for GRU d[3] is the input's third.
static void unit_gradient(const lk_recurrent_arguments *x, ptrdiff_t row, ptrdiff_t before, ptrdiff_t u, double *dh,
                          double *dc, double *d) {
  ptrdiff_t width = x->width, at = row * width + u;
  double previous = before < 0 ? 0 : get(x->y, before * width + u), kept[4] = {0};
  if (x->gates.values)
    for (ptrdiff_t g = 0; g < 4; g++) kept[g] = get(x->gates, (row * 4 + g) * width + u);
  put(x->previous, at, previous);
  if (x->cell == LK_CELL_LSTM) {
    double c = before < 0 ? 0 : get(x->cells, before * width + u), shown = tanh(get(x->cells, at));
    *dc += *dh * kept[3] * (1 - shown * shown);
    d[0] = *dc * kept[2] * kept[0] * (1 - kept[0]);
    d[1] = *dc * c * kept[1] * (1 - kept[1]);
    d[2] = *dc * kept[0] * (1 - kept[2] * kept[2]);
    d[3] = *dh * shown * kept[3] * (1 - kept[3]);
    *dc *= kept[1];
    *dh = 0;
  } else if (x->cell == LK_CELL_GRU) {
    d[3] = *dh * (1 - kept[1]) * (1 - kept[2] * kept[2]);
    d[0] = d[3] * kept[3] * kept[0] * (1 - kept[0]);
    d[1] = *dh * (previous - kept[2]) * kept[1] * (1 - kept[1]);
    d[2] = d[3] * kept[0];
    *dh *= kept[1];
  } else {
    double y = get(x->y, at);
    d[0] = *dh * (x->cell == LK_CELL_TANH ? 1 - y * y : y > 0);
    *dh = 0;
  }
}

static void step_back(const lk_recurrent_arguments *x, ptrdiff_t row, ptrdiff_t before, double *dh, double *dc,
                      double *all) {
  ptrdiff_t width = x->width, gates = lk_cell_gates(x->cell);
  for (ptrdiff_t u = 0; u < width; u++) {
    double d[4];
    dh[u] += get(x->dy, row * width + u);
    unit_gradient(x, row, before, u, dh + u, dc + u, d);
    for (ptrdiff_t g = 0; g < gates; g++) {
      ptrdiff_t at = (row * gates + g) * width + u;
      put(x->dprojected, at, d[x->cell == LK_CELL_GRU && g == 2 ? 3 : g]);
      if (x->cell == LK_CELL_GRU) put(x->drecurrent, at, d[g]);
      all[g * width + u] = d[g];
    }
  }
  for (ptrdiff_t k = 0; k < width; k++)
    for (ptrdiff_t column = 0; column < gates * width; column++)
      dh[k] += all[column] * x->weight[k * gates * width + column];
}

void lkr_recurrent_gradient(const lk_recurrent_arguments *x) {
  double *state = malloc((size_t)(6 * x->width) * sizeof(double));
  for (ptrdiff_t sample = 0; sample < x->samples; sample++) {
    ptrdiff_t length = length_of(x, sample), start = sample * x->tokens;
    clear(x, x->dprojected, lk_cell_gates(x->cell) * x->width, sample);
    clear(x, x->drecurrent, lk_cell_gates(x->cell) * x->width, sample);
    clear(x, x->previous, x->width, sample);
    memset(state, 0, (size_t)(2 * x->width) * sizeof(double));
    for (ptrdiff_t i = length - 1; i >= 0; i--) {
      ptrdiff_t t = x->is_reversed ? length - 1 - i : i, before = x->is_reversed ? t + 1 : t - 1;
      step_back(x, start + t, i == 0 ? -1 : start + before, state, state + x->width, state + 2 * x->width);
    }
  }
  free(state);
}

// The token whose state a column of a sample's last state is; negative for none.
static ptrdiff_t token_of(const lk_last_state_arguments *x, ptrdiff_t sample, ptrdiff_t column) {
  ptrdiff_t length = length_in(x->ids, x->tokens, x->padding, sample);
  return length == 0 ? -1 : column < x->forward_width ? length - 1 : 0;
}

void lkr_last_state(const lk_last_state_arguments *x) {
  for (ptrdiff_t i = 0; i < x->samples * x->width; i++) {
    ptrdiff_t sample = i / x->width, token = token_of(x, sample, i % x->width);
    put(x->last, i, token < 0 ? 0 : get(x->states, (sample * x->tokens + token) * x->width + i % x->width));
  }
}

void lkr_last_state_gradient(const lk_last_state_arguments *x) {
  for (ptrdiff_t i = 0; i < x->samples * x->tokens * x->width; i++) {
    ptrdiff_t column = i % x->width, row = i / x->width, sample = row / x->tokens;
    int is_taken = row % x->tokens == token_of(x, sample, column);
    put(x->states, i, is_taken ? get(x->last, sample * x->width + column) : 0);
  }
}
