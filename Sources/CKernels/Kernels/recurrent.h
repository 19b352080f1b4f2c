// Recurrent cells: per step a small product of all samples' states with the recurrent weight, packed once a call into
// panels that stay in the first-level cache while tiles of samples pass, then the cell's arithmetic on sixteen units.
// Each product is one chain of fused multiply-adds in the order of k: its bits depend neither on the tile nor on the
// other samples.

#if LK_TILE_ROWS > 2
#define LK_PANEL_VECTORS 3  // of a panel that a tile takes at once
#else
#define LK_PANEL_VECTORS 2
#endif
#define LK_PANEL_DEPTH 256  // k's of a panel that stay in the first-level cache

// What a call computes with: places in the workspace, and the samples that are not at their end.
typedef struct lk_recurrence {
  const lk_recurrent_arguments *x;
  ptrdiff_t gates, padded;  // G, and the width rounded up to 32
  float *packed;
  float *state, *next, *cell;  // forward [samples, padded]; backward: gradients by state and cell, and a scratch
  float *sums;                 // forward [samples, 64]; backward [samples, G·padded]
  int32_t *lengths, *active;
  ptrdiff_t active_count;
} lk_recurrence;

// `rows` × (16·vectors) sums over k in [from, to), begun or continued in `out`; rows and vectors are constants where
// this is inlined.
LK_INLINE void lk_state_tile(const float *const *a, const float *panel, ptrdiff_t stride, ptrdiff_t from, ptrdiff_t to,
                             float *const *out, const int rows, const int vectors) {
  lk_vector sums[8][LK_PANEL_VECTORS];
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
    for (int j = 0; j < vectors; j++) sums[i][j] = from ? lk_load(out[i] + j * LK_LANES) : lk_splat(0);
  const float *b = panel + from * stride;
  for (ptrdiff_t k = from; k < to; k++, b += stride) {
    lk_vector right[LK_PANEL_VECTORS];
#pragma clang loop unroll(full)
    for (int j = 0; j < vectors; j++) right[j] = lk_load(b + j * LK_LANES);
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) {
      lk_vector left = lk_splat(a[i][k]);
#pragma clang loop unroll(full)
      for (int j = 0; j < vectors; j++) sums[i][j] = lk_fma(left, right[j], sums[i][j]);
    }
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
    for (int j = 0; j < vectors; j++) lk_store(out[i] + j * LK_LANES, sums[i][j]);
}

LK_INLINE void lk_state_rows(const float *const *a, const float *panel, ptrdiff_t stride, ptrdiff_t from, ptrdiff_t to,
                             float *const *out, ptrdiff_t rows, const int vectors) {
  switch (rows) {
    case 1: lk_state_tile(a, panel, stride, from, to, out, 1, vectors); break;
    case 2: lk_state_tile(a, panel, stride, from, to, out, 2, vectors); break;
#if LK_TILE_ROWS > 2
    case 3: lk_state_tile(a, panel, stride, from, to, out, 3, vectors); break;
    case 4: lk_state_tile(a, panel, stride, from, to, out, 4, vectors); break;
    case 5: lk_state_tile(a, panel, stride, from, to, out, 5, vectors); break;
    case 6: lk_state_tile(a, panel, stride, from, to, out, 6, vectors); break;
    case 7: lk_state_tile(a, panel, stride, from, to, out, 7, vectors); break;
    case 8: lk_state_tile(a, panel, stride, from, to, out, 8, vectors); break;
#endif
  }
}

