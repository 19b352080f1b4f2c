// Kernels that move elements: strided copies, among them transposes in tiles of 16 × 16.

typedef uint32_t lk_words __attribute__((vector_size(64), aligned(4), may_alias));

LK_INLINE lk_words lk_read_words(const void *from, ptrdiff_t at, const int bytes) {
  if (bytes == 4) return *(const lk_words *)((const uint32_t *)from + at);
  return __builtin_convertvector(*(const lk_half_words *)((const uint16_t *)from + at), lk_words);
}
LK_INLINE void lk_write_words(void *to, ptrdiff_t at, lk_words x, const int bytes) {
  if (bytes == 4) *(lk_words *)((uint32_t *)to + at) = x;
  else *(lk_half_words *)((uint16_t *)to + at) = __builtin_convertvector(x, lk_half_words);
}

// Swaps halves between two vectors in blocks of 8, 4, 2 and 1 lanes: four rounds transpose 16 × 16.
#define LK_SWAP(i, j, low, high)                                     \
  do {                                                               \
    lk_words first = t[i], second = t[j];                            \
    t[i] = __builtin_shufflevector(first, second, LK_LANES_OF low);  \
    t[j] = __builtin_shufflevector(first, second, LK_LANES_OF high); \
  } while (0)
#define LK_LANES_OF(...) __VA_ARGS__
#define LK_ROUND(step, low, high)                                        \
  _Pragma("clang loop unroll(full)") for (int i = 0; i < LK_LANES; i++) \
    if (!(i & step)) LK_SWAP(i, i + step, low, high)

LK_INLINE void lk_transpose_tile(const void *x, ptrdiff_t x_row, void *y, ptrdiff_t y_row, const int bytes) {
  lk_words t[LK_LANES];
  _Pragma("clang loop unroll(full)") for (int i = 0; i < LK_LANES; i++) t[i] = lk_read_words(x, i * x_row, bytes);
  LK_ROUND(8, (0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),
           (8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31));
  LK_ROUND(4, (0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27),
           (4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31));
  LK_ROUND(2, (0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29),
           (2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31));
  LK_ROUND(1, (0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30),
           (1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31));
  _Pragma("clang loop unroll(full)") for (int i = 0; i < LK_LANES; i++) lk_write_words(y, i * y_row, t[i], bytes);
}

LK_INLINE void lk_copy_words(const void *x, ptrdiff_t x_stride, void *y, ptrdiff_t y_stride, ptrdiff_t count,
                             const int bytes) {
  for (ptrdiff_t i = 0; i < count; i++) {
    if (bytes == 4) ((uint32_t *)y)[i * y_stride] = ((const uint32_t *)x)[i * x_stride];
    else ((uint16_t *)y)[i * y_stride] = ((const uint16_t *)x)[i * x_stride];
  }
}

// y[i·y_row + j] = x[j·x_row + i] for i below `rows` and j below `columns`.
LK_INLINE void lk_transpose_plane(const void *x, ptrdiff_t x_row, void *y, ptrdiff_t y_row, ptrdiff_t rows,
                                  ptrdiff_t columns, const int bytes) {
  for (ptrdiff_t i = 0; i < rows; i += LK_LANES) {
    ptrdiff_t high = rows - i < LK_LANES ? rows - i : LK_LANES;
    for (ptrdiff_t j = 0; j < columns; j += LK_LANES) {
      ptrdiff_t wide = columns - j < LK_LANES ? columns - j : LK_LANES;
      const void *from = (const char *)x + (j * x_row + i) * bytes;
      void *to = (char *)y + (i * y_row + j) * bytes;
      if (high == LK_LANES && wide == LK_LANES) {
        lk_transpose_tile(from, x_row, to, y_row, bytes);
        continue;
      }
      for (ptrdiff_t k = 0; k < high; k++)
        lk_copy_words((const char *)from + k * bytes, x_row, (char *)to + k * y_row * bytes, 1, wide, bytes);
    }
  }
}

