// Kernels for decoding token by token; see lockstep_kernels.h.
#pragma once

// Attention of new tokens to those of a cache and to one another: the keys and values of the new tokens are written
// into their rows of the cache, then each query sees the rows up to its own place. Tokens of q, k and v lie [samples, tokens, row]
// with row strides of their own, a head's `width` numbers side by side; heads is a multiple of groups. A place
// outside of the cache is neither written nor computed: its result is zero.
typedef struct lk_cached_attention_arguments {
  ptrdiff_t samples, tokens, capacity, heads, groups, width;
  float scale;
  const int32_t *positions;  // [samples, tokens], the place of each new token in its sequence, one after the other
  const float *q, *k, *v;
  ptrdiff_t q_row, k_row, v_row;
  float *cache;      // [samples, capacity, 2·groups·width]: a token's keys, then its values
  float *o;          // [samples, tokens, heads·width]
  float *workspace;  // capacity floats
} lk_cached_attention_arguments;

#define LK_DECODING_KERNELS(K) K(cached_attention, (const lk_cached_attention_arguments *x), (x))
