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

#define LK_MAP_ACTIVATION(kind) \
  case kind: LK_MAP(y, count, lk_apply(kind, LK_AT(x))); break;

void LK_CLONE(activate)(int32_t activation, const float *x, float *y, ptrdiff_t count) {
  switch (activation) {
    LK_MAP_ACTIVATION(LK_RELU)
    LK_MAP_ACTIVATION(LK_SIGMOID)
    LK_MAP_ACTIVATION(LK_TANH)
    LK_MAP_ACTIVATION(LK_GELU)
    LK_MAP_ACTIVATION(LK_IDENTITY)
  }
}

#define LK_MAP_SLOPE(kind) \
  case kind: LK_MAP(dx, count, LK_AT(dy) * lk_slope(kind, LK_AT(saved))); break;

void LK_CLONE(activation_gradient)(int32_t activation, const float *dy, const float *saved, float *dx,
                                   ptrdiff_t count) {
  switch (activation) {
    LK_MAP_SLOPE(LK_RELU)
    LK_MAP_SLOPE(LK_SIGMOID)
    LK_MAP_SLOPE(LK_TANH)
    LK_MAP_SLOPE(LK_GELU)
    LK_MAP_SLOPE(LK_IDENTITY)
  }
}

void LK_CLONE(add)(const float *x, const float *y, float *z, ptrdiff_t count) {
  LK_MAP(z, count, LK_AT(x) + LK_AT(y));
}

void LK_CLONE(multiply)(const float *x, const float *y, float *z, ptrdiff_t count) {
  LK_MAP(z, count, LK_AT(x) * LK_AT(y));
}

void LK_CLONE(scale)(const float *x, float factor, float *y, ptrdiff_t count) {
  lk_vector by = lk_splat(factor);
  LK_MAP(y, count, LK_AT(x) * by);
}

void LK_CLONE(add_bias)(const float *x, const float *bias, float *y, ptrdiff_t rows, ptrdiff_t columns) {
  for (ptrdiff_t row = 0; row < rows; row++, x += columns, y += columns)
    LK_MAP(y, columns, LK_AT(x) + LK_AT(bias));
}
