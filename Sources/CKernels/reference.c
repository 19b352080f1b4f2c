// The plain twin of every kernel but permute_cells: the loops that one would write first, in float64 where sums matter. Tests compare
// the fast kernels with them.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lockstep_kernels.h"
#include "reference_numbers.h"

static double activated(int32_t activation, double x) {
  switch (activation) {
    case LK_RELU: return x < 0 ? 0 : x;
    case LK_SIGMOID: return 1 / (1 + exp(-x));
    case LK_TANH: return tanh(x);
    case LK_GELU: return 0.5 * x * (1 + erf(x * M_SQRT1_2));
    case LK_GELU_TANH: return 0.5 * x * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case LK_SILU: return x / (1 + exp(-x));
    case LK_SOFTPLUS: return (x < 0 ? 0 : x) + log1p(exp(-fabs(x)));
    case LK_LEAKY_RELU: return x < 0 ? 0.01 * x : x;
    case LK_ELU: return x < 0 ? expm1(x) : x;
    default: return x;
  }
}

static double slope(int32_t activation, double saved) {
  switch (activation) {
    case LK_RELU: return saved > 0;
    case LK_SIGMOID: return saved * (1 - saved);
    case LK_TANH: return 1 - saved * saved;
    case LK_GELU: return 0.5 * (1 + erf(saved * M_SQRT1_2)) + saved * exp(-saved * saved / 2) / sqrt(2 * M_PI);
    case LK_GELU_TANH: {
      double root = sqrt(2 / M_PI), t = tanh(root * (saved + 0.044715 * saved * saved * saved));
      return 0.5 * (1 + t) + 0.5 * saved * (1 - t * t) * root * (1 + 3 * 0.044715 * saved * saved);
    }
    case LK_SILU: {
      double s = 1 / (1 + exp(-saved));
      return s + saved * s * (1 - s);
    }
    case LK_SOFTPLUS: return 1 / (1 + exp(-saved));
    case LK_LEAKY_RELU: return saved > 0 ? 1 : 0.01;
    case LK_ELU: return saved > 0 ? 1 : saved + 1;
    default: return 1;
  }
}

void lkr_matmul(const lk_matmul_arguments *x) {
  for (ptrdiff_t i = 0; i < x->m; i++)
    for (ptrdiff_t j = 0; j < x->n; j++) {
      double sum = 0;
      for (ptrdiff_t k = 0; k < x->k; k++)
        sum += (double)x->a[i * x->a_row + k * x->a_inner] * x->b[k * x->b_inner + j * x->b_column];
      if (x->bias) sum += x->bias[j];
      x->c[i * x->n + j] = x->saved ? (float)(sum * slope(x->activation, x->saved[i * x->n + j]))
                                    : (float)activated(x->activation, sum);
    }
}

void lkr_activate(int32_t activation, const void *x, lk_type xt, void *y, lk_type yt, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i++) lkr_put(y, i, yt, activated(activation, lkr_get(x, i, xt)));
}

void lkr_activation_gradient(int32_t activation, const void *dy, lk_type dyt, const void *saved, lk_type st, void *dx,
                             lk_type dxt, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i++)
    lkr_put(dx, i, dxt, lkr_get(dy, i, dyt) * slope(activation, lkr_get(saved, i, st)));
}

void lkr_add(const void *x, lk_type xt, const void *y, lk_type yt, void *z, lk_type zt, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i++) lkr_put(z, i, zt, lkr_get(x, i, xt) + lkr_get(y, i, yt));
}

void lkr_multiply(const void *x, lk_type xt, const void *y, lk_type yt, void *z, lk_type zt, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i++) lkr_put(z, i, zt, lkr_get(x, i, xt) * lkr_get(y, i, yt));
}

void lkr_scale(const void *x, lk_type xt, float factor, void *y, lk_type yt, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i++) lkr_put(y, i, yt, lkr_get(x, i, xt) * factor);
}

void lkr_add_bias(const void *x, lk_type xt, const float *bias, void *y, lk_type yt, ptrdiff_t rows,
                  ptrdiff_t columns) {
  for (ptrdiff_t i = 0; i < rows * columns; i++) lkr_put(y, i, yt, lkr_get(x, i, xt) + bias[i % columns]);
}

void lkr_reduce(const void *x, lk_type xt, float *y, ptrdiff_t outer, ptrdiff_t extent, ptrdiff_t inner,
                float factor) {
  for (ptrdiff_t o = 0; o < outer; o++)
    for (ptrdiff_t i = 0; i < inner; i++) {
      double sum = 0;
      for (ptrdiff_t e = 0; e < extent; e++) sum += lkr_get(x, (o * extent + e) * inner + i, xt);
      y[o * inner + i] = (float)(sum * factor);
    }
}

void lkr_broadcast(const float *x, float *y, ptrdiff_t outer, ptrdiff_t extent, ptrdiff_t inner) {
  for (ptrdiff_t i = 0; i < outer * extent * inner; i++) y[i] = x[i / (extent * inner) * inner + i % inner];
}

