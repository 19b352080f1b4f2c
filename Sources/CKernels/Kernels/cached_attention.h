// Attention over a cache. Sums over a head's width run in sixteen lanes, sums over keys in the order of the keys, so
// bits depend on nothing else.

// The product of a query and a key.
LK_INLINE float lk_ca_score(const float *query, const float *key, ptrdiff_t width) {
  lk_vector sum = lk_splat(0);
  ptrdiff_t d = 0;
  for (; d + LK_LANES <= width; d += LK_LANES) sum = lk_fma(lk_load(query + d), lk_load(key + d), sum);
  if (d < width) {
    ptrdiff_t rest = width - d;
    sum = lk_fma(lk_load_some(query + d, rest), lk_load_some(key + d, rest), sum);
  }
  return lk_sum(sum);
}

// Turns scores into weights e^(score − greatest); returns their sum.
LK_INLINE float lk_ca_weigh(float *scores, ptrdiff_t count, float greatest) {
  lk_vector total = lk_splat(0), most = lk_splat(greatest);
  for (ptrdiff_t i = 0; i < count; i += LK_LANES) {
    ptrdiff_t some = count - i < LK_LANES ? count - i : LK_LANES;
    lk_vector weights = lk_exp(lk_load_some(scores + i, some) - most);
    weights = lk_select(lk_first_lanes(some), weights, lk_splat(0));
    lk_store_some(scores + i, weights, some);
    total += weights;
  }
  return lk_sum(total);
}

// The weighted mean of values, a vector of columns at a time; two chains hide the latency of the sums.
LK_INLINE void lk_ca_mix(const float *weights, const float *values, ptrdiff_t row, ptrdiff_t count, ptrdiff_t width,
                         float factor, float *to) {
  for (ptrdiff_t d = 0; d < width; d += LK_LANES) {
    ptrdiff_t some = width - d < LK_LANES ? width - d : LK_LANES, key = 0;
    lk_vector even = lk_splat(0), odd = lk_splat(0);
    const float *column = values + d;
    if (some == LK_LANES) {
      for (; key + 1 < count; key += 2) {
        even = lk_fma(lk_splat(weights[key]), lk_load(column + key * row), even);
        odd = lk_fma(lk_splat(weights[key + 1]), lk_load(column + (key + 1) * row), odd);
      }
      if (key < count) even = lk_fma(lk_splat(weights[key]), lk_load(column + key * row), even);
    } else {
      for (; key + 1 < count; key += 2) {
        even = lk_fma(lk_splat(weights[key]), lk_load_some(column + key * row, some), even);
        odd = lk_fma(lk_splat(weights[key + 1]), lk_load_some(column + (key + 1) * row, some), odd);
      }
      if (key < count) even = lk_fma(lk_splat(weights[key]), lk_load_some(column + key * row, some), even);
    }
    lk_store_some(to + d, (even + odd) * lk_splat(factor), some);
  }
}

void LK_CLONE(cached_attention)(const lk_cached_attention_arguments *x) {
  ptrdiff_t half = x->groups * x->width, row = 2 * half, shared = x->heads / x->groups;
  for (ptrdiff_t s = 0; s < x->samples; s++) {
    float *cache = x->cache + s * x->capacity * row;
    for (ptrdiff_t t = 0; t < x->tokens; t++) {
      ptrdiff_t token = s * x->tokens + t, place = x->positions[token];
      float *result = x->o + token * x->heads * x->width;
      if (place < 0 || place >= x->capacity) {
        memset(result, 0, (size_t)(x->heads * x->width) * sizeof(float));
        continue;
      }
      memcpy(cache + place * row, x->k + token * x->k_row, (size_t)half * sizeof(float));
      memcpy(cache + place * row + half, x->v + token * x->v_row, (size_t)half * sizeof(float));
      for (ptrdiff_t head = 0; head < x->heads; head++) {
        const float *query = x->q + token * x->q_row + head * x->width;
        const float *keys = cache + head / shared * x->width;
        float greatest = -INFINITY;
        for (ptrdiff_t key = 0; key <= place; key++) {
          float score = lk_ca_score(query, keys + key * row, x->width) * x->scale;
          x->workspace[key] = score;
          greatest = score > greatest ? score : greatest;
        }
        float sum = lk_ca_weigh(x->workspace, place + 1, greatest);
        lk_ca_mix(x->workspace, keys + half, row, place + 1, x->width, 1 / sum, result + head * x->width);
      }
    }
  }
}
