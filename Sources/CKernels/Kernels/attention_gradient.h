// The gradient of attention, tile by tile: with P the weights, dP = dO·Vᵀ and δ = Σ dO ⊙ O of each row,
// dS = P ⊙ (dP − δ), dV = Pᵀ·dO, dK = scale·dSᵀ·Q, dQ = scale·dS·K (Dao 2023, algorithm 2).

typedef struct lk_at_backward {
  float *k, *v, *dk, *dv;                          // all keys of a key/value head, dense rows
  float *q, *d_o, *q_columns, *d_o_columns, *dq;  // a tile of queries, as rows and as columns
  float *weights, *slopes, *thinning;              // a tile of scores, transposed: P, dP which becomes dS, dropout
  float *logs, *deltas;                            // of a tile of queries; logs in units of ln 2
  int32_t *memory;
} lk_at_backward;

// P after dropout and dS of a tile; zero where a query does not see the key, up to a whole group of keys.
static void LK_CLONE(at_slopes)(const lk_at_backward *w, const int32_t *visible, ptrdiff_t queries, ptrdiff_t first,
                                int thins) {
  for (ptrdiff_t j = 0; j < queries; j += LK_LANES) {
    ptrdiff_t reach = lk_at_group_up(lk_at_most(0, lk_at_reach(visible, j, LK_LANES, first)));
    ptrdiff_t full = lk_at_least(reach, lk_at_most(0, visible[j] - first));
    lk_mask limits = *(const lk_mask *)(visible + j) - (int32_t)first;
    lk_vector log = lk_load(w->logs + j), delta = lk_load(w->deltas + j);
    for (ptrdiff_t key = 0; key < reach; key++) {
      float *weight = w->weights + key * LK_AT_SIZE + j, *slope = w->slopes + key * LK_AT_SIZE + j;
      lk_vector p = lk_at_power(lk_load(weight) - log), s = lk_load(slope);
      if (thins) {
        lk_vector factor = lk_load(w->thinning + key * LK_AT_SIZE + j);
        s = p * (s * factor - delta);
        p = p * factor;
      } else s = p * (s - delta);
      if (key >= full) {
        p = lk_select(limits > (int32_t)key, p, lk_splat(0));
        s = lk_select(limits > (int32_t)key, s, lk_splat(0));
      }
      lk_store(weight, p);
      lk_store(slope, s);
    }
  }
}

// Adds what a tile of queries gives to dK, dV and its dQ.
static void LK_CLONE(at_backward_tile)(const lk_attention_arguments *x, const lk_at_backward *w, ptrdiff_t sample,
                                       ptrdiff_t head, ptrdiff_t start, const int32_t *visible, ptrdiff_t queries) {
  ptrdiff_t width = x->width, padded = lk_at_padded(width), limit = visible[queries - 1];
  memset(w->dq, 0, (size_t)(LK_AT_SIZE * padded) * sizeof(float));
  for (ptrdiff_t first = 0; first < limit; first += LK_AT_SIZE) {
    const float *k = w->k + first * padded;
    LK_CLONE(at_scores)(k, w->q_columns, width, visible, queries, first, w->weights);
    LK_CLONE(at_scores)(w->v + first * padded, w->d_o_columns, width, visible, queries, first, w->slopes);
    if (x->dropout) LK_CLONE(at_drop)(x, sample, head, start, first, visible, queries, w->thinning);
    LK_CLONE(at_slopes)(w, visible, queries, first, x->dropout != NULL);
    ptrdiff_t row = 0;
    for (ptrdiff_t key = 0; key < lk_at_least(LK_AT_SIZE, limit - first); key += LK_AT_ROWS) {
      while (visible[row] <= first + key) row++;  // earlier queries see none of these keys
      ptrdiff_t at = key * LK_AT_SIZE + row, to = (first + key) * padded;
      lk_at_rows(w->weights + at, LK_AT_SIZE, 1, w->d_o + row * padded, padded, queries - row, w->dv + to, padded, NULL,
                 padded, LK_AT_ADD);
      lk_at_rows(w->slopes + at, LK_AT_SIZE, 1, w->q + row * padded, padded, queries - row, w->dk + to, padded, NULL,
                 padded, LK_AT_ADD);
    }
    for (ptrdiff_t row = 0; row < queries; row += LK_AT_ROWS) {
      ptrdiff_t reach = lk_at_reach(visible, row, LK_AT_ROWS, first);
      if (reach > 0)
        lk_at_rows(w->slopes + row, 1, LK_AT_SIZE, k, padded, reach, w->dq + row * padded, padded, NULL, padded,
                   LK_AT_ADD);
    }
  }
}

