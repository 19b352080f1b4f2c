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

// One tile of queries of one head against all keys that it sees; returns with the results, not yet divided, in `o`.
LK_INLINE void lk_at_forward_tile(const float *k, const float *v, const float *columns, ptrdiff_t width,
                                  const int32_t *visible, ptrdiff_t queries, float *scores, float *o, float *greatest,
                                  float *sums, float *factors) {
  ptrdiff_t padded = lk_at_padded(width), limit = visible[queries - 1];
  memset(o, 0, (size_t)(LK_AT_SIZE * padded) * sizeof(float));
  for (ptrdiff_t j = 0; j < LK_AT_SIZE; j++) greatest[j] = -1e30f, sums[j] = 0;
  for (ptrdiff_t first = 0; first < limit; first += LK_AT_SIZE) {
    LK_CLONE(at_scores)(k + first * padded, columns, width, visible, queries, first, scores);
    LK_CLONE(at_softmax)(scores, visible, queries, first, greatest, sums, factors);
    for (ptrdiff_t row = 0; row < queries; row += LK_AT_ROWS) {
      ptrdiff_t reach = lk_at_reach(visible, row, LK_AT_ROWS, first);
      if (reach > 0)
        lk_at_rows(scores + row, 1, LK_AT_SIZE, v + first * padded, padded, reach, o + row * padded, padded, factors + row,
                   padded, LK_AT_RESCALE);
    }
  }
}

void LK_CLONE(attention)(const lk_attention_arguments *x) {
  ptrdiff_t width = x->width, padded = lk_at_padded(width), rows = lk_at_group_up(x->keys);
  float *k = x->workspace, *v = k + rows * padded, *q = v + rows * padded, *columns = q + LK_AT_SIZE * padded;
  float *o = columns + LK_AT_SIZE * padded, *scores = o + LK_AT_SIZE * padded, *greatest = scores + LK_AT_SIZE * LK_AT_SIZE;
  float *sums = greatest + LK_AT_SIZE, *factors = sums + LK_AT_SIZE;
  int32_t *memory = (int32_t *)(factors + LK_AT_SIZE);
  ptrdiff_t shared = x->heads / x->groups, o_row = x->heads * width;
  for (ptrdiff_t sample = 0; sample < x->samples; sample++) {
    lk_at_keys keys = lk_at_visible(x, sample, memory);
    for (ptrdiff_t head = 0; head < x->heads; head++) {
      if (head % shared == 0) {
        ptrdiff_t place = head / shared * width;
        LK_CLONE(at_pack)(x->k, sample * x->keys * x->k_row + place, x->k_row, x->k_type, width, keys.positions,
                          keys.count, lk_at_group_up(keys.count), 1, k);
        LK_CLONE(at_pack)(x->v, sample * x->keys * x->v_row + place, x->v_row, x->v_type, width, keys.positions,
                          keys.count, lk_at_group_up(keys.count), 1, v);
      }
      for (ptrdiff_t start = 0; start < x->queries; start += LK_AT_SIZE) {
        ptrdiff_t queries = lk_at_least(LK_AT_SIZE, x->queries - start), token = sample * x->queries + start;
        LK_CLONE(at_pack)(x->q, token * x->q_row + head * width, x->q_row, x->q_type, width, NULL, queries, LK_AT_SIZE,
                          x->scale, q);
        LK_CLONE(at_transpose)(q, padded, LK_AT_LOG2E, columns);
        lk_at_forward_tile(k, v, columns, width, keys.visible + start, queries, scores, o, greatest, sums, factors);
        float *logs = x->log_sums ? x->log_sums + (sample * x->heads + head) * x->queries + start : NULL;
        for (ptrdiff_t row = 0; row < queries; row++) {
          if (logs) logs[row] = sums[row] == 0 ? 0 : (float)(greatest[row] * LK_AT_LN2 + log((double)sums[row]));
          factors[row] = sums[row] == 0 ? 0 : 1 / sums[row];
        }
        LK_CLONE(at_unpack)(o, width, queries, factors, x->o, token * o_row + head * width, o_row, x->o_type);
      }
    }
  }
}

#include "attention_gradient.h"
#include "rotation.h"
