// What attention's forward and backward share: packed rows, transposed tiles, small products in registers, and which
// keys a query sees.
//
// Scores are kept transposed, [keys][queries]: a lane is a query, so that maxima and sums over keys need no step across
// lanes, and every product reads its vectors from rows as they lie.

#define LK_AT_SIZE LK_ATTENTION_TILE
#define LK_AT_ROWS 8  // results of a product are computed in groups of so many rows

enum { LK_AT_SET, LK_AT_ADD, LK_AT_RESCALE };

// `rows` × (16·vectors) results: C = A·B, C += A·B, or C = C·factor(row) + A·B.
LK_INLINE void lk_at_block(const float *a, ptrdiff_t a_row, ptrdiff_t a_inner, const float *b, ptrdiff_t b_row,
                           ptrdiff_t inner, float *c, ptrdiff_t c_row, const float *factors, const int rows,
                           const int vectors, const int mode) {
  lk_vector sums[LK_AT_ROWS][3];
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
    for (int j = 0; j < vectors; j++) {
      if (mode == LK_AT_SET) sums[i][j] = lk_splat(0);
      else sums[i][j] = lk_load(c + i * c_row + j * LK_LANES);
      if (mode == LK_AT_RESCALE) sums[i][j] *= lk_splat(factors[i]);
    }
  for (ptrdiff_t k = 0; k < inner; k++, a += a_inner, b += b_row) {
    lk_vector right[3];
#pragma clang loop unroll(full)
    for (int j = 0; j < vectors; j++) right[j] = lk_load(b + j * LK_LANES);
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) {
      lk_vector left = lk_splat(a[i * a_row]);
#pragma clang loop unroll(full)
      for (int j = 0; j < vectors; j++) sums[i][j] = lk_fma(left, right[j], sums[i][j]);
    }
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
    for (int j = 0; j < vectors; j++) lk_store(c + i * c_row + j * LK_LANES, sums[i][j]);
}

// Eight rows of results; narrower registers take them in smaller groups, each result by the same chain.
LK_INLINE void lk_at_group(const float *a, ptrdiff_t a_row, ptrdiff_t a_inner, const float *b, ptrdiff_t b_row,
                           ptrdiff_t inner, float *c, ptrdiff_t c_row, const float *factors, const int vectors,
                           const int mode) {
  for (int i = 0; i < LK_AT_ROWS; i += LK_TILE_ROWS)
    lk_at_block(a + i * a_row, a_row, a_inner, b, b_row, inner, c + i * c_row, c_row, factors + i, LK_TILE_ROWS,
                vectors, mode);
}

// Eight rows of any multiple of sixteen columns.
LK_INLINE void lk_at_rows(const float *a, ptrdiff_t a_row, ptrdiff_t a_inner, const float *b, ptrdiff_t b_row,
                          ptrdiff_t inner, float *c, ptrdiff_t c_row, const float *factors, ptrdiff_t columns,
                          const int mode) {
  ptrdiff_t j = 0;
  for (; columns - j > 3 * LK_LANES || columns - j == 2 * LK_LANES; j += 2 * LK_LANES)
    lk_at_group(a, a_row, a_inner, b + j, b_row, inner, c + j, c_row, factors, 2, mode);
  if (columns - j == 3 * LK_LANES) lk_at_group(a, a_row, a_inner, b + j, b_row, inner, c + j, c_row, factors, 3, mode);
  if (columns - j == LK_LANES) lk_at_group(a, a_row, a_inner, b + j, b_row, inner, c + j, c_row, factors, 1, mode);
}

LK_INLINE ptrdiff_t lk_at_padded(ptrdiff_t width) { return (width + LK_LANES - 1) / LK_LANES * LK_LANES; }
LK_INLINE ptrdiff_t lk_at_least(ptrdiff_t x, ptrdiff_t y) { return x < y ? x : y; }
LK_INLINE ptrdiff_t lk_at_most(ptrdiff_t x, ptrdiff_t y) { return x > y ? x : y; }
LK_INLINE ptrdiff_t lk_at_group_up(ptrdiff_t x) { return (x + LK_AT_ROWS - 1) / LK_AT_ROWS * LK_AT_ROWS; }

// One head's numbers of one token, times a factor, followed by zeros up to a multiple of sixteen.
LK_INLINE void lk_at_pack_row(const void *from, ptrdiff_t at, ptrdiff_t width, float factor, float *to, lk_type type) {
  ptrdiff_t full = width - width % LK_LANES;
  for (ptrdiff_t d = 0; d < full; d += LK_LANES) lk_store(to + d, lk_read(from, at + d, type) * lk_splat(factor));
  if (full < width) lk_store(to + full, lk_read_some(from, at + full, width - full, type) * lk_splat(factor));
}

