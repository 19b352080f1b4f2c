// Layer norm and RMS norm: a row stays in the nearest cache from its first reading to its last.

// Rows after which partial sums of parameter gradients are added up: keeps rounding errors small.
#define LK_NORM_BLOCK 64

// Sixteen lanes, or the first `count`: full vectors need no mask.
LK_INLINE lk_vector lk_load_part(const float *from, ptrdiff_t count) {
  return count == LK_LANES ? lk_load(from) : lk_load_some(from, count);
}
LK_INLINE void lk_store_part(float *to, lk_vector x, ptrdiff_t count) {
  if (count == LK_LANES) lk_store(to, x);
  else lk_store_some(to, x, count);
}

LK_INLINE float lk_fold(const lk_vector sums[4]) { return lk_sum((sums[0] + sums[1]) + (sums[2] + sums[3])); }

// A row as floats: where it is, or widened into the buffer.
LK_INLINE const float *lk_float_row(const void *x, ptrdiff_t at, lk_type type, float *buffer, ptrdiff_t width) {
  if (type == LK_FLOAT32) return (const float *)x + at;
  ptrdiff_t i = 0;
  for (; i + LK_LANES <= width; i += LK_LANES) lk_store(buffer + i, lk_read(x, at + i, LK_BFLOAT16));
  if (i < width) lk_store(buffer + i, lk_read_some(x, at + i, width - i, LK_BFLOAT16));
  return buffer;
}

// Stores a row that was computed in the buffer because it is kept as bfloat16.
LK_INLINE void lk_narrow_row(void *to, ptrdiff_t at, const float *buffer, ptrdiff_t width) {
  ptrdiff_t i = 0;
  for (; i + LK_LANES <= width; i += LK_LANES) lk_write(to, at + i, lk_load(buffer + i), LK_BFLOAT16);
  if (i < width) lk_write_some(to, at + i, lk_load_some(buffer + i, width - i), width - i, LK_BFLOAT16);
}

LK_INLINE float lk_row_sum(const float *x, ptrdiff_t width) {
  lk_vector sums[4] = {lk_splat(0), lk_splat(0), lk_splat(0), lk_splat(0)};
  ptrdiff_t i = 0;
  for (; i + 4 * LK_LANES <= width; i += 4 * LK_LANES)
    for (int k = 0; k < 4; k++) sums[k] += lk_load(x + i + k * LK_LANES);
  for (; i + LK_LANES <= width; i += LK_LANES) sums[0] += lk_load(x + i);
  if (i < width) sums[0] += lk_load_some(x + i, width - i);
  return lk_fold(sums);
}

// Σ (x − mean)².
LK_INLINE float lk_row_squares(const float *x, ptrdiff_t width, float mean) {
  lk_vector sums[4] = {lk_splat(0), lk_splat(0), lk_splat(0), lk_splat(0)}, middle = lk_splat(mean);
  ptrdiff_t i = 0;
  for (; i + 4 * LK_LANES <= width; i += 4 * LK_LANES)
    for (int k = 0; k < 4; k++) {
      lk_vector d = lk_load(x + i + k * LK_LANES) - middle;
      sums[k] += d * d;
    }
  for (; i + LK_LANES <= width; i += LK_LANES) {
    lk_vector d = lk_load(x + i) - middle;
    sums[0] += d * d;
  }
  if (i < width) {
    lk_vector d = lk_select(lk_first_lanes(width - i), lk_load_some(x + i, width - i) - middle, lk_splat(0));
    sums[0] += d * d;
  }
  return lk_fold(sums);
}