// The active samples' rows of `a` times a panel of 16·vectors columns, to rows of `out`.
LK_INLINE void lk_state_product(const lk_recurrence *r, const float *a, ptrdiff_t a_stride, const float *panel,
                                ptrdiff_t depth, float *out, ptrdiff_t out_stride, const int vectors) {
  for (ptrdiff_t from = 0; from < depth; from += LK_PANEL_DEPTH) {
    ptrdiff_t to = depth - from < LK_PANEL_DEPTH ? depth : from + LK_PANEL_DEPTH;
    for (ptrdiff_t first = 0; first < r->active_count; first += LK_TILE_ROWS) {
      ptrdiff_t rows = r->active_count - first < LK_TILE_ROWS ? r->active_count - first : LK_TILE_ROWS;
      const float *left[LK_TILE_ROWS];
      float *result[LK_TILE_ROWS];
      for (ptrdiff_t i = 0; i < rows; i++) {
        left[i] = a + r->active[first + i] * a_stride;
        result[i] = out + r->active[first + i] * out_stride;
      }
      if (vectors <= LK_PANEL_VECTORS) {
        lk_state_rows(left, panel, vectors * LK_LANES, from, to, result, rows, vectors);
      } else {
        lk_state_rows(left, panel, vectors * LK_LANES, from, to, result, rows, 2);
        for (ptrdiff_t i = 0; i < rows; i++) result[i] += 2 * LK_LANES;
        lk_state_rows(left, panel + 2 * LK_LANES, vectors * LK_LANES, from, to, result, rows, 1);
      }
    }
  }
}

// Tokens up to the last that is not padding; all without ids.
LK_INLINE ptrdiff_t lk_length(const int32_t *ids, ptrdiff_t tokens, int64_t padding) {
  while (ids && tokens > 0 && ids[tokens - 1] == padding) tokens--;
  return tokens;
}

// Finds where each sample ends and where things lie in the workspace, and sets states to zero.
LK_INLINE lk_recurrence lk_recurrence_begin(const lk_recurrent_arguments *x) {
  lk_recurrence r = {.x = x, .gates = lk_cell_gates(x->cell), .padded = (x->width + 31) / 32 * 32};
  ptrdiff_t states = x->samples * r.padded;
  r.packed = x->workspace;
  r.state = r.packed + r.gates * r.padded * r.padded;
  r.next = r.state + states;
  r.cell = r.next + states;
  r.sums = r.cell + states;
  r.lengths = (int32_t *)(r.sums + x->samples * (r.gates * r.padded + 64));
  r.active = r.lengths + x->samples;
  memset(r.state, 0, (size_t)(3 * states) * sizeof(float));
  for (ptrdiff_t i = 0; i < x->samples; i++)
    r.lengths[i] = (int32_t)lk_length(x->ids ? x->ids + i * x->tokens : NULL, x->tokens, x->padding);
  return r;
}

// Lists the samples that have a token `t`.
LK_INLINE void lk_recurrence_choose(lk_recurrence *r, ptrdiff_t t) {
  r->active_count = 0;
  for (ptrdiff_t i = 0; i < r->x->samples; i++)
    if (t < r->lengths[i]) r->active[r->active_count++] = (int32_t)i;
}

LK_INLINE size_t lk_size(lk_type type) { return type == LK_BFLOAT16 ? 2 : 4; }

// Zeros token `t` of the samples that have none.
LK_INLINE void lk_recurrence_clear(const lk_recurrence *r, lk_sequence s, ptrdiff_t columns, ptrdiff_t t) {
  if (!s.values) return;
  size_t row = (size_t)columns * lk_size(s.type);
  for (ptrdiff_t i = 0; i < r->x->samples; i++)
    if (t >= r->lengths[i]) memset((char *)s.values + (size_t)(i * r->x->tokens + t) * row, 0, row);
}

// `count` ≤ 16 numbers of a sequence, and their writing where the sequence is wanted.
LK_INLINE lk_vector lk_take(lk_sequence s, ptrdiff_t at, ptrdiff_t count) {
  return count == LK_LANES ? lk_read(s.values, at, s.type) : lk_read_some(s.values, at, count, s.type);
}
LK_INLINE void lk_put(lk_sequence s, ptrdiff_t at, lk_vector x, ptrdiff_t count) {
  if (!s.values) return;
  if (count == LK_LANES) lk_write(s.values, at, x, s.type);
  else lk_write_some(s.values, at, x, count, s.type);
}

// Asks for `gates` lines of a row early: rows of one step lie far apart, where the processor foresees nothing.
LK_INLINE void lk_foresee(lk_sequence s, ptrdiff_t at, ptrdiff_t stride, ptrdiff_t gates) {
  if (!s.values) return;
  for (ptrdiff_t g = 0; g < gates; g++)
    __builtin_prefetch((char *)s.values + (size_t)(at + g * stride) * lk_size(s.type), 0, 2);
}