// Writes one head's numbers of one token, times a factor.
LK_INLINE void lk_at_unpack_row(const float *from, ptrdiff_t width, float factor, void *to, ptrdiff_t at,
                                lk_type type) {
  ptrdiff_t full = width - width % LK_LANES;
  for (ptrdiff_t d = 0; d < full; d += LK_LANES) lk_write(to, at + d, lk_load(from + d) * lk_splat(factor), type);
  if (full < width)
    lk_write_some(to, at + full, lk_load(from + full) * lk_splat(factor), width - full, type);
}

// `count` tokens from `at` on, as dense float32 rows, zeros behind them up to `rows`. With `positions` only those.
static void LK_CLONE(at_pack)(const void *from, ptrdiff_t at, ptrdiff_t stride, lk_type type, ptrdiff_t width,
                              const int32_t *positions, ptrdiff_t count, ptrdiff_t rows, float factor, float *to) {
  ptrdiff_t padded = lk_at_padded(width);
  for (ptrdiff_t i = 0; i < count; i++) {
    ptrdiff_t place = at + (positions ? positions[i] : i) * stride;
    if (type == LK_BFLOAT16) lk_at_pack_row(from, place, width, factor, to + i * padded, LK_BFLOAT16);
    else lk_at_pack_row(from, place, width, factor, to + i * padded, LK_FLOAT32);
  }
  if (rows > count) memset(to + count * padded, 0, (size_t)((rows - count) * padded) * sizeof(float));
}

static void LK_CLONE(at_unpack)(const float *from, ptrdiff_t width, ptrdiff_t count, const float *factors, void *to,
                                ptrdiff_t at, ptrdiff_t stride, lk_type type) {
  ptrdiff_t padded = lk_at_padded(width);
  for (ptrdiff_t i = 0; i < count; i++) {
    if (type == LK_BFLOAT16)
      lk_at_unpack_row(from + i * padded, width, factors[i], to, at + i * stride, LK_BFLOAT16);
    else lk_at_unpack_row(from + i * padded, width, factors[i], to, at + i * stride, LK_FLOAT32);
  }
}

