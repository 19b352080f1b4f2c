// Plain twins of the kernels for attention, and positions.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lockstep_kernels.h"

static double at(const void *array, ptrdiff_t index, lk_type type) {
  if (type == LK_FLOAT32) return ((const float *)array)[index];
  uint32_t bits = (uint32_t)((const uint16_t *)array)[index] << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static void put(void *array, ptrdiff_t index, double value, lk_type type) {
  float rounded = (float)value;
  if (type == LK_FLOAT32) {
    ((float *)array)[index] = rounded;
    return;
  }
  uint32_t bits;
  memcpy(&bits, &rounded, sizeof bits);
  ((uint16_t *)array)[index] = (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// One query of one head: where its numbers start, and which key/value head it shares.
typedef struct query {
  ptrdiff_t sample, head, row;
} query;

static ptrdiff_t q_at(const lk_attention_arguments *x, query i) {
  return (i.sample * x->queries + i.row) * x->q_row + i.head * x->width;
}
static ptrdiff_t o_at(const lk_attention_arguments *x, query i) {
  return ((i.sample * x->queries + i.row) * x->heads + i.head) * x->width;
}
static ptrdiff_t key_at(const lk_attention_arguments *x, query i, ptrdiff_t key, ptrdiff_t row) {
  return (i.sample * x->keys + key) * row + i.head / (x->heads / x->groups) * x->width;
}

// The weights of one query over all keys; zero where the key does not count. Returns the logarithm of the sum.
static double weigh(const lk_attention_arguments *x, query i, double *weights) {
  double greatest = -INFINITY, sum = 0;
  for (ptrdiff_t key = 0; key < x->keys; key++) {
    int is_padding = x->ids && x->ids[i.sample * x->keys + key] == x->padding;
    weights[key] = -INFINITY;
    if (is_padding || (x->is_causal && key > i.row)) continue;
    double score = 0;
    for (ptrdiff_t d = 0; d < x->width; d++)
      score += at(x->q, q_at(x, i) + d, x->q_type) * at(x->k, key_at(x, i, key, x->k_row) + d, x->k_type);
    weights[key] = score * x->scale;
    greatest = fmax(greatest, weights[key]);
  }
  for (ptrdiff_t key = 0; key < x->keys; key++) {
    weights[key] = greatest == -INFINITY ? 0 : exp(weights[key] - greatest);
    sum += weights[key];
  }
  for (ptrdiff_t key = 0; key < x->keys; key++) weights[key] /= sum == 0 ? 1 : sum;
  return sum == 0 ? 0 : greatest + log(sum);
}

// The word of a place in a random stream, Philox 4×32-10.
static uint32_t word(const lk_dropout_arguments *d, uint32_t sample, uint64_t place) {
  uint32_t c[4] = {(uint32_t)(place / 4), (uint32_t)(place / 4 >> 32), d->first_sample + sample, d->step};
  uint32_t key[2] = {(uint32_t)d->seed ^ d->ordinal * 0x9E3779B9u, (uint32_t)(d->seed >> 32) ^ d->ordinal};
  for (int round = 0; round < 10; round++) {
    uint64_t first = (uint64_t)c[0] * 0xD2511F53u, second = (uint64_t)c[2] * 0xCD9E8D57u;
    uint32_t next[4] = {(uint32_t)(second >> 32) ^ c[1] ^ key[0], (uint32_t)second,
                        (uint32_t)(first >> 32) ^ c[3] ^ key[1], (uint32_t)first};
    memcpy(c, next, sizeof c);
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return c[place % 4];
}

// What dropout makes of the weights of one query: a factor for every key.
static void thin(const lk_attention_arguments *x, query i, double *factors) {
  uint64_t place = (uint64_t)(i.head * x->queries + i.row) * (uint64_t)((x->keys + 3) / 4 * 4);
  for (ptrdiff_t key = 0; key < x->keys; key++) {
    factors[key] = 1;
    if (!x->dropout || (x->ids && x->ids[i.sample * x->keys + key] == x->padding)) continue;
    factors[key] = word(x->dropout, (uint32_t)i.sample, place++) >= x->dropout->threshold ? x->dropout->scale : 0;
  }
}

void lkr_attention(const lk_attention_arguments *x) {
  double *weights = malloc((size_t)x->keys * sizeof(double)), *factors = malloc((size_t)x->keys * sizeof(double));
  for (query i = {0}; i.sample < x->samples; i.sample++)
    for (i.head = 0; i.head < x->heads; i.head++)
      for (i.row = 0; i.row < x->queries; i.row++) {
        double log = weigh(x, i, weights);
        thin(x, i, factors);
        if (x->log_sums) x->log_sums[(i.sample * x->heads + i.head) * x->queries + i.row] = (float)log;
        for (ptrdiff_t d = 0; d < x->width; d++) {
          double sum = 0;
          for (ptrdiff_t key = 0; key < x->keys; key++)
            sum += weights[key] * factors[key] * at(x->v, key_at(x, i, key, x->v_row) + d, x->v_type);
          put(x->o, o_at(x, i) + d, sum, x->o_type);
        }
      }
  free(weights), free(factors);
}

// Adds what one query gives to the gradients, which are float64 arrays laid out as the operands.
static void spread(const lk_attention_arguments *x, query i, const double *weights, const double *factors, double *dq,
                   double *dk, double *dv) {
  double delta = 0;
  for (ptrdiff_t d = 0; d < x->width; d++)
    delta += at(x->d_o, o_at(x, i) + d, x->d_o_type) * at(x->o, o_at(x, i) + d, x->o_type);
  for (ptrdiff_t key = 0; key < x->keys; key++) {
    double slope = 0;
    ptrdiff_t k = key_at(x, i, key, x->k_row), v = key_at(x, i, key, x->v_row);
    for (ptrdiff_t d = 0; d < x->width; d++)
      slope += at(x->d_o, o_at(x, i) + d, x->d_o_type) * at(x->v, v + d, x->v_type);
    slope = weights[key] * (slope * factors[key] - delta) * x->scale;
    for (ptrdiff_t d = 0; d < x->width; d++) {
      dq[q_at(x, i) + d] += slope * at(x->k, k + d, x->k_type);
      dk[k + d] += slope * at(x->q, q_at(x, i) + d, x->q_type);
      dv[v + d] += weights[key] * factors[key] * at(x->d_o, o_at(x, i) + d, x->d_o_type);
    }
  }
}

static void put_heads(void *to, const double *from, ptrdiff_t tokens, ptrdiff_t row, ptrdiff_t count, lk_type type) {
  for (ptrdiff_t token = 0; token < tokens; token++)
    for (ptrdiff_t i = 0; i < count; i++) put(to, token * row + i, from[token * row + i], type);
}

void lkr_attention_gradient(const lk_attention_arguments *x) {
  ptrdiff_t queries = x->samples * x->queries, keys = x->samples * x->keys;
  double *dq = calloc((size_t)(queries * x->q_row), sizeof(double));
  double *dk = calloc((size_t)(keys * x->k_row), sizeof(double));
  double *dv = calloc((size_t)(keys * x->v_row), sizeof(double));
  double *weights = malloc((size_t)x->keys * sizeof(double)), *factors = malloc((size_t)x->keys * sizeof(double));
  for (query i = {0}; i.sample < x->samples; i.sample++)
    for (i.head = 0; i.head < x->heads; i.head++)
      for (i.row = 0; i.row < x->queries; i.row++) {
        weigh(x, i, weights);
        thin(x, i, factors);
        spread(x, i, weights, factors, dq, dk, dv);
      }
  put_heads(x->dq, dq, queries, x->q_row, x->heads * x->width, x->dq_type);
  put_heads(x->dk, dk, keys, x->k_row, x->groups * x->width, x->dk_type);
  put_heads(x->dv, dv, keys, x->v_row, x->groups * x->width, x->dv_type);
  free(dq), free(dk), free(dv), free(weights), free(factors);
}

void lkr_rotate(const lk_rotation_arguments *x) {
  for (ptrdiff_t row = 0; row < x->samples * x->tokens; row++)
    for (ptrdiff_t i = 0; i < x->row; i++) {
      ptrdiff_t head = i / x->width, half = x->width / 2, pair = i % x->width;
      if (head < x->heads && pair >= half) continue;
      double a = at(x->x, row * x->row + i, x->x_type);
      if (head < x->heads) {
        const float *turns = x->turns + row % x->tokens * x->width;
        double b = at(x->x, row * x->row + i + half, x->x_type), c = turns[pair], s = turns[pair + half];
        put(x->y, row * x->row + i + half, a * s + b * c, x->y_type);
        a = a * c - b * s;
      }
      put(x->y, row * x->row + i, a, x->y_type);
    }
}
