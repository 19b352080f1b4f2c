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