// How the last axis, and for transposes one more, is walked; the other axes are counted up around it.
LK_INLINE void lk_copy_inner(const lk_copy_arguments *a, const void *x, void *y, ptrdiff_t other, const int bytes) {
  ptrdiff_t last = a->rank - 1, count = a->extents[last];
  ptrdiff_t from = a->x_strides[last], to = a->y_strides[last];
  if (other >= 0) lk_transpose_plane(x, from, y, a->y_strides[other], a->extents[other], count, bytes);
  else if (from == 1 && to == 1 && count == 1) lk_copy_words(x, 1, y, 1, 1, bytes);
  else if (from == 1 && to == 1) memcpy(y, x, (size_t)(count * bytes));
  else if (from == 0 && to == 1) lk_copy_words(x, 0, y, 1, count, bytes);
  else lk_copy_words(x, from, y, to, count, bytes);
}

LK_INLINE void lk_copy_converting(const lk_copy_arguments *a, const void *x, void *y) {
  ptrdiff_t last = a->rank - 1, count = a->extents[last];
  ptrdiff_t from = a->x_strides[last], to = a->y_strides[last];
  if (from == 1 && to == 1) LK_MAP_AS(y, a->y_type, count, LK_AT_AS(x, a->x_type));
  else
    for (ptrdiff_t i = 0; i < count; i++) lk_set_number(y, i * to, lk_number(x, i * from, a->x_type), a->y_type);
}

// The axis, beside the last, along which x is dense while the last is strided there and dense in y; or −1.
LK_INLINE ptrdiff_t lk_transposed_axis(const lk_copy_arguments *a) {
  ptrdiff_t last = a->rank - 1;
  if (a->x_type != a->y_type || a->y_strides[last] != 1 || a->x_strides[last] <= 1) return -1;
  for (ptrdiff_t axis = 0; axis < last; axis++)
    if (a->x_strides[axis] == 1) return axis;
  return -1;
}

void LK_CLONE(copy)(const lk_copy_arguments *a, const void *x, void *y) {
  ptrdiff_t index[LK_MOST_AXES] = {0}, other = lk_transposed_axis(a);
  ptrdiff_t x_at = a->x_offset, y_at = a->y_offset;
  for (ptrdiff_t axis = 0; axis < a->rank; axis++)
    if (a->extents[axis] == 0) return;
  for (;;) {
    const void *from = lk_element(x, x_at, a->x_type);
    void *to = (void *)lk_element(y, y_at, a->y_type);
    if (a->x_type != a->y_type) lk_copy_converting(a, from, to);
    else if (a->x_type == LK_FLOAT32) lk_copy_inner(a, from, to, other, 4);
    else lk_copy_inner(a, from, to, other, 2);
    ptrdiff_t axis = a->rank - 2;
    for (; axis >= 0; axis--) {
      if (axis == other) continue;
      x_at += a->x_strides[axis];
      y_at += a->y_strides[axis];
      if (++index[axis] < a->extents[axis]) break;
      x_at -= a->extents[axis] * a->x_strides[axis];
      y_at -= a->extents[axis] * a->y_strides[axis];
      index[axis] = 0;
    }
    if (axis < 0) return;
  }
}

LK_INLINE lk_vector lk_unary_value(const int32_t function, lk_vector x) {
  switch (function) {
    case LK_EXP: return lk_select(x > lk_splat(88.722839f), lk_splat(INFINITY), lk_exp(x));
    case LK_LOG: return lk_log(x);
    case LK_SQUARE: return x * x;
    case LK_SQUARE_ROOT: return lk_root(x);
    case LK_ABSOLUTE: return lk_absolute(x);
    default: return lk_splat(1.0f) / x;
  }
}

#define LK_EACH_UNARY(K) K(LK_EXP) K(LK_LOG) K(LK_SQUARE) K(LK_SQUARE_ROOT) K(LK_ABSOLUTE) K(LK_RECIPROCAL)