// One step of a transpose of sixteen rows: lanes whose number has the bit `s` change places with lanes that lack it,
// between rows that differ in that bit.
#define LK_AT_SWAPS(x, s)                                                             \
  _Pragma("clang loop unroll(full)") for (int n = 0; n < LK_LANES / 2; n++) {          \
    int i = n / s * 2 * s + n % s;                                                    \
    lk_vector low = x[i], high = x[i + s];                                            \
    x[i] = __builtin_shufflevector(low, high, LK_AT_LOW##s);                          \
    x[i + s] = __builtin_shufflevector(low, high, LK_AT_HIGH##s);                     \
  }
#define LK_AT_LOW1 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30
#define LK_AT_HIGH1 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31
#define LK_AT_LOW2 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29
#define LK_AT_HIGH2 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31
#define LK_AT_LOW4 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27
#define LK_AT_HIGH4 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31
#define LK_AT_LOW8 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23
#define LK_AT_HIGH8 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31

// A tile of rows [LK_AT_SIZE][padded] times a factor as columns [padded][LK_AT_SIZE].
static void LK_CLONE(at_transpose)(const float *from, ptrdiff_t padded, float factor, float *to) {
  for (ptrdiff_t row = 0; row < LK_AT_SIZE; row += LK_LANES)
    for (ptrdiff_t column = 0; column < padded; column += LK_LANES) {
      lk_vector x[LK_LANES];
#pragma clang loop unroll(full)
      for (int i = 0; i < LK_LANES; i++)
        x[i] = lk_load(from + (row + i) * padded + column) * lk_splat(factor);
      LK_AT_SWAPS(x, 1)
      LK_AT_SWAPS(x, 2)
      LK_AT_SWAPS(x, 4)
      LK_AT_SWAPS(x, 8)
#pragma clang loop unroll(full)
      for (int i = 0; i < LK_LANES; i++) lk_store(to + (column + i) * LK_AT_SIZE + row, x[i]);
    }
}

#define LK_AT_P1 6.931471825e-01f
#define LK_AT_P2 2.402264774e-01f
#define LK_AT_P3 5.550332367e-02f
#define LK_AT_P4 9.618437849e-03f
#define LK_AT_P5 1.339887618e-03f
#define LK_AT_P6 1.535335759e-04f

// 2ˣ for x ≤ 127 to about 1 unit in the last place (below −126 as −126); NaN stays NaN. 2ˣ = 2ⁿ·2ᶠ with |f| ≤ ½ and
// a polynomial for 2ᶠ (minimax of the relative error, value 1 at 0).
LK_INLINE lk_vector lk_at_power(lk_vector x) {
  x = lk_select(x < lk_splat(-126.0f), lk_splat(-126.0f), x);
  lk_vector shifted = x + lk_splat(12582912.0f);  // rounds to an integer
  lk_vector f = x - (shifted - lk_splat(12582912.0f));
  lk_vector p = lk_splat(LK_AT_P6);
  p = lk_fma(p, f, lk_splat(LK_AT_P5));
  p = lk_fma(p, f, lk_splat(LK_AT_P4));
  p = lk_fma(p, f, lk_splat(LK_AT_P3));
  p = lk_fma(p, f, lk_splat(LK_AT_P2));
  p = lk_fma(p, f, lk_splat(LK_AT_P1));
  p = lk_fma(p, f, lk_splat(1.0f));
  return p * (lk_vector)(((lk_mask)shifted << 23) + 0x3f800000);
}

// The keys of one sample that count: their positions (NULL: all), how many there are, and for each query how many of
// them it sees. Queries that only fill the last tile up see what the last one does.
typedef struct lk_at_keys {
  const int32_t *positions;
  int32_t *visible;
  ptrdiff_t count;
} lk_at_keys;

LK_INLINE lk_at_keys lk_at_visible(const lk_attention_arguments *x, ptrdiff_t sample, int32_t *memory) {
  ptrdiff_t rows = (x->queries + LK_AT_SIZE - 1) / LK_AT_SIZE * LK_AT_SIZE;
  int32_t *visible = memory, *positions = memory + rows;
  ptrdiff_t count = 0;
  for (ptrdiff_t key = 0; key < x->keys; key++) {
    if (x->is_causal && key < x->queries) visible[key] = 0;
    if (!x->ids || x->ids[sample * x->keys + key] != x->padding) positions[count++] = (int32_t)key;
    if (x->is_causal && key < x->queries) visible[key] = (int32_t)count;
  }
  for (ptrdiff_t row = x->is_causal ? lk_at_least(x->keys, x->queries) : 0; row < x->queries; row++)
    visible[row] = (int32_t)count;
  for (ptrdiff_t row = x->queries; row < rows; row++) visible[row] = visible[row - 1];
  return (lk_at_keys){x->ids ? positions : NULL, visible, count};
}

// How many of the tile's keys from `first` on the last of `count` queries from `row` on sees.
LK_INLINE ptrdiff_t lk_at_reach(const int32_t *visible, ptrdiff_t row, ptrdiff_t count, ptrdiff_t first) {
  return lk_at_least(LK_AT_SIZE, visible[row + count - 1] - first);
}

// What dropout does to the weights of a tile, as factors [key][query]: a block of random words is four keys of a query.
static void LK_CLONE(at_drop)(const lk_attention_arguments *x, ptrdiff_t sample, ptrdiff_t head, ptrdiff_t start,
                              ptrdiff_t first, const int32_t *visible, ptrdiff_t queries, float *factors) {
  const lk_dropout_arguments *d = x->dropout;
  uint32_t key0 = (uint32_t)d->seed ^ d->ordinal * 0x9E3779B9u, key1 = (uint32_t)(d->seed >> 32) ^ d->ordinal;
  uint64_t blocks = (uint64_t)(x->keys + 3) / 4;
  for (ptrdiff_t j = 0; j < queries; j += LK_LANES) {
    ptrdiff_t reach = lk_at_group_up(lk_at_most(0, lk_at_reach(visible, j, LK_LANES, first)));
    for (ptrdiff_t key = 0; key < reach; key += 4) {
      uint32_t words[4][LK_BLOCKS];
      for (int l = 0; l < LK_BLOCKS; l++) {
        uint64_t row = (uint64_t)(head * x->queries + start + j + l);
        uint64_t block = row * blocks + (uint64_t)(first + key) / 4;
        words[0][l] = (uint32_t)block;
        words[1][l] = (uint32_t)(block >> 32);
        words[2][l] = d->first_sample + (uint32_t)sample;
        words[3][l] = d->step;
      }
      lk_philox(words, key0, key1);
      for (int i = 0; i < 4; i++)
        for (int l = 0; l < LK_BLOCKS; l++)
          factors[(key + i) * LK_AT_SIZE + j + l] = words[i][l] >= d->threshold ? d->scale : 0.0f;
    }
  }
}

// The scores of a tile, transposed: C[key][query] = rows[key]·columns[query], where any of 32 queries sees the key.
static void LK_CLONE(at_scores)(const float *rows, const float *columns, ptrdiff_t width, const int32_t *visible,
                                ptrdiff_t queries, ptrdiff_t first, float *c) {
  ptrdiff_t padded = lk_at_padded(width);
  for (ptrdiff_t strip = 0; strip < queries; strip += 2 * LK_LANES) {
    ptrdiff_t reach = lk_at_reach(visible, strip, 2 * LK_LANES, first);
    for (ptrdiff_t key = 0; key < reach; key += LK_AT_ROWS)
      lk_at_group(rows + key * padded, padded, 1, columns + strip, LK_AT_SIZE, width,
                  c + key * LK_AT_SIZE + strip, LK_AT_SIZE, NULL, 2, LK_AT_SET);
  }
}