// Packs the weight for forward: blocks of 16 units, all gates side by side (cells of one gate: of 32 units), cut
// into panels of `vectors`.
LK_INLINE void lk_recurrent_pack(const lk_recurrence *r, const int units, const int vectors) {
  ptrdiff_t width = r->x->width, blocks = (width + units * LK_LANES - 1) / (units * LK_LANES);
  ptrdiff_t block_vectors = units * r->gates;
  for (ptrdiff_t v = 0; v < blocks * block_vectors; v++) {
    ptrdiff_t block = v / block_vectors, inside = v % block_vectors;
    ptrdiff_t unit = (block * units + inside / r->gates) * LK_LANES, gate = inside % r->gates;
    ptrdiff_t count = width - unit < LK_LANES ? width - unit : LK_LANES;
    float *to = r->packed + v / vectors * vectors * LK_LANES * width + v % vectors * LK_LANES;
    const float *from = r->x->weight + gate * width + unit;
    for (ptrdiff_t k = 0; k < width; k++, to += vectors * LK_LANES, from += r->gates * width)
      lk_store(to, count >= LK_LANES ? lk_load(from) : count > 0 ? lk_load_some(from, count) : lk_splat(0));
  }
}

// Packs the transposed weight for backward: panels of 32 units, one row a gate and (padded) unit. Sixteen columns at a
// time, so that each line of the weight is read once.
LK_INLINE void lk_recurrent_pack_transposed(const lk_recurrence *r) {
  ptrdiff_t width = r->x->width, depth = r->gates * r->padded;
  memset(r->packed, 0, (size_t)(depth * r->padded) * sizeof(float));
  for (ptrdiff_t panel = 0; panel < width; panel += 32)
    for (ptrdiff_t gate = 0; gate < r->gates; gate++)
      for (ptrdiff_t unit = 0; unit < width; unit += LK_LANES) {
        float *to = r->packed + panel * depth + (gate * r->padded + unit) * 32;
        ptrdiff_t rows = width - panel < 32 ? width - panel : 32;
        ptrdiff_t columns = width - unit < LK_LANES ? width - unit : LK_LANES;
        for (ptrdiff_t j = 0; j < rows; j++) {
          const float *from = r->x->weight + ((panel + j) * r->gates + gate) * width + unit;
          for (ptrdiff_t i = 0; i < columns; i++) to[i * 32 + j] = from[i];
        }
      }
}

// tanh as a quotient of polynomials (the coefficients of Eigen's ptanh_float), to a few units in the last place in half
// the time of the exponential's way: a layer has five such functions a unit and step. NaN stays NaN.
LK_INLINE lk_vector lk_gate_tanh(lk_vector given) {
  const lk_vector bound = lk_splat(7.90531110763549805f);
  lk_vector x = lk_select(given > bound, bound, given);
  x = lk_select(x < -bound, -bound, x);
  lk_vector z = x * x, p = lk_splat(-2.76076847742355e-16f), q = lk_splat(1.19825839466702e-06f);
  p = lk_fma(p, z, lk_splat(2.00018790482477e-13f));
  p = lk_fma(p, z, lk_splat(-8.60467152213735e-11f));
  p = lk_fma(p, z, lk_splat(5.12229709037114e-08f));
  p = lk_fma(p, z, lk_splat(1.48572235717979e-05f));
  p = lk_fma(p, z, lk_splat(6.37261928875436e-04f));
  p = lk_fma(p, z, lk_splat(4.89352455891786e-03f));
  q = lk_fma(q, z, lk_splat(1.18534705686654e-04f));
  q = lk_fma(q, z, lk_splat(2.26843463243900e-03f));
  q = lk_fma(q, z, lk_splat(4.89352518554385e-03f));
  return p * x / q;
}

// σ(x) = (1 + tanh(x / 2)) / 2.
LK_INLINE lk_vector lk_gate_sigmoid(lk_vector x) {
  lk_vector half = lk_splat(0.5f);
  return lk_fma(half, lk_gate_tanh(half * x), half);
}