LK_INLINE void lk_unary_as(int32_t function, const void *x, const lk_type xt, void *y, const lk_type yt,
                           ptrdiff_t count) {
#define LK_CASE(kind) case kind: LK_MAP_AS(y, yt, count, lk_unary_value(kind, LK_AT_AS(x, xt))); break;
  switch (function) { LK_EACH_UNARY(LK_CASE) }
#undef LK_CASE
}

void LK_CLONE(unary)(int32_t function, const void *x, lk_type xt, void *y, lk_type yt, ptrdiff_t count) {
  if (xt == LK_FLOAT32 && yt == LK_FLOAT32) lk_unary_as(function, x, LK_FLOAT32, y, LK_FLOAT32, count);
  else lk_unary_as(function, x, xt, y, yt, count);
}

LK_INLINE lk_vector lk_power(lk_vector x, lk_vector y) {
  lk_vector z;
  for (int lane = 0; lane < LK_LANES; lane++) z[lane] = powf(x[lane], y[lane]);
  return z;
}

LK_INLINE lk_vector lk_binary_value(const int32_t function, lk_vector x, lk_vector y) {
  lk_vector one = lk_splat(1.0f), zero = lk_splat(0);
  switch (function) {
    case LK_SUM: return x + y;
    case LK_DIFFERENCE: return x - y;
    case LK_PRODUCT: return x * y;
    case LK_QUOTIENT: return x / y;
    case LK_MAXIMUM: return lk_select((lk_mask)(x > y) | (lk_mask)(x != x), x, y);  // NaN wins
    case LK_MINIMUM: return lk_select((lk_mask)(x < y) | (lk_mask)(x != x), x, y);
    case LK_POWER: return lk_power(x, y);
    case LK_LESS: return lk_select(x < y, one, zero);
    case LK_GREATER: return lk_select(x > y, one, zero);
    default: return lk_select(x == y, one, zero);
  }
}

#define LK_EACH_BINARY(K)                                                                                     \
  K(LK_SUM) K(LK_DIFFERENCE) K(LK_PRODUCT) K(LK_QUOTIENT) K(LK_MAXIMUM) K(LK_MINIMUM) K(LK_POWER) K(LK_LESS) \
  K(LK_GREATER) K(LK_EQUAL)

// One run along the last axis; an operand that stands still there is read once.
LK_INLINE void lk_binary_run(int32_t function, const void *x, const lk_type xt, ptrdiff_t x_step, const void *y,
                             const lk_type yt, ptrdiff_t y_step, void *z, const lk_type zt, ptrdiff_t count) {
  lk_vector still = lk_splat(x_step == 0 ? lk_number(x, 0, xt) : lk_number(y, 0, yt));
#define LK_CASE(kind)                                                                                       \
  case kind:                                                                                                \
    if (x_step == 0) LK_MAP_AS(z, zt, count, lk_binary_value(kind, still, LK_AT_AS(y, yt)));                \
    else if (y_step == 0) LK_MAP_AS(z, zt, count, lk_binary_value(kind, LK_AT_AS(x, xt), still));           \
    else LK_MAP_AS(z, zt, count, lk_binary_value(kind, LK_AT_AS(x, xt), LK_AT_AS(y, yt)));                  \
    break;
  switch (function) { LK_EACH_BINARY(LK_CASE) }
#undef LK_CASE
}