// Stores x + residual as it is kept, and gives the row as it will be read again.
LK_INLINE const float *lk_summed_row(const lk_norm_rows_arguments *a, ptrdiff_t at, float *buffer) {
  const float *x = lk_float_row(a->x, at, a->x_type, buffer, a->width);
  if (!a->residual) return x;
  float *sum = a->sum_type == LK_FLOAT32 ? (float *)a->sum + at : buffer;
  ptrdiff_t i = 0;
  for (; i + LK_LANES <= a->width; i += LK_LANES)
    lk_store(sum + i, lk_load(x + i) + (a->residual_type == LK_FLOAT32 ? lk_read(a->residual, at + i, LK_FLOAT32)
                                                                       : lk_read(a->residual, at + i, LK_BFLOAT16)));
  if (i < a->width) {
    ptrdiff_t count = a->width - i;
    lk_store_some(sum + i, lk_load_some(x + i, count) + lk_read_some(a->residual, at + i, count, a->residual_type),
                  count);
  }
  if (a->sum_type == LK_FLOAT32) return sum;
  lk_narrow_row(a->sum, at, buffer, a->width);
  return lk_float_row(a->sum, at, LK_BFLOAT16, buffer, a->width);
}

// (x − mean)·inverse·scale + shift for one vector.
LK_INLINE lk_vector lk_normalized(lk_vector x, lk_vector mean, lk_vector inverse, const float *scale,
                                  const float *shift, ptrdiff_t at, ptrdiff_t count) {
  lk_vector value = (x - mean) * inverse;
  lk_vector factor = scale ? lk_load_part(scale + at, count) : lk_splat(1);
  if (!shift) return value * factor;
  return value * factor + lk_load_part(shift + at, count);
}

void LK_CLONE(norm_rows)(const lk_norm_rows_arguments *a) {
  ptrdiff_t width = a->width, padded = (width + LK_LANES - 1) / LK_LANES * LK_LANES;
  const float *scale = a->scale, *shift = a->shift;
  for (ptrdiff_t row = 0; row < a->rows; row++) {
    ptrdiff_t at = row * width;
    const float *x = lk_summed_row(a, at, a->workspace);
    float mean = a->is_rms ? 0 : lk_row_sum(x, width) / (float)width;
    float inverse = 1.0f / sqrtf(lk_row_squares(x, width, mean) / (float)width + a->epsilon);
    if (a->mean) a->mean[row] = mean;
    if (a->inverse) a->inverse[row] = inverse;
    float *y = a->y_type == LK_FLOAT32 ? (float *)a->y + at : a->workspace + padded;
    lk_vector middle = lk_splat(mean), factor = lk_splat(inverse);
    ptrdiff_t i = 0;
    for (; i + LK_LANES <= width; i += LK_LANES)
      lk_store(y + i, lk_normalized(lk_load(x + i), middle, factor, scale, shift, i, LK_LANES));
    if (i < width) {
      lk_vector last = lk_load_some(x + i, width - i);
      lk_store_some(y + i, lk_normalized(last, middle, factor, scale, shift, i, width - i), width - i);
    }
    if (a->y_type == LK_BFLOAT16) lk_narrow_row(a->y, at, y, width);
  }
}

// Per row of the gradient: what both passes over it need.
typedef struct lk_norm_row {
  const float *dy, *x, *scale;
  lk_vector mean, inverse;
} lk_norm_row;

// The normalized x and dy·scale of one vector; lanes past `count` are zero in the latter.
LK_INLINE void lk_norm_terms(const lk_norm_row *r, ptrdiff_t i, ptrdiff_t count, lk_vector *dy, lk_vector *normal,
                             lk_vector *g) {
  *dy = lk_load_part(r->dy + i, count);
  *normal = (lk_load_part(r->x + i, count) - r->mean) * r->inverse;
  *g = r->scale ? *dy * lk_load_part(r->scale + i, count) : *dy;
}

