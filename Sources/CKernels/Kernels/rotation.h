// Rotary positions.

LK_INLINE void lk_rotate_pairs(const lk_rotation_arguments *x, const float *turns, ptrdiff_t at, ptrdiff_t pair,
                               ptrdiff_t count, lk_type from, lk_type to) {
  ptrdiff_t half = x->width / 2, first = at + pair, second = first + half;
  int full = count == LK_LANES;
  lk_vector c = full ? lk_load(turns + pair) : lk_load_some(turns + pair, count);
  lk_vector s = full ? lk_load(turns + half + pair) : lk_load_some(turns + half + pair, count);
  lk_vector a = full ? lk_read(x->x, first, from) : lk_read_some(x->x, first, count, from);
  lk_vector b = full ? lk_read(x->x, second, from) : lk_read_some(x->x, second, count, from);
  lk_vector p = a * c - b * s, q = a * s + b * c;
  if (full) {
    lk_write(x->y, first, p, to);
    lk_write(x->y, second, q, to);
  } else {
    lk_write_some(x->y, first, p, count, to);
    lk_write_some(x->y, second, q, count, to);
  }
}

LK_INLINE void lk_rotate_rows(const lk_rotation_arguments *x, lk_type from, lk_type to) {
  ptrdiff_t half = x->width / 2;
  for (ptrdiff_t row = 0; row < x->samples * x->tokens; row++) {
    const float *turns = x->turns + row % x->tokens * x->width;
    ptrdiff_t at = row * x->row, rest = at + x->heads * x->width, end = at + x->row;
    for (ptrdiff_t head = 0; head < x->heads; head++)
      for (ptrdiff_t pair = 0; pair < half; pair += LK_LANES) {
        ptrdiff_t count = half - pair < LK_LANES ? half - pair : LK_LANES;
        lk_rotate_pairs(x, turns, at + head * x->width, pair, count, from, to);
      }
    if (x->x == x->y) continue;
    for (; rest + LK_LANES <= end; rest += LK_LANES) lk_write(x->y, rest, lk_read(x->x, rest, from), to);
    if (rest < end) lk_write_some(x->y, rest, lk_read_some(x->x, rest, end - rest, from), end - rest, to);
  }
}

void LK_CLONE(rotate)(const lk_rotation_arguments *x) {
  if (x->x_type == LK_FLOAT32 && x->y_type == LK_FLOAT32) lk_rotate_rows(x, LK_FLOAT32, LK_FLOAT32);
  else if (x->x_type == LK_FLOAT32) lk_rotate_rows(x, LK_FLOAT32, LK_BFLOAT16);
  else if (x->y_type == LK_FLOAT32) lk_rotate_rows(x, LK_BFLOAT16, LK_FLOAT32);
  else lk_rotate_rows(x, LK_BFLOAT16, LK_BFLOAT16);
}