void LK_CLONE(binary)(const lk_binary_arguments *a, const void *x, const void *y, void *z) {
  ptrdiff_t index[LK_MOST_AXES] = {0}, last = a->rank - 1, x_at = 0, y_at = 0, count = a->extents[last];
  int plain = a->x_type == LK_FLOAT32 && a->y_type == LK_FLOAT32 && a->z_type == LK_FLOAT32;
  for (ptrdiff_t axis = 0; axis < a->rank; axis++)
    if (a->extents[axis] == 0) return;
  for (ptrdiff_t z_at = 0;; z_at += count) {
    const void *left = lk_element(x, x_at, a->x_type), *right = lk_element(y, y_at, a->y_type);
    void *to = (void *)lk_element(z, z_at, a->z_type);
    if (plain)
      lk_binary_run(a->function, left, LK_FLOAT32, a->x_strides[last], right, LK_FLOAT32, a->y_strides[last], to,
                    LK_FLOAT32, count);
    else
      lk_binary_run(a->function, left, a->x_type, a->x_strides[last], right, a->y_type, a->y_strides[last], to,
                    a->z_type, count);
    ptrdiff_t axis = last - 1;
    for (; axis >= 0; axis--) {
      x_at += a->x_strides[axis];
      y_at += a->y_strides[axis];
      if (++index[axis] < a->extents[axis]) break;
      x_at -= a->extents[axis] * a->x_strides[axis];
      y_at -= a->extents[axis] * a->y_strides[axis];
      index[axis] = 0;
    }
    if (axis < 0) return;
  }
}

void LK_CLONE(choose)(const float *condition, const float *x, const float *y, float *z, ptrdiff_t count) {
  LK_MAP(z, count, lk_select(LK_AT(condition) != lk_splat(0), LK_AT(x), LK_AT(y)));
}

LK_INLINE lk_vector lk_more_extreme(const int is_least, lk_vector x, lk_vector best) {
  lk_mask beats = is_least ? (lk_mask)(x < best) : (lk_mask)(x > best);
  return lk_select(beats | (lk_mask)(x != x), x, best);
}

LK_INLINE lk_vector lk_read_some_or_all(const void *x, ptrdiff_t at, ptrdiff_t count, const lk_type type) {
  return count == LK_LANES ? lk_read(x, at, type) : lk_read_some(x, at, count, type);
}

LK_INLINE float lk_extreme_row(const int is_least, const void *x, const lk_type type, ptrdiff_t count) {
  lk_vector nothing = lk_splat(is_least ? INFINITY : -INFINITY), best = nothing;
  lk_vector chains[4] = {nothing, nothing, nothing, nothing};
  ptrdiff_t i = 0;
  for (; i + 4 * LK_LANES <= count; i += 4 * LK_LANES)
    _Pragma("clang loop unroll(full)") for (int j = 0; j < 4; j++)
      chains[j] = lk_more_extreme(is_least, lk_read(x, i + j * LK_LANES, type), chains[j]);
  for (int j = 0; j < 4; j++) best = lk_more_extreme(is_least, chains[j], best);
  for (; i + LK_LANES <= count; i += LK_LANES) best = lk_more_extreme(is_least, lk_read(x, i, type), best);
  if (i < count) {
    lk_vector tail = lk_read_some(x, i, count - i, type);
    best = lk_more_extreme(is_least, lk_select(lk_first_lanes(count - i), tail, nothing), best);
  }
  float result = best[0];
  for (int lane = 1; lane < LK_LANES; lane++) {
    int beats = is_least ? best[lane] < result : best[lane] > result;
    if (beats || best[lane] != best[lane]) result = best[lane];
  }
  return result;
}

LK_INLINE void lk_extreme_as(const int is_least, const void *x, const lk_type type, float *y, ptrdiff_t outer,
                             ptrdiff_t extent, ptrdiff_t inner) {
  for (ptrdiff_t o = 0; o < outer; o++, x = lk_element(x, extent * inner, type), y += inner) {
    if (inner == 1) {
      *y = lk_extreme_row(is_least, x, type, extent);
      continue;
    }
    for (ptrdiff_t column = 0; column < inner; column += LK_LANES) {
      ptrdiff_t count = inner - column < LK_LANES ? inner - column : LK_LANES;
      lk_vector best = lk_splat(is_least ? INFINITY : -INFINITY);
      for (ptrdiff_t e = 0; e < extent; e++) {
        ptrdiff_t at = e * inner + column;
        lk_vector value = lk_read_some_or_all(x, at, count, type);
        best = lk_more_extreme(is_least, value, best);
      }
      if (count == LK_LANES) lk_store(y + column, best);
      else lk_store_some(y + column, best, count);
    }
  }
}