// First pass over a row: Σ g, Σ g·x̂, and what the row adds to the gradients of scale and shift.
LK_INLINE void lk_norm_row_sums(const lk_norm_row *r, ptrdiff_t width, float *dscale, float *dshift, float *sum,
                                float *product) {
  lk_vector sums[4] = {lk_splat(0), lk_splat(0), lk_splat(0), lk_splat(0)};
  lk_vector products[4] = {lk_splat(0), lk_splat(0), lk_splat(0), lk_splat(0)};
  lk_vector dy, normal, g;
  ptrdiff_t i = 0;
#define LK_NORM_STEP(k, at, count)                                              \
  lk_norm_terms(r, at, count, &dy, &normal, &g);                                \
  sums[k] += g;                                                                 \
  products[k] += g * normal;                                                    \
  lk_store(dscale + (at), lk_load(dscale + (at)) + dy * normal);                \
  lk_store(dshift + (at), lk_load(dshift + (at)) + dy);
  for (; i + 4 * LK_LANES <= width; i += 4 * LK_LANES)
    for (int k = 0; k < 4; k++) { LK_NORM_STEP(k, i + k * LK_LANES, LK_LANES) }
  for (; i + LK_LANES <= width; i += LK_LANES) { LK_NORM_STEP(0, i, LK_LANES) }
  if (i < width) { LK_NORM_STEP(0, i, width - i) }
#undef LK_NORM_STEP
  *sum = lk_fold(sums);
  *product = lk_fold(products);
}

// Second pass: dx = inverse·(g − mean(g) − x̂·mean(g·x̂)) + addend.
LK_INLINE void lk_norm_row_gradient(const lk_norm_row *r, ptrdiff_t width, float sum, float product,
                                    const float *addend, float *dx) {
  lk_vector dy, normal, g, first = lk_splat(sum), second = lk_splat(product);
  ptrdiff_t i = 0;
  for (; i + LK_LANES <= width; i += LK_LANES) {
    lk_norm_terms(r, i, LK_LANES, &dy, &normal, &g);
    lk_vector rest = g - first - normal * second;
    lk_store(dx + i, addend ? rest * r->inverse + lk_load(addend + i) : rest * r->inverse);
  }
  if (i == width) return;
  lk_norm_terms(r, i, width - i, &dy, &normal, &g);
  lk_vector rest = g - first - normal * second;
  rest = addend ? rest * r->inverse + lk_load_some(addend + i, width - i) : rest * r->inverse;
  lk_store_some(dx + i, rest, width - i);
}

// result (+)= partial, and partial becomes zero.
LK_INLINE void lk_flush(float *partial, float *result, ptrdiff_t width, int is_first) {
  for (ptrdiff_t i = 0; i < width; i += LK_LANES) {
    ptrdiff_t count = width - i < LK_LANES ? width - i : LK_LANES;
    lk_vector value = lk_load(partial + i);
    if (result) lk_store_some(result + i, is_first ? value : lk_load_some(result + i, count) + value, count);
    lk_store(partial + i, lk_splat(0));
  }
}

void LK_CLONE(norm_rows_gradient)(const lk_norm_rows_gradient_arguments *a) {
  ptrdiff_t width = a->width, padded = (width + LK_LANES - 1) / LK_LANES * LK_LANES;
  float *buffer = a->workspace, *dscale = buffer + 4 * padded, *dshift = dscale + padded;
  memset(dscale, 0, (size_t)(2 * padded) * sizeof(float));
  for (ptrdiff_t row = 0; row < a->rows; row++) {
    ptrdiff_t at = row * width;
    lk_norm_row r = {.scale = a->scale, .inverse = lk_splat(a->inverse[row])};
    r.mean = lk_splat(a->mean ? a->mean[row] : 0);
    r.dy = lk_float_row(a->dy, at, a->dy_type, buffer, width);
    r.x = lk_float_row(a->x, at, a->x_type, buffer + padded, width);
    float sum, product;
    lk_norm_row_sums(&r, width, dscale, dshift, &sum, &product);
    const float *addend =
        a->addend ? lk_float_row(a->addend, at, a->addend_type, buffer + 2 * padded, width) : NULL;
    float *dx = a->dx_type == LK_FLOAT32 ? (float *)a->dx + at : buffer + 3 * padded;
    sum = a->mean ? sum / (float)width : 0;
    lk_norm_row_gradient(&r, width, sum, product / (float)width, addend, dx);
    if (a->dx_type == LK_BFLOAT16) lk_narrow_row(a->dx, at, dx, width);
    if ((row + 1) % LK_NORM_BLOCK != 0 && row + 1 != a->rows) continue;
    lk_flush(dscale, a->dscale, width, row < LK_NORM_BLOCK);
    lk_flush(dshift, a->dshift, width, row < LK_NORM_BLOCK);
  }
}
