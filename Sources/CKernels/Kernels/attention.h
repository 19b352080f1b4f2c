// Attention in tiles (Dao, "FlashAttention-2", 2023): scores live in a tile of LK_ATTENTION_TILE² that stays in the
// cache; the softmax is corrected as maxima grow (Milakov and Gimelshein 2018). Backward computes scores again from the
// kept logarithms of the sums. Sums run over keys (backward: queries) in order, so bits depend on nothing else.
#include "attention_tiles.h"

#define LK_AT_LOG2E 1.44269504088896341f
#define LK_AT_LN2 0.69314718055994531

// Turns a tile of scores into weights e^(score − greatest so far); updates maxima and sums of the tile's queries, and
// says by which factors earlier results shrink. Scores are in units of ln 2.
static void LK_CLONE(at_softmax)(float *scores, const int32_t *visible, ptrdiff_t queries, ptrdiff_t first,
                                 float *greatest, float *sums, float *factors) {
  for (ptrdiff_t j = 0; j < queries; j += LK_LANES) {
    ptrdiff_t reach = lk_at_reach(visible, j, LK_LANES, first);
    ptrdiff_t full = lk_at_least(reach, lk_at_most(0, visible[j] - first));  // keys that all lanes see
    lk_mask limits = *(const lk_mask *)(visible + j) - (int32_t)first;
    lk_vector before = lk_load(greatest + j), most = before, others = before;
    float *column = scores + j;
    ptrdiff_t key = 0;
    for (; key + 1 < full; key += 2) {
      most = lk_maximum(lk_load(column + key * LK_AT_SIZE), most);
      others = lk_maximum(lk_load(column + (key + 1) * LK_AT_SIZE), others);
    }
    most = lk_maximum(others, most);
    for (; key < reach; key++)
      most = lk_maximum(lk_select(limits > (int32_t)key, lk_load(column + key * LK_AT_SIZE), most), most);
    lk_vector factor = lk_at_power(before - most);
    lk_vector sum = lk_load(sums + j) * factor, sum2 = lk_splat(0);
    for (key = 0; key + 1 < full; key += 2) {
      lk_vector x = lk_at_power(lk_load(column + key * LK_AT_SIZE) - most);
      lk_vector y = lk_at_power(lk_load(column + (key + 1) * LK_AT_SIZE) - most);
      lk_store(column + key * LK_AT_SIZE, x);
      lk_store(column + (key + 1) * LK_AT_SIZE, y);
      sum += x;
      sum2 += y;
    }
    for (; key < reach; key++) {
      lk_vector x = lk_at_power(lk_load(column + key * LK_AT_SIZE) - most);
      x = lk_select(limits > (int32_t)key, x, lk_splat(0));
      lk_store(column + key * LK_AT_SIZE, x);
      sum += x;
    }
    lk_store(greatest + j, most);
    lk_store(sums + j, sum + sum2);
    lk_store(factors + j, factor);
  }
}

// Multiplies the weights of a tile by what dropout makes of them.
static void LK_CLONE(at_thin)(float *weights, const float *factors, const int32_t *visible, ptrdiff_t queries,
                              ptrdiff_t first) {
  for (ptrdiff_t j = 0; j < queries; j += LK_LANES) {
    ptrdiff_t reach = lk_at_reach(visible, j, LK_LANES, first);
    for (ptrdiff_t at = j; at < reach * LK_AT_SIZE; at += LK_AT_SIZE)
      lk_store(weights + at, lk_load(weights + at) * lk_load(factors + at));
  }
}

// A tile's memory, and which queries it is of.
typedef struct lk_at_forward {
  const lk_attention_arguments *call;
  ptrdiff_t sample, head, start, queries;
  float *k, *v;                        // all keys of a key/value head, dense rows
  float *q, *columns, *o;              // a tile of queries, as rows and as columns, and their results
  float *scores, *thinning;            // a tile of scores, transposed, and dropout's factors
  float *greatest, *sums, *factors;    // of a tile of queries
  int32_t *memory;
} lk_at_forward;

