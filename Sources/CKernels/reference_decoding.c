// Plain twins of the kernels for decoding.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lockstep_kernels.h"

// The product of a query with the keys of the row `key` of its head's group.
static double score(const lk_cached_attention_arguments *x, const float *query, const float *key) {
  double sum = 0;
  for (ptrdiff_t d = 0; d < x->width; d++) sum += (double)query[d] * key[d];
  return sum * x->scale;
}

// One query of one head over the first `count` rows of a cache.
static void attend(const lk_cached_attention_arguments *x, const float *query, const float *keys, ptrdiff_t count,
                   double *weights, float *result) {
  ptrdiff_t half = x->groups * x->width, row = 2 * half;
  double greatest = -INFINITY, sum = 0;
  for (ptrdiff_t key = 0; key < count; key++) {
    weights[key] = score(x, query, keys + key * row);
    greatest = fmax(greatest, weights[key]);
  }
  for (ptrdiff_t key = 0; key < count; key++) sum += weights[key] = exp(weights[key] - greatest);
  for (ptrdiff_t d = 0; d < x->width; d++) {
    double mean = 0;
    for (ptrdiff_t key = 0; key < count; key++) mean += weights[key] / sum * keys[key * row + half + d];
    result[d] = (float)mean;
  }
}

void lkr_cached_attention(const lk_cached_attention_arguments *x) {
  ptrdiff_t half = x->groups * x->width, row = 2 * half;
  double *weights = malloc((size_t)x->capacity * sizeof(double));
  for (ptrdiff_t token = 0; token < x->samples * x->tokens; token++) {
    float *cache = x->cache + token / x->tokens * x->capacity * row, *result = x->o + token * x->heads * x->width;
    ptrdiff_t place = x->positions[token];
    memset(result, 0, (size_t)(x->heads * x->width) * sizeof(float));
    if (place < 0 || place >= x->capacity) continue;
    memcpy(cache + place * row, x->k + token * x->k_row, (size_t)half * sizeof(float));
    memcpy(cache + place * row + half, x->v + token * x->v_row, (size_t)half * sizeof(float));
    for (ptrdiff_t head = 0; head < x->heads; head++)
      attend(x, x->q + token * x->q_row + head * x->width, cache + head / (x->heads / x->groups) * x->width,
             place + 1, weights, result + head * x->width);
  }
  free(weights);
}