void LK_CLONE(extreme)(int32_t is_least, const void *x, lk_type type, float *y, ptrdiff_t outer, ptrdiff_t extent,
                       ptrdiff_t inner) {
  if (type == LK_FLOAT32 && is_least) lk_extreme_as(1, x, LK_FLOAT32, y, outer, extent, inner);
  else if (type == LK_FLOAT32) lk_extreme_as(0, x, LK_FLOAT32, y, outer, extent, inner);
  else lk_extreme_as(is_least, x, LK_BFLOAT16, y, outer, extent, inner);
}

// Dense rows: the greatest first, then its first place.
LK_INLINE int32_t lk_arg_max_row(const void *x, const lk_type type, ptrdiff_t count) {
  float best = lk_extreme_row(0, x, type, count);
  for (ptrdiff_t i = 0; i < count; i++) {
    float value = lk_number(x, i, type);
    if (value == best || value != value) return (int32_t)i;
  }
  return 0;
}

void LK_CLONE(arg_max)(const void *x, lk_type type, int32_t *y, ptrdiff_t outer, ptrdiff_t extent, ptrdiff_t inner) {
  for (ptrdiff_t o = 0; o < outer; o++, x = lk_element(x, extent * inner, type), y += inner) {
    if (inner == 1) {
      *y = type == LK_FLOAT32 ? lk_arg_max_row(x, LK_FLOAT32, extent) : lk_arg_max_row(x, LK_BFLOAT16, extent);
      continue;
    }
    for (ptrdiff_t column = 0; column < inner; column += LK_LANES) {
      ptrdiff_t count = inner - column < LK_LANES ? inner - column : LK_LANES;
      lk_vector best = lk_read_some_or_all(x, column, count, type);
      lk_mask place = {0};
      for (ptrdiff_t e = 1; e < extent; e++) {
        lk_vector value = lk_read_some_or_all(x, e * inner + column, count, type);
        // Once the best is NaN, nothing beats it.
        lk_mask beats = ((lk_mask)(value > best) | (lk_mask)(value != value)) & (lk_mask)(best == best);
        best = lk_select(beats, value, best);
        place = (((lk_mask){0} + (int32_t)e) & beats) | (place & ~beats);
      }
      memcpy(y + column, &place, (size_t)count * sizeof(int32_t));
    }
  }
}

void LK_CLONE(one_hot)(const int32_t *ids, ptrdiff_t count, ptrdiff_t classes, float *y) {
  memset(y, 0, (size_t)(count * classes) * sizeof(float));
  for (ptrdiff_t i = 0; i < count; i++)
    if ((uint32_t)ids[i] < (uint64_t)classes) y[i * classes + ids[i]] = 1.0f;
}

void LK_CLONE(gather)(const void *x, lk_type xt, const int32_t *ids, ptrdiff_t count, ptrdiff_t outer,
                      ptrdiff_t extent, ptrdiff_t inner, void *y, lk_type yt) {
  for (ptrdiff_t o = 0; o < outer; o++)
    for (ptrdiff_t i = 0; i < count; i++) {
      const void *from = lk_element(x, (o * extent + lk_row(ids[i], extent)) * inner, xt);
      void *to = (void *)lk_element(y, (o * count + i) * inner, yt);
      if (xt == yt) memcpy(to, from, (size_t)inner * (xt == LK_BFLOAT16 ? 2 : 4));
      else LK_MAP_AS(to, yt, inner, LK_AT_AS(from, xt));
    }
}

void LK_CLONE(gather_gradient)(const int32_t *ids, ptrdiff_t count, const void *dy, lk_type dyt, ptrdiff_t outer,
                               ptrdiff_t extent, ptrdiff_t inner, float *dx) {
  memset(dx, 0, (size_t)(outer * extent * inner) * sizeof(float));
  for (ptrdiff_t o = 0; o < outer; o++)
    for (ptrdiff_t i = 0; i < count; i++) {
      float *to = dx + (o * extent + lk_row(ids[i], extent)) * inner;
      const void *from = lk_element(dy, (o * count + i) * inner, dyt);
      LK_MAP(to, inner, LK_AT(to) + LK_AT_AS(from, dyt));
    }
}

