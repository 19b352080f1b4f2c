// Sums. Over an outer axis each column is one chain in order; over the innermost axis sixteen chains are folded in a
// fixed tree.

LK_INLINE float lk_sum_row(const void *x, const lk_type type, ptrdiff_t count) {
  lk_vector sums = lk_splat(0);
  ptrdiff_t i = 0;
  for (; i + LK_LANES <= count; i += LK_LANES) sums += lk_read(x, i, type);
  if (i < count) sums += lk_read_some(x, i, count - i, type);
  return lk_sum(sums);
}

LK_INLINE void lk_reduce_as(const void *x, const lk_type type, float *y, ptrdiff_t outer, ptrdiff_t extent,
                            ptrdiff_t inner, float factor) {
  for (ptrdiff_t o = 0; o < outer; o++, x = lk_element(x, extent * inner, type), y += inner) {
    if (inner == 1) {
      *y = lk_sum_row(x, type, extent) * factor;
      continue;
    }
    for (ptrdiff_t column = 0; column < inner; column += LK_LANES) {
      ptrdiff_t count = inner - column < LK_LANES ? inner - column : LK_LANES;
      lk_vector sums = lk_splat(0);
      if (count == LK_LANES) {
        for (ptrdiff_t e = 0; e < extent; e++) sums += lk_read(x, e * inner + column, type);
        lk_store(y + column, sums * lk_splat(factor));
      } else {
        for (ptrdiff_t e = 0; e < extent; e++) sums += lk_read_some(x, e * inner + column, count, type);
        lk_store_some(y + column, sums * lk_splat(factor), count);
      }
    }
  }
}

void LK_CLONE(reduce)(const void *x, lk_type type, float *y, ptrdiff_t outer, ptrdiff_t extent, ptrdiff_t inner,
                      float factor) {
  if (type == LK_FLOAT32) lk_reduce_as(x, LK_FLOAT32, y, outer, extent, inner, factor);
  else lk_reduce_as(x, LK_BFLOAT16, y, outer, extent, inner, factor);
}

void LK_CLONE(broadcast)(const float *x, float *y, ptrdiff_t outer, ptrdiff_t extent, ptrdiff_t inner) {
  for (ptrdiff_t o = 0; o < outer; o++, x += inner)
    for (ptrdiff_t e = 0; e < extent; e++, y += inner) {
      if (inner == 1) *y = *x;
      else memcpy(y, x, (size_t)inner * sizeof(float));
    }
}

// Sixteen chains of squares in float64, folded in a fixed tree.
LK_INLINE lk_doubles lk_add_squares(lk_doubles sums, lk_vector x) {
  lk_doubles wide = __builtin_convertvector(x, lk_doubles);
  return sums + wide * wide;
}

LK_INLINE double lk_fold_squares(lk_doubles sums) {
  double lanes[LK_LANES];
  memcpy(lanes, &sums, sizeof lanes);
  for (int width = LK_LANES / 2; width > 0; width /= 2)
    for (int lane = 0; lane < width; lane++) lanes[lane] += lanes[lane + width];
  return lanes[0];
}

LK_INLINE double lk_squares(const float *x, ptrdiff_t count) {
  lk_doubles sums = {0};
  ptrdiff_t i = 0;
  for (; i + LK_LANES <= count; i += LK_LANES) sums = lk_add_squares(sums, lk_load(x + i));
  if (i < count) sums = lk_add_squares(sums, lk_load_some(x + i, count - i));
  return lk_fold_squares(sums);
}

// z = x + y and the squares of z in one pass. Other cores have written x and y: their lines are asked for two
// kilobytes ahead.
LK_INLINE double lk_sum_with_squares(const float *x, const float *y, float *z, ptrdiff_t count) {
  lk_doubles sums = {0};
  ptrdiff_t i = 0;
  for (; i + LK_LANES <= count; i += LK_LANES) {
    __builtin_prefetch(x + i + 512);
    __builtin_prefetch(y + i + 512);
    lk_vector sum = lk_load(x + i) + lk_load(y + i);
    lk_store(z + i, sum);
    sums = lk_add_squares(sums, sum);
  }
  if (i < count) {
    lk_vector sum = lk_load_some(x + i, count - i) + lk_load_some(y + i, count - i);
    lk_store_some(z + i, sum, count - i);
    sums = lk_add_squares(sums, sum);
  }
  return lk_fold_squares(sums);
}

// The deepest sum of 2^31 leaves needs 32 entries.
#define LK_TREE_DEPTH 40

// One chunk: sources and partial sums are a stack of pointers; partial sums live in `partial`.
// `squares` may be NULL.
LK_INLINE void lk_tree_chunk(const float *const *sources, const int32_t *program, ptrdiff_t program_count,
                             float (*partial)[LK_CHUNK], ptrdiff_t offset, float *result, ptrdiff_t count,
                             double *squares) {
  const float *stack[LK_TREE_DEPTH];
  ptrdiff_t depth = 0;
  for (ptrdiff_t entry = 0; entry < program_count; entry++) {
    if (program[entry] >= 0) {
      stack[depth++] = sources[program[entry]] + offset;
      continue;
    }
    const float *x = stack[depth - 2], *y = stack[depth - 1];
    depth -= 2;
    if (squares && entry == program_count - 1) {
      *squares = lk_sum_with_squares(x, y, result, count);
      return;
    }
    float *to = entry == program_count - 1 ? result : partial[depth];
    LK_MAP(to, count, LK_AT(x) + LK_AT(y));
    stack[depth++] = to;
  }
  if (stack[0] != result) memcpy(result, stack[0], (size_t)count * sizeof(float));
  if (squares) *squares = lk_squares(result, count);
}

void LK_CLONE(tree_sum)(const float *const *sources, const int32_t *program, ptrdiff_t program_count, float *result,
                        ptrdiff_t count, double *chunk_squares) {
  float partial[LK_TREE_DEPTH][LK_CHUNK];
  for (ptrdiff_t offset = 0, chunk = 0; offset < count; offset += LK_CHUNK, chunk++) {
    ptrdiff_t here = count - offset < LK_CHUNK ? count - offset : LK_CHUNK;
    lk_tree_chunk(sources, program, program_count, partial, offset, result + offset, here,
                  chunk_squares ? chunk_squares + chunk : NULL);
  }
}