static ptrdiff_t row_of(int32_t id, ptrdiff_t rows) { return id >= 0 && id < rows ? id : 0; }

void lkr_embedding(const void *table, lk_type tt, ptrdiff_t rows, ptrdiff_t width, const int32_t *ids,
                   ptrdiff_t count, void *y, lk_type yt) {
  for (ptrdiff_t i = 0; i < count * width; i++)
    lkr_put(y, i, yt, lkr_get(table, row_of(ids[i / width], rows) * width + i % width, tt));
}

void lkr_embedding_gradient(const int32_t *ids, ptrdiff_t count, const float *dy, ptrdiff_t rows, ptrdiff_t width,
                            float *table) {
  memset(table, 0, (size_t)(rows * width) * sizeof(float));
  for (ptrdiff_t i = 0; i < count * width; i++) table[row_of(ids[i / width], rows) * width + i % width] += dy[i];
}

static double share(const int32_t *ids, ptrdiff_t tokens, int64_t padding) {
  ptrdiff_t counted = 0;
  for (ptrdiff_t t = 0; t < tokens; t++) counted += ids[t] != padding;
  return counted ? 1.0 / (double)counted : 0;
}

void lkr_masked_mean(const float *x, const int32_t *ids, ptrdiff_t samples, ptrdiff_t tokens, ptrdiff_t width,
                     int64_t padding, float *y) {
  for (ptrdiff_t s = 0; s < samples; s++)
    for (ptrdiff_t j = 0; j < width; j++) {
      double sum = 0;
      for (ptrdiff_t t = 0; t < tokens; t++)
        if (ids[s * tokens + t] != padding) sum += x[(s * tokens + t) * width + j];
      y[s * width + j] = (float)(sum * share(ids + s * tokens, tokens, padding));
    }
}

void lkr_masked_mean_gradient(const float *dy, const int32_t *ids, ptrdiff_t samples, ptrdiff_t tokens,
                              ptrdiff_t width, int64_t padding, float *dx) {
  for (ptrdiff_t i = 0; i < samples * tokens * width; i++) {
    ptrdiff_t token = i / width, sample = token / tokens;
    double factor = ids[token] != padding ? share(ids + sample * tokens, tokens, padding) : 0;
    dx[i] = (float)(dy[sample * width + i % width] * factor);
  }
}

void lkr_embedding_mean(const float *table, ptrdiff_t rows, ptrdiff_t width, const int32_t *ids, ptrdiff_t samples,
                        ptrdiff_t tokens, int64_t padding, float *y) {
  float *x = malloc((size_t)(samples * tokens * width + 1) * sizeof(float));
  lkr_embedding(table, LK_FLOAT32, rows, width, ids, samples * tokens, x, LK_FLOAT32);
  lkr_masked_mean(x, ids, samples, tokens, width, padding, y);
  free(x);
}

void lkr_embedding_mean_gradient(const int32_t *ids, ptrdiff_t samples, ptrdiff_t tokens, int64_t padding,
                                 const float *dy, ptrdiff_t rows, ptrdiff_t width, float *table) {
  float *dx = malloc((size_t)(samples * tokens * width + 1) * sizeof(float));
  lkr_masked_mean_gradient(dy, ids, samples, tokens, width, padding, dx);
  lkr_embedding_gradient(ids, samples * tokens, dx, rows, width, table);
  free(dx);
}

void lkr_softmax_cross_entropy(const void *logits, lk_type type, const int32_t *labels, ptrdiff_t samples,
                               ptrdiff_t classes, int64_t ignored, float smoothing, float *loss, void *gradient,
                               lk_type gradient_type) {
  double total = 0;
  for (ptrdiff_t s = 0; s < samples; s++) {
    double most = -INFINITY, sum = 0;
    for (ptrdiff_t c = 0; c < classes; c++) most = fmax(most, lkr_get(logits, s * classes + c, type));
    for (ptrdiff_t c = 0; c < classes; c++) sum += exp(lkr_get(logits, s * classes + c, type) - most);
    for (ptrdiff_t c = 0; c < classes; c++) {
      double logarithm = lkr_get(logits, s * classes + c, type) - most - log(sum);
      double target = (c == labels[s] ? 1 - (double)smoothing : 0) + (double)smoothing / (double)classes;
      if (labels[s] == ignored) {
        if (gradient) lkr_put(gradient, s * classes + c, gradient_type, 0);
        continue;
      }
      if (target != 0) total -= target * logarithm;
      if (gradient) lkr_put(gradient, s * classes + c, gradient_type, exp(logarithm) - target);
    }
  }
  if (loss) *loss = (float)total;
}

void lkr_count_labels(const int32_t *labels, ptrdiff_t count, int64_t ignored, float *y) {
  *y = 0;
  for (ptrdiff_t i = 0; i < count; i++) *y += labels[i] != ignored;
}