// The cell of one sample and `count` units from `unit` on at row `row`; `sums` holds the products, a gate each 16.
LK_INLINE void lk_cell_step(const lk_recurrence *r, ptrdiff_t sample, ptrdiff_t row, ptrdiff_t unit, const float *sums,
                            ptrdiff_t count, const int32_t cell) {
  const lk_recurrent_arguments *x = r->x;
  ptrdiff_t width = x->width, at = row * r->gates * width + unit, kept = row * 4 * width + unit;
  ptrdiff_t place = sample * r->padded + unit;
  lk_vector products[4], inputs[4], one = lk_splat(1), y;
#pragma clang loop unroll(full)
  for (int g = 0; g < (cell == LK_CELL_LSTM ? 4 : cell == LK_CELL_GRU ? 3 : 1); g++) {
    products[g] = lk_load(sums + g * LK_LANES);
    if (x->bias) products[g] += lk_load_some(x->bias + g * width + unit, count);
    inputs[g] = lk_take(x->projected, at + g * width, count);
  }
  if (cell == LK_CELL_LSTM) {
    lk_vector i = lk_gate_sigmoid(inputs[0] + products[0]), f = lk_gate_sigmoid(inputs[1] + products[1]);
    lk_vector g = lk_gate_tanh(inputs[2] + products[2]), o = lk_gate_sigmoid(inputs[3] + products[3]);
    lk_vector c = f * lk_load(r->cell + place) + i * g;
    lk_store(r->cell + place, c);
    y = o * lk_gate_tanh(c);
    lk_put(x->gates, kept, i, count);
    lk_put(x->gates, kept + width, f, count);
    lk_put(x->gates, kept + 2 * width, g, count);
    lk_put(x->gates, kept + 3 * width, o, count);
    lk_put(x->cells, row * width + unit, c, count);
  } else if (cell == LK_CELL_GRU) {
    lk_vector reset = lk_gate_sigmoid(inputs[0] + products[0]), z = lk_gate_sigmoid(inputs[1] + products[1]);
    lk_vector n = lk_gate_tanh(inputs[2] + reset * products[2]);
    y = (one - z) * n + z * lk_load(r->state + place);
    lk_put(x->gates, kept, reset, count);
    lk_put(x->gates, kept + width, z, count);
    lk_put(x->gates, kept + 2 * width, n, count);
    lk_put(x->gates, kept + 3 * width, products[2], count);
  } else {
    lk_vector sum = inputs[0] + products[0];
    y = cell == LK_CELL_TANH ? lk_gate_tanh(sum) : lk_apply(LK_RELU, sum);
  }
  lk_store(r->next + place, y);
  lk_put(x->y, row * width + unit, y, count);
}

// All steps of forward; `units` blocks of 16 units and `vectors` a panel are constants where this is inlined.
LK_INLINE void lk_recurrent_run(const lk_recurrent_arguments *x, const int32_t cell, const int units,
                                const int vectors) {
  lk_recurrence r = lk_recurrence_begin(x);
  const int columns = units * (cell == LK_CELL_LSTM ? 4 : cell == LK_CELL_GRU ? 3 : 1) * LK_LANES;
  lk_recurrent_pack(&r, units, vectors);
  for (ptrdiff_t step = 0; step < x->tokens; step++) {
    ptrdiff_t t = x->is_reversed ? x->tokens - 1 - step : step;
    lk_recurrence_choose(&r, t);
    lk_recurrence_clear(&r, x->y, x->width, t);
    for (ptrdiff_t unit = 0; unit < x->width; unit += units * LK_LANES) {
      for (ptrdiff_t i = 0; i < r.active_count; i++) {
        ptrdiff_t row = r.active[i] * x->tokens + t;
        lk_foresee(x->projected, row * r.gates * x->width + unit, x->width, r.gates);
      }
      const float *panel = r.packed + unit * r.gates * x->width;
      for (int at = 0; at < columns; at += vectors * LK_LANES)
        lk_state_product(&r, r.state, r.padded, panel + at * x->width, x->width, r.sums + at, 64, vectors);
      for (ptrdiff_t i = 0; i < r.active_count; i++) {
        ptrdiff_t sample = r.active[i], row = sample * x->tokens + t;
        for (ptrdiff_t u = unit, v = 0; v < units && u < x->width; u += LK_LANES, v++) {
          ptrdiff_t count = x->width - u < LK_LANES ? x->width - u : LK_LANES;
          lk_cell_step(&r, sample, row, u, r.sums + sample * 64 + v * LK_LANES, count, cell);
        }
      }
    }
    float *swap = r.state;
    r.state = r.next;
    r.next = swap;
  }
}