LK_INLINE void lk_softmax_as(int32_t is_log, const void *x, const lk_type xt, void *y, const lk_type yt,
                             ptrdiff_t rows, ptrdiff_t width) {
  for (ptrdiff_t row = 0; row < rows; row++) {
    const void *from = lk_element(x, row * width, xt);
    void *to = (void *)lk_element(y, row * width, yt);
    float most = lk_row_greatest(from, xt, width);
    int keeps = !is_log && yt == LK_FLOAT32;
    float sum = lk_row_exponentials(from, xt, width, most, keeps ? to : NULL);
    lk_vector shift = lk_splat(most), logarithm = lk_splat((float)log((double)sum)), scale = lk_splat(1.0f / sum);
    if (is_log) LK_MAP_AS(to, yt, width, LK_AT_AS(from, xt) - shift - logarithm);
    else if (keeps) LK_MAP_AS(to, LK_FLOAT32, width, LK_AT_AS(to, LK_FLOAT32) * scale);
    else LK_MAP_AS(to, yt, width, lk_exp(LK_AT_AS(from, xt) - shift) * scale);
  }
}

void LK_CLONE(softmax)(int32_t is_log, const void *x, lk_type xt, void *y, lk_type yt, ptrdiff_t rows,
                       ptrdiff_t width) {
  if (xt == LK_FLOAT32 && yt == LK_FLOAT32) lk_softmax_as(is_log, x, LK_FLOAT32, y, LK_FLOAT32, rows, width);
  else lk_softmax_as(is_log, x, xt, y, yt, rows, width);
}

// softmax: y·(dy − Σ dy·y); log-softmax: dy − eʸ·Σ dy.
LK_INLINE void lk_softmax_gradient_as(int32_t is_log, const void *dy, const lk_type dyt, const void *y,
                                      const lk_type yt, void *dx, const lk_type dxt, ptrdiff_t rows,
                                      ptrdiff_t width) {
  for (ptrdiff_t row = 0; row < rows; row++) {
    const void *up = lk_element(dy, row * width, dyt), *value = lk_element(y, row * width, yt);
    void *to = (void *)lk_element(dx, row * width, dxt);
    lk_vector sums = lk_splat(0);
    ptrdiff_t i = 0;
    for (; i + LK_LANES <= width; i += LK_LANES) {
      lk_vector weight = is_log ? lk_splat(1.0f) : lk_read(value, i, yt);
      sums += lk_read(up, i, dyt) * weight;
    }
    if (i < width) {
      lk_vector weight = is_log ? lk_splat(1.0f) : lk_read_some(value, i, width - i, yt);
      sums += lk_read_some(up, i, width - i, dyt) * weight;
    }
    lk_vector sum = lk_splat(lk_sum(sums));
    if (is_log) LK_MAP_AS(to, dxt, width, LK_AT_AS(up, dyt) - lk_exp(LK_AT_AS(value, yt)) * sum);
    else LK_MAP_AS(to, dxt, width, LK_AT_AS(value, yt) * (LK_AT_AS(up, dyt) - sum));
  }
}

void LK_CLONE(softmax_gradient)(int32_t is_log, const void *dy, lk_type dyt, const void *y, lk_type yt, void *dx,
                                lk_type dxt, ptrdiff_t rows, ptrdiff_t width) {
  if (dyt == LK_FLOAT32 && yt == LK_FLOAT32 && dxt == LK_FLOAT32)
    lk_softmax_gradient_as(is_log, dy, LK_FLOAT32, y, LK_FLOAT32, dx, LK_FLOAT32, rows, width);
  else
    lk_softmax_gradient_as(is_log, dy, dyt, y, yt, dx, dxt, rows, width);
}
