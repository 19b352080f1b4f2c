// Kernels that map element to element. LK_MAP runs `expression` over full vectors and once over the rest; inside it,
// LK_AT(p) is the vector of p at the place.
#define LK_MAP(result, count, expression)                             \
  do {                                                                \
    ptrdiff_t i = 0, rest = LK_LANES;                                 \
    for (; i + LK_LANES <= (count); i += LK_LANES) lk_store((result) + i, expression); \
    rest = (count)-i;                                                 \
    if (rest > 0) lk_store_some((result) + i, expression, rest);      \
  } while (0)
#define LK_AT(p) (rest == LK_LANES ? lk_load((p) + i) : lk_load_some((p) + i, rest))

// The same over arrays that hold float32 or bfloat16, told by types that are constants where this is inlined.
#define LK_MAP_AS(result, type, count, expression)                                         \
  do {                                                                                     \
    ptrdiff_t i = 0, rest = LK_LANES;                                                      \
    for (; i + LK_LANES <= (count); i += LK_LANES) lk_write(result, i, expression, type);  \
    rest = (count)-i;                                                                      \
    if (rest > 0) lk_write_some(result, i, expression, rest, type);                        \
  } while (0)
#define LK_AT_AS(p, type) (rest == LK_LANES ? lk_read(p, i, type) : lk_read_some(p, i, rest, type))

LK_INLINE void lk_activate_as(int32_t activation, const void *x, const lk_type xt, void *y, const lk_type yt,
                              ptrdiff_t count) {
#define LK_CASE(kind) case kind: LK_MAP_AS(y, yt, count, lk_apply(kind, LK_AT_AS(x, xt))); break;
  switch (activation) { LK_EACH_ACTIVATION(LK_CASE) }
#undef LK_CASE
}

// Arrays of one type have code of their own; mixed types are told apart at each vector.
void LK_CLONE(activate)(int32_t activation, const void *x, lk_type xt, void *y, lk_type yt, ptrdiff_t count) {
  if (xt == LK_FLOAT32 && yt == LK_FLOAT32) lk_activate_as(activation, x, LK_FLOAT32, y, LK_FLOAT32, count);
  else if (xt == yt) lk_activate_as(activation, x, LK_BFLOAT16, y, LK_BFLOAT16, count);
  else lk_activate_as(activation, x, xt, y, yt, count);
}

LK_INLINE void lk_activation_gradient_as(int32_t activation, const void *dy, const lk_type dyt, const void *saved,
                                         const lk_type st, void *dx, const lk_type dxt, ptrdiff_t count) {
#define LK_CASE(kind) \
  case kind: LK_MAP_AS(dx, dxt, count, LK_AT_AS(dy, dyt) * lk_slope(kind, LK_AT_AS(saved, st))); break;
  switch (activation) { LK_EACH_ACTIVATION(LK_CASE) }
#undef LK_CASE
}

void LK_CLONE(activation_gradient)(int32_t activation, const void *dy, lk_type dyt, const void *saved, lk_type st,
                                   void *dx, lk_type dxt, ptrdiff_t count) {
  if (dyt == LK_FLOAT32 && st == LK_FLOAT32 && dxt == LK_FLOAT32)
    lk_activation_gradient_as(activation, dy, LK_FLOAT32, saved, LK_FLOAT32, dx, LK_FLOAT32, count);
  else if (dyt == LK_BFLOAT16 && st == LK_BFLOAT16 && dxt == LK_BFLOAT16)
    lk_activation_gradient_as(activation, dy, LK_BFLOAT16, saved, LK_BFLOAT16, dx, LK_BFLOAT16, count);
  else
    lk_activation_gradient_as(activation, dy, dyt, saved, st, dx, dxt, count);
}

void LK_CLONE(add)(const void *x, lk_type xt, const void *y, lk_type yt, void *z, lk_type zt, ptrdiff_t count) {
  if (xt == LK_FLOAT32 && yt == LK_FLOAT32 && zt == LK_FLOAT32)
    LK_MAP_AS(z, LK_FLOAT32, count, LK_AT_AS(x, LK_FLOAT32) + LK_AT_AS(y, LK_FLOAT32));
  else
    LK_MAP_AS(z, zt, count, LK_AT_AS(x, xt) + LK_AT_AS(y, yt));
}

void LK_CLONE(multiply)(const void *x, lk_type xt, const void *y, lk_type yt, void *z, lk_type zt, ptrdiff_t count) {
  if (xt == LK_FLOAT32 && yt == LK_FLOAT32 && zt == LK_FLOAT32)
    LK_MAP_AS(z, LK_FLOAT32, count, LK_AT_AS(x, LK_FLOAT32) * LK_AT_AS(y, LK_FLOAT32));
  else
    LK_MAP_AS(z, zt, count, LK_AT_AS(x, xt) * LK_AT_AS(y, yt));
}

void LK_CLONE(scale)(const void *x, lk_type xt, float factor, void *y, lk_type yt, ptrdiff_t count) {
  lk_vector by = lk_splat(factor);
  if (xt == LK_FLOAT32 && yt == LK_FLOAT32) LK_MAP_AS(y, LK_FLOAT32, count, LK_AT_AS(x, LK_FLOAT32) * by);
  else LK_MAP_AS(y, yt, count, LK_AT_AS(x, xt) * by);
}

void LK_CLONE(add_bias)(const void *x, lk_type xt, const float *bias, void *y, lk_type yt, ptrdiff_t rows,
                        ptrdiff_t columns) {
  for (ptrdiff_t row = 0; row < rows; row++) {
    const void *from = lk_element(x, row * columns, xt);
    void *to = (void *)lk_element(y, row * columns, yt);
    if (xt == LK_FLOAT32 && yt == LK_FLOAT32)
      LK_MAP_AS(to, LK_FLOAT32, columns, LK_AT_AS(from, LK_FLOAT32) + LK_AT(bias));
    else
      LK_MAP_AS(to, yt, columns, LK_AT_AS(from, xt) + LK_AT(bias));
  }
}