void lkr_sigmoid_cross_entropy(const float *logits, const float *targets, const int32_t *labels, ptrdiff_t count,
                               float *loss, float *gradient) {
  double total = 0;
  for (ptrdiff_t i = 0; i < count; i++) {
    double x = logits[i], y = targets ? targets[i] : labels[i];
    total += (x > 0 ? x : 0) - x * y + log1p(exp(-fabs(x)));
    if (gradient) gradient[i] = (float)(1 / (1 + exp(-x)) - y);
  }
  if (loss) *loss = (float)total;
}

void lkr_squared_error(const float *x, const float *targets, ptrdiff_t count, float *loss, float *gradient) {
  double total = 0;
  for (ptrdiff_t i = 0; i < count; i++) {
    double difference = (double)x[i] - targets[i];
    total += difference * difference;
    if (gradient) gradient[i] = (float)(2 * difference);
  }
  if (loss) *loss = (float)total;
}

static uint32_t random_word(const lk_dropout_arguments *key, uint32_t sample, uint64_t index) {
  uint64_t block = index / 4;
  uint32_t c[4] = {(uint32_t)block, (uint32_t)(block >> 32), key->first_sample + sample, key->step};
  uint32_t k0 = (uint32_t)key->seed ^ key->ordinal * 0x9E3779B9u, k1 = (uint32_t)(key->seed >> 32) ^ key->ordinal;
  for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) {
    uint64_t first = (uint64_t)c[0] * 0xD2511F53u, second = (uint64_t)c[2] * 0xCD9E8D57u;
    uint32_t next[4] = {(uint32_t)(second >> 32) ^ c[1] ^ k0, (uint32_t)second, (uint32_t)(first >> 32) ^ c[3] ^ k1,
                        (uint32_t)first};
    memcpy(c, next, sizeof c);
  }
  return c[index % 4];
}

void lkr_dropout(const lk_dropout_arguments *key, const void *x, lk_type xt, void *y, lk_type yt, ptrdiff_t samples,
                 ptrdiff_t width) {
  for (ptrdiff_t s = 0; s < samples; s++)
    for (ptrdiff_t i = 0; i < width; i++) {
      int stays = random_word(key, (uint32_t)s, (uint64_t)i) >= key->threshold;
      lkr_put(y, s * width + i, yt, stays ? lkr_get(x, s * width + i, xt) * key->scale : 0);
    }
}

void lkr_tree_sum(const float *const *sources, const int32_t *program, ptrdiff_t program_count, float *result,
                  ptrdiff_t count, double *chunk_squares) {
  for (ptrdiff_t i = 0; i < count; i++) {
    float stack[64];
    ptrdiff_t depth = 0;
    for (ptrdiff_t entry = 0; entry < program_count; entry++) {
      if (program[entry] >= 0) {
        stack[depth++] = sources[program[entry]][i];
      } else {
        depth--;
        stack[depth - 1] += stack[depth];
      }
    }
    result[i] = stack[0];
    if (chunk_squares) {
      if (i % LK_CHUNK == 0) chunk_squares[i / LK_CHUNK] = 0;
      chunk_squares[i / LK_CHUNK] += (double)stack[0] * stack[0];
    }
  }
}

static double regularized(const lk_gradient_terms *terms, float gradient, float value) {
  return (double)gradient * terms->scale + (double)terms->decay * value + terms->l1 * ((value > 0) - (value < 0));
}

void lkr_adam(const lk_adam_arguments *a, float *value, const float *gradient, float *moment1, float *moment2,
              ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i++) {
    double g = regularized(&a->terms, gradient[i], value[i]);
    double m = (1 - (double)a->share1) * moment1[i] + (double)a->share1 * g;
    double v = a->beta2 * (double)moment2[i] + (double)a->share2 * g * g;
    moment1[i] = (float)m;
    moment2[i] = (float)v;
    value[i] = (float)(value[i] * (double)a->keep - a->step_size * m / (sqrt(v) * a->inverse_root_bias2 + a->epsilon));
  }
}

void lkr_sgd(const lk_sgd_arguments *a, float *value, const float *gradient, float *momentum, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i++) {
    double g = regularized(&a->terms, gradient[i], value[i]);
    if (momentum) {
      double b = a->momentum * (double)momentum[i] + g;
      momentum[i] = (float)b;
      g = a->is_nesterov ? g + a->momentum * b : b;
    }
    value[i] = (float)(value[i] - a->rate * g);
  }
}

void lkr_rmsprop(const lk_rmsprop_arguments *a, float *value, const float *gradient, float *square, float *momentum,
                 ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i++) {
    double g = regularized(&a->terms, gradient[i], value[i]);
    double v = a->decay * (double)square[i] + (double)a->share * g * g;
    square[i] = (float)v;
    double move = g / (sqrt(v) + a->epsilon);
    if (momentum) {
      move = a->momentum * (double)momentum[i] + move;
      momentum[i] = (float)move;
    }
    value[i] = (float)(value[i] - a->rate * move);
  }
}