// A tile of queries against all keys that it sees; leaves the results, not yet divided by the sums, in `o`.
static void LK_CLONE(at_forward_tile)(const lk_at_forward *w, const int32_t *visible) {
  ptrdiff_t width = w->call->width, padded = lk_at_padded(width), queries = w->queries, limit = visible[queries - 1];
  memset(w->o, 0, (size_t)(LK_AT_SIZE * padded) * sizeof(float));
  for (ptrdiff_t j = 0; j < LK_AT_SIZE; j++) w->greatest[j] = -1e30f, w->sums[j] = 0;
  for (ptrdiff_t first = 0; first < limit; first += LK_AT_SIZE) {
    LK_CLONE(at_scores)(w->k + first * padded, w->columns, width, visible, queries, first, w->scores);
    LK_CLONE(at_softmax)(w->scores, visible, queries, first, w->greatest, w->sums, w->factors);
    if (w->call->dropout) {
      LK_CLONE(at_drop)(w->call, w->sample, w->head, w->start, first, visible, queries, w->thinning);
      LK_CLONE(at_thin)(w->scores, w->thinning, visible, queries, first);
    }
    for (ptrdiff_t row = 0; row < queries; row += LK_AT_ROWS) {
      ptrdiff_t reach = lk_at_reach(visible, row, LK_AT_ROWS, first);
      if (reach > 0)
        lk_at_rows(w->scores + row, 1, LK_AT_SIZE, w->v + first * padded, padded, reach, w->o + row * padded, padded,
                   w->factors + row, padded, LK_AT_RESCALE);
    }
  }
}

// Reads a tile of queries, computes it and writes its results and logarithms.
static void LK_CLONE(at_forward_queries)(const lk_at_forward *w, const lk_at_keys *keys) {
  const lk_attention_arguments *x = w->call;
  ptrdiff_t width = x->width, token = w->sample * x->queries + w->start, o_row = x->heads * width;
  LK_CLONE(at_pack)(x->q, token * x->q_row + w->head * width, x->q_row, x->q_type, width, NULL, w->queries, LK_AT_SIZE,
                    x->scale, w->q);
  LK_CLONE(at_transpose)(w->q, lk_at_padded(width), LK_AT_LOG2E, w->columns);
  LK_CLONE(at_forward_tile)(w, keys->visible + w->start);
  float *logs = x->log_sums ? x->log_sums + (w->sample * x->heads + w->head) * x->queries + w->start : NULL;
  for (ptrdiff_t row = 0; row < w->queries; row++) {
    float sum = w->sums[row];
    if (logs) logs[row] = sum == 0 ? 0 : (float)(w->greatest[row] * LK_AT_LN2 + log((double)sum));
    w->factors[row] = sum == 0 ? 0 : 1 / sum;
  }
  LK_CLONE(at_unpack)(w->o, width, w->queries, w->factors, x->o, token * o_row + w->head * width, o_row, x->o_type);
}

LK_INLINE lk_at_forward lk_at_forward_memory(const lk_attention_arguments *x) {
  ptrdiff_t padded = lk_at_padded(x->width), all = lk_at_group_up(x->keys) * padded, tile = LK_AT_SIZE * padded;
  lk_at_forward w = {.call = x, .k = x->workspace};
  w.v = w.k + all;
  w.q = w.v + all;
  w.columns = w.q + tile;
  w.o = w.columns + tile;
  w.scores = w.o + tile;
  w.thinning = w.scores + LK_AT_SIZE * LK_AT_SIZE;
  w.greatest = w.thinning + LK_AT_SIZE * LK_AT_SIZE;
  w.sums = w.greatest + LK_AT_SIZE;
  w.factors = w.sums + LK_AT_SIZE;
  w.memory = (int32_t *)(w.factors + LK_AT_SIZE);
  return w;
}

void LK_CLONE(attention)(const lk_attention_arguments *x) {
  lk_at_forward w = lk_at_forward_memory(x);
  ptrdiff_t width = x->width, shared = x->heads / x->groups;
  for (w.sample = 0; w.sample < x->samples; w.sample++) {
    lk_at_keys keys = lk_at_visible(x, w.sample, w.memory);
    ptrdiff_t rows = lk_at_group_up(keys.count), token = w.sample * x->keys;
    for (w.head = 0; w.head < x->heads; w.head++) {
      if (w.head % shared == 0) {
        ptrdiff_t place = w.head / shared * width;
        LK_CLONE(at_pack)(x->k, token * x->k_row + place, x->k_row, x->k_type, width, keys.positions, keys.count, rows,
                          1, w.k);
        LK_CLONE(at_pack)(x->v, token * x->v_row + place, x->v_row, x->v_type, width, keys.positions, keys.count, rows,
                          1, w.v);
      }
      for (w.start = 0; w.start < x->queries; w.start += LK_AT_SIZE) {
        w.queries = lk_at_least(LK_AT_SIZE, x->queries - w.start);
        LK_CLONE(at_forward_queries)(&w, &keys);
      }
    }
  }
}

#include "attention_gradient.h"
#include "rotation.h"