void LK_CLONE(recurrent)(const lk_recurrent_arguments *x) {
  switch (x->cell) {
    case LK_CELL_TANH: lk_recurrent_run(x, LK_CELL_TANH, 2, 2); break;
    case LK_CELL_RELU: lk_recurrent_run(x, LK_CELL_RELU, 2, 2); break;
    case LK_CELL_LSTM: lk_recurrent_run(x, LK_CELL_LSTM, 1, 2); break;
    case LK_CELL_GRU: lk_recurrent_run(x, LK_CELL_GRU, 1, 3); break;
  }
}

// The gradient through the cell of one sample and `count` units: writes the results' rows and, for the product with
// the transposed weight, `sums`; `before` is the row of the step before, negative at the first.
LK_INLINE void lk_cell_gradient(const lk_recurrence *r, ptrdiff_t sample, ptrdiff_t row, ptrdiff_t before,
                                ptrdiff_t unit, ptrdiff_t count, const int32_t cell) {
  const lk_recurrent_arguments *x = r->x;
  ptrdiff_t width = x->width, at = row * width + unit, kept = row * 4 * width + unit;
  ptrdiff_t place = sample * r->padded + unit, to = row * r->gates * width + unit;
  float *sums = r->sums + sample * r->gates * r->padded + unit;
  lk_vector one = lk_splat(1), zero = lk_splat(0);
  lk_vector dh = lk_take(x->dy, at, count) + lk_load(r->state + place);
  lk_vector previous = before < 0 ? zero : lk_take(x->y, before * width + unit, count);
  lk_put(x->previous, at, previous, count);
  if (cell == LK_CELL_LSTM) {
    lk_vector i = lk_take(x->gates, kept, count), f = lk_take(x->gates, kept + width, count);
    lk_vector g = lk_take(x->gates, kept + 2 * width, count), o = lk_take(x->gates, kept + 3 * width, count);
    lk_vector c = before < 0 ? zero : lk_take(x->cells, before * width + unit, count);
    lk_vector shown = lk_gate_tanh(lk_take(x->cells, at, count));
    lk_vector dc = lk_load(r->cell + place) + dh * o * (one - shown * shown);
    lk_vector d[4] = {dc * g * i * (one - i), dc * c * f * (one - f), dc * i * (one - g * g),
                      dh * shown * o * (one - o)};
    lk_store(r->cell + place, dc * f);
#pragma clang loop unroll(full)
    for (int gate = 0; gate < 4; gate++) {
      lk_put(x->dprojected, to + gate * width, d[gate], count);
      lk_store(sums + gate * r->padded, d[gate]);
    }
  } else if (cell == LK_CELL_GRU) {
    lk_vector reset = lk_take(x->gates, kept, count), z = lk_take(x->gates, kept + width, count);
    lk_vector n = lk_take(x->gates, kept + 2 * width, count), q = lk_take(x->gates, kept + 3 * width, count);
    lk_vector dn = dh * (one - z) * (one - n * n), dz = dh * (previous - n) * z * (one - z);
    lk_vector d[4] = {dn * q * reset * (one - reset), dz, dn * reset, dn};
    lk_store(r->cell + place, dh * z);
    lk_put(x->dprojected, to, d[0], count);
    lk_put(x->dprojected, to + width, d[1], count);
    lk_put(x->dprojected, to + 2 * width, d[3], count);
#pragma clang loop unroll(full)
    for (int gate = 0; gate < 3; gate++) {
      lk_put(x->drecurrent, to + gate * width, d[gate], count);
      lk_store(sums + gate * r->padded, d[gate]);
    }
  } else {
    lk_vector d = dh * lk_slope(cell == LK_CELL_TANH ? LK_TANH : LK_RELU, lk_take(x->y, at, count));
    lk_put(x->dprojected, to, d, count);
    lk_store(sums, d);
  }
}

