// Kernels for attention in tiles, and positions; see lockstep_kernels.h.
#pragma once

// Scaled dot-product attention of `heads` query heads and `groups` key/value heads (heads is a multiple of groups):
// for every sample and head O = softmax(scale·Q·Kᵀ)·V over the keys that count. Tokens lie [samples, tokens, row] with a row
// stride of their own, a head's `width` numbers side by side, so that Q, K and V may be parts of one array.
//
// Keys whose id is `padding` do not count; causal, query t sees the keys at positions up to t. A query that sees none
// gets zeros. Dropout sets weights to zero after the softmax: the word of head h, query t and the c-th key that counts
// is (h·queries + t)·⌈keys⌉₄ + c of the sample's random stream, ⌈⌉₄ rounding up to a multiple of four. Sums are
// those of the weights before dropout.
typedef struct lk_attention_arguments {
  ptrdiff_t samples, heads, groups, queries, keys, width;
  float scale;
  int32_t is_causal;
  const int32_t *ids;  // [samples, keys], or NULL
  int64_t padding;
  const void *q, *k, *v;
  ptrdiff_t q_row, k_row, v_row;  // of the gradients too
  lk_type q_type, k_type, v_type;
  void *o;  // [samples, queries, heads·width]
  lk_type o_type;
  float *log_sums;  // log Σ e^score of every row, [samples, heads, queries]; forward: or NULL
  // The gradient reads all of the above and these:
  const void *d_o;
  lk_type d_o_type;
  void *dq, *dk, *dv;
  lk_type dq_type, dk_type, dv_type;
  const lk_dropout_arguments *dropout;  // or NULL
  float *workspace;                     // lk_attention_workspace_count() floats
} lk_attention_arguments;

// Queries and keys of one tile of scores.
#define LK_ATTENTION_TILE 64

// Floats of workspace: linear in the number of keys and queries.
static inline ptrdiff_t lk_attention_workspace_count(ptrdiff_t queries, ptrdiff_t keys, ptrdiff_t width,
                                                     int32_t is_gradient) {
  ptrdiff_t padded = (width + 15) / 16 * 16, tile = LK_ATTENTION_TILE;
  ptrdiff_t visible = (queries + tile - 1) / tile * tile + (keys + 15) / 16 * 16;
  ptrdiff_t rows = (keys + 7) / 8 * 8 * padded;
  if (is_gradient) return 4 * rows + 5 * tile * padded + 3 * tile * tile + visible + 2 * tile;
  return 2 * rows + 3 * tile * padded + 2 * tile * tile + visible + 3 * tile;
}

// Rotary positions: numbers i and i + width/2 of each of the first `heads` heads of a token turn by the angle whose
// cosine and sine are turns[token][i] and turns[token][i + width/2]; the rest of the row is copied. x may be y.
typedef struct lk_rotation_arguments {
  ptrdiff_t samples, tokens, row, heads, width;
  const float *turns;  // [tokens, width]
  const void *x;
  void *y;
  lk_type x_type, y_type;
} lk_rotation_arguments;

#define LK_ATTENTION_KERNELS(K)                        \
  K(attention, (const lk_attention_arguments *x), (x)) \
  K(attention_gradient, (const lk_attention_arguments *x), (x)) \
  K(rotate, (const lk_rotation_arguments *x), (x))