// Rows and columns of a tile's queries, their logarithms and δ.
static void LK_CLONE(at_backward_queries)(const lk_attention_arguments *x, const lk_at_backward *w, ptrdiff_t sample,
                                          ptrdiff_t head, ptrdiff_t start, ptrdiff_t queries) {
  ptrdiff_t width = x->width, padded = lk_at_padded(width), o_row = x->heads * width;
  ptrdiff_t token = sample * x->queries + start, at = token * o_row + head * width;
  // dQ's memory holds O for a moment.
  LK_CLONE(at_pack)(x->o, at, o_row, x->o_type, width, NULL, queries, LK_AT_SIZE, 1, w->dq);
  LK_CLONE(at_pack)(x->d_o, at, o_row, x->d_o_type, width, NULL, queries, LK_AT_SIZE, 1, w->d_o);
  const float *logs = x->log_sums + (sample * x->heads + head) * x->queries + start;
  for (ptrdiff_t row = 0; row < LK_AT_SIZE; row++) {
    lk_vector sum = lk_splat(0);
    for (ptrdiff_t d = 0; d < padded; d += LK_LANES)
      sum = lk_fma(lk_load(w->dq + row * padded + d), lk_load(w->d_o + row * padded + d), sum);
    w->deltas[row] = lk_sum(sum);
    w->logs[row] = row < queries ? logs[row] * LK_AT_LOG2E : 0;
  }
  LK_CLONE(at_pack)(x->q, token * x->q_row + head * width, x->q_row, x->q_type, width, NULL, queries, LK_AT_SIZE,
                    x->scale, w->q);
  LK_CLONE(at_transpose)(w->q, padded, LK_AT_LOG2E, w->q_columns);
  LK_CLONE(at_transpose)(w->d_o, padded, 1, w->d_o_columns);
}

// Writes the gradient of one key/value head; keys that do not count get zeros.
static void LK_CLONE(at_write_keys)(const lk_attention_arguments *x, const lk_at_keys *keys, const float *from,
                                    void *to, ptrdiff_t at, ptrdiff_t stride, lk_type type) {
  static const float one = 1, zeros[LK_LANES];
  ptrdiff_t padded = lk_at_padded(x->width), next = 0;
  for (ptrdiff_t key = 0; key < x->keys; key++) {
    int counts = !keys->positions || (next < keys->count && keys->positions[next] == key);
    if (counts) {
      LK_CLONE(at_unpack)(from + next++ * padded, x->width, 1, &one, to, at + key * stride, stride, type);
    } else {
      for (ptrdiff_t d = 0; d < x->width; d += LK_LANES)
        LK_CLONE(at_unpack)(zeros, lk_at_least(LK_LANES, x->width - d), 1, &one, to, at + key * stride + d, 0, type);
    }
  }
}

LK_INLINE lk_at_backward lk_at_backward_memory(const lk_attention_arguments *x) {
  ptrdiff_t padded = lk_at_padded(x->width), all = lk_at_group_up(x->keys) * padded, tile = LK_AT_SIZE * padded;
  lk_at_backward w;
  float *next = x->workspace;
  float **rows[] = {&w.k, &w.v, &w.dk, &w.dv}, **tiles[] = {&w.q, &w.d_o, &w.q_columns, &w.d_o_columns, &w.dq};
  for (int i = 0; i < 4; i++, next += all) *rows[i] = next;
  for (int i = 0; i < 5; i++, next += tile) *tiles[i] = next;
  w.weights = next;
  w.slopes = w.weights + LK_AT_SIZE * LK_AT_SIZE;
  w.thinning = w.slopes + LK_AT_SIZE * LK_AT_SIZE;
  w.logs = w.thinning + LK_AT_SIZE * LK_AT_SIZE;
  w.deltas = w.logs + LK_AT_SIZE;
  w.memory = (int32_t *)(w.deltas + LK_AT_SIZE);
  return w;
}

void LK_CLONE(attention_gradient)(const lk_attention_arguments *x) {
  lk_at_backward w = lk_at_backward_memory(x);
  ptrdiff_t width = x->width, padded = lk_at_padded(width), shared = x->heads / x->groups;
  float scales[LK_AT_SIZE];
  for (int i = 0; i < LK_AT_SIZE; i++) scales[i] = x->scale;
  for (ptrdiff_t sample = 0; sample < x->samples; sample++) {
    lk_at_keys keys = lk_at_visible(x, sample, w.memory);
    ptrdiff_t rows = lk_at_group_up(keys.count);
    for (ptrdiff_t group = 0; group < x->groups; group++) {
      ptrdiff_t k_at = sample * x->keys * x->k_row + group * width, v_at = sample * x->keys * x->v_row + group * width;
      LK_CLONE(at_pack)(x->k, k_at, x->k_row, x->k_type, width, keys.positions, keys.count, rows, 1, w.k);
      LK_CLONE(at_pack)(x->v, v_at, x->v_row, x->v_type, width, keys.positions, keys.count, rows, 1, w.v);
      memset(w.dk, 0, (size_t)(rows * padded) * sizeof(float));
      memset(w.dv, 0, (size_t)(rows * padded) * sizeof(float));
      for (ptrdiff_t head = group * shared; head < (group + 1) * shared; head++)
        for (ptrdiff_t start = 0; start < x->queries; start += LK_AT_SIZE) {
          ptrdiff_t queries = lk_at_least(LK_AT_SIZE, x->queries - start), token = sample * x->queries + start;
          LK_CLONE(at_backward_queries)(x, &w, sample, head, start, queries);
          LK_CLONE(at_backward_tile)(x, &w, sample, head, start, keys.visible + start, queries);
          LK_CLONE(at_unpack)(w.dq, width, queries, scales, x->dq, token * x->q_row + head * width, x->q_row,
                              x->dq_type);
        }
      LK_CLONE(at_write_keys)(x, &keys, w.dk, x->dk, k_at, x->k_row, x->dk_type);
      LK_CLONE(at_write_keys)(x, &keys, w.dv, x->dv, v_at, x->v_row, x->dv_type);
    }
  }
}