LK_INLINE void lk_recurrent_run_back(const lk_recurrent_arguments *x, const int32_t cell) {
  lk_recurrence r = lk_recurrence_begin(x);
  ptrdiff_t depth = r.gates * r.padded;
  memset(r.sums, 0, (size_t)(x->samples * depth) * sizeof(float));
  lk_recurrent_pack_transposed(&r);
  for (ptrdiff_t step = x->tokens - 1; step >= 0; step--) {
    ptrdiff_t t = x->is_reversed ? x->tokens - 1 - step : step;
    lk_recurrence_choose(&r, t);
    lk_recurrence_clear(&r, x->dprojected, r.gates * x->width, t);
    lk_recurrence_clear(&r, x->drecurrent, r.gates * x->width, t);
    lk_recurrence_clear(&r, x->previous, x->width, t);
    for (ptrdiff_t i = 0; i < r.active_count; i++) {
      ptrdiff_t sample = r.active[i], row = sample * x->tokens + t;
      ptrdiff_t neighbour = x->is_reversed ? t + 1 : t - 1;
      ptrdiff_t before = neighbour >= 0 && neighbour < r.lengths[sample] ? sample * x->tokens + neighbour : -1;
      for (ptrdiff_t unit = 0; unit < x->width; unit += LK_LANES) {
        ptrdiff_t count = x->width - unit < LK_LANES ? x->width - unit : LK_LANES;
        lk_cell_gradient(&r, sample, row, before, unit, count, cell);
      }
    }
    if (step == 0) break;
    for (ptrdiff_t unit = 0; unit < x->width; unit += 32)
      lk_state_product(&r, r.sums, depth, r.packed + unit * depth, depth, r.state + unit, r.padded, 2);
    if (cell == LK_CELL_GRU)
      for (ptrdiff_t i = 0; i < r.active_count; i++)
        for (ptrdiff_t unit = 0; unit < r.padded; unit += LK_LANES) {
          float *dh = r.state + r.active[i] * r.padded + unit;
          lk_store(dh, lk_load(dh) + lk_load(r.cell + (dh - r.state)));
        }
  }
}

void LK_CLONE(recurrent_gradient)(const lk_recurrent_arguments *x) {
  switch (x->cell) {
    case LK_CELL_TANH: lk_recurrent_run_back(x, LK_CELL_TANH); break;
    case LK_CELL_RELU: lk_recurrent_run_back(x, LK_CELL_RELU); break;
    case LK_CELL_LSTM: lk_recurrent_run_back(x, LK_CELL_LSTM); break;
    case LK_CELL_GRU: lk_recurrent_run_back(x, LK_CELL_GRU); break;
  }
}

// Copies `count` numbers from one sequence to another.
LK_INLINE void lk_carry(lk_sequence from, ptrdiff_t source, lk_sequence to, ptrdiff_t target, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i += LK_LANES) {
    ptrdiff_t some = count - i < LK_LANES ? count - i : LK_LANES;
    lk_put(to, target + i, lk_take(from, source + i, some), some);
  }
}

// Visits what both kernels copy: forward columns of the last token, the others of the first.
LK_INLINE void lk_last_states(const lk_last_state_arguments *x, const int is_gradient) {
  ptrdiff_t forward = x->forward_width, width = x->width;
  size_t row = (size_t)width * lk_size(x->last.type);
  for (ptrdiff_t sample = 0; sample < x->samples; sample++) {
    ptrdiff_t length = lk_length(x->ids ? x->ids + sample * x->tokens : NULL, x->tokens, x->padding);
    ptrdiff_t first = sample * x->tokens * width, at = first + (length - 1) * width, to = sample * width;
    if (length == 0) {
      if (!is_gradient) memset((char *)x->last.values + (size_t)sample * row, 0, row);
    } else if (is_gradient) {
      lk_carry(x->last, to, x->states, at, forward);
      lk_carry(x->last, to + forward, x->states, first + forward, width - forward);
    } else {
      lk_carry(x->states, at, x->last, to, forward);
      lk_carry(x->states, first + forward, x->last, to + forward, width - forward);
    }
  }
}

void LK_CLONE(last_state)(const lk_last_state_arguments *x) { lk_last_states(x, 0); }

void LK_CLONE(last_state_gradient)(const lk_last_state_arguments *x) {
  memset(x->states.values, 0, (size_t)(x->samples * x->tokens * x->width) * lk_size(x->states.type));
  lk_last_states(x, 1);
}
