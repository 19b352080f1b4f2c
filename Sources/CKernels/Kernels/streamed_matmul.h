// Products with one large matrix and few rows (or a short inner extent), as dense layers have them: the large matrix
// comes from memory once, and is fetched ahead while the block before it is multiplied. Each result is one chain of
// fused multiply-adds in the order of k, as in matmul.h.
#define LK_STREAM_BLOCK 256    // inner steps of a block
#define LK_STREAM_COLUMNS 32   // results side by side

// The lines of the next block of B, fetched a few a step.
typedef struct lk_ahead {
  const float *base;
  ptrdiff_t stride;  // between two rows of the block, in floats
  int shift;         // lines of a row, as a power of two
  int next, count;   // lines fetched, and all
  int per_step;
} lk_ahead;

LK_INLINE void lk_fetch_ahead(lk_ahead *ahead) {
  for (int i = 0; i < ahead->per_step && ahead->next < ahead->count; i++, ahead->next++) {
    ptrdiff_t row = ahead->next >> ahead->shift, line = ahead->next & ((1 << ahead->shift) - 1);
    __builtin_prefetch(ahead->base + row * ahead->stride + line * LK_LANES, 0, 2);
  }
}

// Sixteen vectors of sixteen: rows become columns.
LK_INLINE void lk_transpose(lk_vector r[16]) {
  lk_vector t[16];
#pragma clang loop unroll(full)
  for (int i = 0; i < 16; i += 2) {
    t[i] = __builtin_shufflevector(r[i], r[i + 1], 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30);
    t[i + 1] = __builtin_shufflevector(r[i], r[i + 1], 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31);
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < 16; i++) {
    if (i & 2) continue;
    r[i] = __builtin_shufflevector(t[i], t[i + 2], 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
    r[i + 2] = __builtin_shufflevector(t[i], t[i + 2], 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < 16; i++) {
    if (i & 4) continue;
    t[i] = __builtin_shufflevector(r[i], r[i + 4], 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27);
    t[i + 4] = __builtin_shufflevector(r[i], r[i + 4], 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31);
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < 8; i++) {
    r[i] = __builtin_shufflevector(t[i], t[i + 8], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
    r[i + 8] = __builtin_shufflevector(t[i], t[i + 8], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
  }
}

// Copies B[k0 ..< k0 + steps, column ..< column + 32] into `panel`, rows of 32, with zeros beyond the last column.
LK_INLINE void lk_stream_pack(const lk_matmul_arguments *x, ptrdiff_t k0, ptrdiff_t steps, ptrdiff_t column,
                              float *panel) {
  ptrdiff_t columns = x->n - column < LK_STREAM_COLUMNS ? x->n - column : LK_STREAM_COLUMNS;
  const float *b = x->b + k0 * x->b_inner + column * x->b_column;
  if (columns == LK_STREAM_COLUMNS && x->b_column == 1) {
    for (ptrdiff_t k = 0; k < steps; k++, b += x->b_inner, panel += LK_STREAM_COLUMNS) {
      lk_store(panel, lk_load(b));
      lk_store(panel + LK_LANES, lk_load(b + LK_LANES));
    }
    return;
  }
  ptrdiff_t k = 0;
  if (columns == LK_STREAM_COLUMNS && x->b_inner == 1) {
    for (; k + LK_LANES <= steps; k += LK_LANES) {
      for (int half = 0; half < 2; half++) {
        lk_vector r[16];
#pragma clang loop unroll(full)
        for (int i = 0; i < 16; i++) r[i] = lk_load(b + (half * LK_LANES + i) * x->b_column + k);
        lk_transpose(r);
#pragma clang loop unroll(full)
        for (int i = 0; i < 16; i++) lk_store(panel + (k + i) * LK_STREAM_COLUMNS + half * LK_LANES, r[i]);
      }
    }
  }
  for (; k < steps; k++)
    for (ptrdiff_t j = 0; j < LK_STREAM_COLUMNS; j++)
      panel[k * LK_STREAM_COLUMNS + j] = j < columns ? b[k * x->b_inner + j * x->b_column] : 0;
}

LK_INLINE lk_vector lk_stream_sum(const lk_matmul_arguments *x, ptrdiff_t row, ptrdiff_t column) {
  ptrdiff_t count = x->n - column;
  if (count <= 0) return lk_splat(0);
  const float *from = x->c + row * x->n + column;
  return count >= LK_LANES ? lk_load(from) : lk_load_some(from, count);
}

LK_INLINE void lk_stream_keep(const lk_matmul_arguments *x, lk_vector sum, ptrdiff_t row, ptrdiff_t column) {
  ptrdiff_t count = x->n - column;
  float *to = x->c + row * x->n + column;
  if (count >= LK_LANES) lk_store(to, sum);
  else if (count > 0) lk_store_some(to, sum, count);
}

// `rows` × 32 results go on by `steps` steps; `rows` is a constant where this is inlined.
LK_INLINE void lk_stream_tile(const lk_matmul_arguments *x, const float *panel, ptrdiff_t k0, ptrdiff_t steps,
                              ptrdiff_t row, ptrdiff_t column, lk_ahead *ahead, const int rows) {
  lk_vector sums[LK_TILE_ROWS][2];
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
    for (int j = 0; j < 2; j++)
      sums[i][j] = k0 == 0 ? lk_splat(0) : lk_stream_sum(x, row + i, column + j * LK_LANES);
  const float *a = x->a + row * x->a_row + k0 * x->a_inner;
  for (ptrdiff_t k = 0; k < steps; k++, a += x->a_inner, panel += LK_STREAM_COLUMNS) {
    lk_vector b0 = lk_load(panel), b1 = lk_load(panel + LK_LANES);
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) {
      lk_vector left = lk_splat(a[i * x->a_row]);
      sums[i][0] = lk_fma(left, b0, sums[i][0]);
      sums[i][1] = lk_fma(left, b1, sums[i][1]);
    }
    lk_fetch_ahead(ahead);
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
    for (int j = 0; j < 2; j++) {
      if (k0 + steps == x->k) lk_finish(x, sums[i][j], row + i, column + j * LK_LANES);
      else lk_stream_keep(x, sums[i][j], row + i, column + j * LK_LANES);
    }
}

LK_INLINE void lk_stream_rows(const lk_matmul_arguments *x, const float *panel, ptrdiff_t k0, ptrdiff_t steps,
                              ptrdiff_t row, ptrdiff_t column, lk_ahead *ahead) {
  ptrdiff_t rows = x->m - row < LK_TILE_ROWS ? x->m - row : LK_TILE_ROWS;
  switch (rows) {
    case 1: lk_stream_tile(x, panel, k0, steps, row, column, ahead, 1); break;
    case 2: lk_stream_tile(x, panel, k0, steps, row, column, ahead, 2); break;
#if LK_TILE_ROWS > 2
    case 3: lk_stream_tile(x, panel, k0, steps, row, column, ahead, 3); break;
    case 4: lk_stream_tile(x, panel, k0, steps, row, column, ahead, 4); break;
    case 5: lk_stream_tile(x, panel, k0, steps, row, column, ahead, 5); break;
    case 6: lk_stream_tile(x, panel, k0, steps, row, column, ahead, 6); break;
    case 7: lk_stream_tile(x, panel, k0, steps, row, column, ahead, 7); break;
    case 8: lk_stream_tile(x, panel, k0, steps, row, column, ahead, 8); break;
#endif
  }
}

// One block of B, for all rows, while the block that starts at (next_k, next_column) is fetched.
LK_INLINE void lk_stream_block(const lk_matmul_arguments *x, ptrdiff_t k0, ptrdiff_t column, ptrdiff_t next_k,
                               ptrdiff_t next_column) {
  ptrdiff_t steps = x->k - k0 < LK_STREAM_BLOCK ? x->k - k0 : LK_STREAM_BLOCK;
  lk_stream_pack(x, k0, steps, column, x->workspace);
  lk_ahead ahead = {0};
  if (next_k < x->k && next_column < x->n) {
    int is_dense = x->b_column == 1;
    ptrdiff_t rows = is_dense ? x->k - next_k : x->n - next_column, most = is_dense ? LK_STREAM_BLOCK : LK_STREAM_COLUMNS;
    ahead.base = x->b + next_k * x->b_inner + next_column * x->b_column;
    ahead.stride = is_dense ? x->b_inner : x->b_column;
    ahead.shift = is_dense ? 1 : 4;
    ahead.count = (int)((rows < most ? rows : most) << ahead.shift);
    ptrdiff_t all = steps * ((x->m + LK_TILE_ROWS - 1) / LK_TILE_ROWS);
    ahead.per_step = (int)((ahead.count + all - 1) / all);
  }
  for (ptrdiff_t row = 0; row < x->m; row += LK_TILE_ROWS)
    lk_stream_rows(x, x->workspace, k0, steps, row, column, &ahead);
}

// Few rows: B is read in the order in which it lies.
void LK_CLONE(matmul_few_rows)(const lk_matmul_arguments *x) {
  if (x->b_column == 1) {
    for (ptrdiff_t k0 = 0; k0 < x->k; k0 += LK_STREAM_BLOCK)
      for (ptrdiff_t column = 0; column < x->n; column += LK_STREAM_COLUMNS)
        lk_stream_block(x, k0, column, k0 + LK_STREAM_BLOCK, column);
    return;
  }
  for (ptrdiff_t column = 0; column < x->n; column += LK_STREAM_COLUMNS) {
    for (ptrdiff_t k0 = 0; k0 < x->k; k0 += LK_STREAM_BLOCK) {
      int is_last = k0 + LK_STREAM_BLOCK >= x->k;
      lk_stream_block(x, k0, column, is_last ? 0 : k0 + LK_STREAM_BLOCK, is_last ? column + LK_STREAM_COLUMNS : column);
    }
  }
}

// A short inner extent: B stays in the cache, packed once, and C is written row by row.
void LK_CLONE(matmul_few_steps)(const lk_matmul_arguments *x) {
  ptrdiff_t panel = x->k * LK_STREAM_COLUMNS;
  lk_ahead nothing = {0};
  for (ptrdiff_t column = 0, at = 0; column < x->n; column += LK_STREAM_COLUMNS, at += panel)
    lk_stream_pack(x, 0, x->k, column, x->workspace + at);
  for (ptrdiff_t row = 0; row < x->m; row += LK_TILE_ROWS)
    for (ptrdiff_t column = 0, at = 0; column < x->n; column += LK_STREAM_COLUMNS, at += panel)
      lk_stream_rows(x, x->workspace + at, 0, x->k, row, column, &nothing);
}
