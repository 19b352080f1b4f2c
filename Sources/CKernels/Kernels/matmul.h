// Small matrix products. A tile of LK_TILE_ROWS × 32 results stays in registers while the inner extent runs; each result
// is one chain of fused multiply-adds in the order of k, so its bits do not depend on the tile or on m and n.
// B is read in place where its rows are dense and 32 columns remain; else a panel of it is packed first.

LK_INLINE lk_vector lk_epilogue(const lk_matmul_arguments *x, lk_vector value, ptrdiff_t row, ptrdiff_t column,
                                ptrdiff_t count) {
  if (x->bias) {
    const float *bias = x->bias + column;
    value += count == LK_LANES ? lk_load(bias) : lk_load_some(bias, count);
  }
  if (x->saved) {
    const float *saved = x->saved + row * x->n + column;
    return value * lk_slope(x->activation, count == LK_LANES ? lk_load(saved) : lk_load_some(saved, count));
  }
  return lk_apply(x->activation, value);
}

LK_INLINE void lk_finish(const lk_matmul_arguments *x, lk_vector value, ptrdiff_t row, ptrdiff_t column) {
  ptrdiff_t count = x->n - column < LK_LANES ? x->n - column : LK_LANES;
  if (count <= 0) return;
  value = lk_epilogue(x, value, row, column, count);
  float *to = x->c + row * x->n + column;
  if (count == LK_LANES) lk_store(to, value);
  else lk_store_some(to, value, count);
}

// `rows` × (16·vectors) results; both are constants where this is inlined.
LK_INLINE void lk_tile(const lk_matmul_arguments *x, const float *panel, ptrdiff_t panel_stride, ptrdiff_t row,
                       ptrdiff_t column, const int rows, const int vectors) {
  lk_vector sums[LK_TILE_ROWS][2];
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
    for (int j = 0; j < vectors; j++) sums[i][j] = lk_splat(0);
  const float *a = x->a + row * x->a_row;
  for (ptrdiff_t k = 0; k < x->k; k++, a += x->a_inner, panel += panel_stride) {
    lk_vector b[2];
#pragma clang loop unroll(full)
    for (int j = 0; j < vectors; j++) b[j] = lk_load(panel + j * LK_LANES);
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) {
      lk_vector left = lk_splat(a[i * x->a_row]);
#pragma clang loop unroll(full)
      for (int j = 0; j < vectors; j++) sums[i][j] = lk_fma(left, b[j], sums[i][j]);
    }
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
    for (int j = 0; j < vectors; j++) lk_finish(x, sums[i][j], row + i, column + j * LK_LANES);
}

LK_INLINE void lk_tile_rows(const lk_matmul_arguments *x, const float *panel, ptrdiff_t stride, ptrdiff_t row,
                            ptrdiff_t column, ptrdiff_t rows, const int vectors) {
  switch (rows) {
    case 1: lk_tile(x, panel, stride, row, column, 1, vectors); break;
    case 2: lk_tile(x, panel, stride, row, column, 2, vectors); break;
#if LK_TILE_ROWS > 2
    case 3: lk_tile(x, panel, stride, row, column, 3, vectors); break;
    case 4: lk_tile(x, panel, stride, row, column, 4, vectors); break;
    case 5: lk_tile(x, panel, stride, row, column, 5, vectors); break;
    case 6: lk_tile(x, panel, stride, row, column, 6, vectors); break;
    case 7: lk_tile(x, panel, stride, row, column, 7, vectors); break;
    case 8: lk_tile(x, panel, stride, row, column, 8, vectors); break;
#endif
  }
}

// Copies columns [column, column + columns) of B into rows of `stride` floats, padded with zeros.
LK_INLINE void lk_pack(const lk_matmul_arguments *x, ptrdiff_t column, ptrdiff_t columns, ptrdiff_t stride) {
  float *to = x->workspace;
  if (columns < stride) memset(to, 0, (size_t)(x->k * stride) * sizeof(float));
  for (ptrdiff_t j = 0; j < columns; j++) {
    const float *from = x->b + (column + j) * x->b_column;
    for (ptrdiff_t k = 0; k < x->k; k++) to[k * stride + j] = from[k * x->b_inner];
  }
}

void LK_CLONE(matmul)(const lk_matmul_arguments *x) {
  for (ptrdiff_t column = 0; column < x->n; column += 2 * LK_LANES) {
    ptrdiff_t columns = x->n - column < 2 * LK_LANES ? x->n - column : 2 * LK_LANES;
    int vectors = columns > LK_LANES ? 2 : 1;
    int packs = x->b_column != 1 || columns < vectors * LK_LANES;
    const float *panel = packs ? x->workspace : x->b + column;
    ptrdiff_t stride = packs ? vectors * LK_LANES : x->b_inner;
    if (packs) lk_pack(x, column, columns, stride);
    for (ptrdiff_t row = 0; row < x->m; row += LK_TILE_ROWS) {
      ptrdiff_t rows = x->m - row < LK_TILE_ROWS ? x->m - row : LK_TILE_ROWS;
      if (vectors == 2) lk_tile_rows(x, panel, stride, row, column, rows, 2);
      else lk_tile_rows(x, panel, stride, row, column, rows, 1);
    }
  }
}
