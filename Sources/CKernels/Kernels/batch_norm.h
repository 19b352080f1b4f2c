// Batch norm. Lanes hold the channels of a group, repeated to fill a vector; a channel's lanes are folded in a fixed
// tree. Statistics are taken chunk by chunk, twice over each chunk while it is in the nearest cache, and chunks are
// merged in float64 (Chan, Golub and LeVeque 1979, "Updating formulae and a pairwise algorithm").

// Elements of a chunk: four of them (dy, x, the saved result, dx) fit the nearest cache.
#define LK_NORM_CHUNK 2048

// Lanes that belong to the same channel, added up; every one of them then holds the sum.
LK_INLINE lk_vector lk_fold_channels(lk_vector x, ptrdiff_t channels) {
  float lanes[LK_LANES];
  lk_store(lanes, x);
  for (ptrdiff_t width = LK_LANES / 2; width >= channels; width /= 2)
    for (ptrdiff_t i = 0; i < width; i++) lanes[i] += lanes[i + width];
  for (ptrdiff_t i = channels; i < LK_LANES; i++) lanes[i] = lanes[i - channels];
  return lk_load(lanes);
}

// A group's numbers, one a channel, repeated to fill a vector; channels past the last are zero.
LK_INLINE lk_vector lk_channel_values(const lk_channel_groups *g, ptrdiff_t group, const float *values) {
  float lanes[LK_LANES];
  for (ptrdiff_t i = 0; i < LK_LANES; i++) {
    ptrdiff_t channel = group * g->channels + i % g->channels;
    lanes[i] = channel < g->total ? values[channel] : 0;
  }
  return lk_load(lanes);
}

LK_INLINE void lk_store_channels(const lk_channel_groups *g, ptrdiff_t group, lk_vector x, float *values) {
  if (!values) return;
  float lanes[LK_LANES];
  lk_store(lanes, x);
  for (ptrdiff_t i = 0; i < g->channels; i++)
    if (group * g->channels + i < g->total) values[group * g->channels + i] = lanes[i];
}

// A piece of a group: `runs` runs from `first` on, each from `start` on, `length` elements of it.
typedef struct lk_piece { ptrdiff_t first, runs, start, length; } lk_piece;

// Elements of a run of a group.
LK_INLINE ptrdiff_t lk_run_length(const lk_channel_groups *g, ptrdiff_t group) {
  ptrdiff_t left = g->total - group * g->channels;
  return g->is_cut && left < g->length ? left : g->length;
}

// The piece behind another: whole short runs together, long runs cut. Returns 0 behind the last.
LK_INLINE int lk_next_piece(const lk_channel_groups *g, ptrdiff_t length, lk_piece *p) {
  p->start += p->length;
  if (p->start >= length) {
    p->first += p->runs;
    p->start = 0;
  }
  if (p->first >= g->runs) return 0;
  p->runs = length < LK_NORM_CHUNK ? LK_NORM_CHUNK / length : 1;
  if (p->runs > g->runs - p->first) p->runs = g->runs - p->first;
  p->length = length - p->start < LK_NORM_CHUNK ? length - p->start : LK_NORM_CHUNK;
  return 1;
}

LK_INLINE ptrdiff_t lk_piece_place(const lk_channel_groups *g, ptrdiff_t group, const lk_piece *p, ptrdiff_t run) {
  return (p->first + run) * g->run_stride + group * g->group_stride + p->start;
}

// Σ (x − middle), or of its squares, over one run of a piece.
LK_INLINE void lk_run_sums(const float *x, ptrdiff_t length, lk_vector middle, int squares, lk_vector sums[4]) {
  ptrdiff_t i = 0;
  for (; i + 4 * LK_LANES <= length; i += 4 * LK_LANES)
    for (int k = 0; k < 4; k++) {
      lk_vector d = lk_load(x + i + k * LK_LANES) - middle;
      sums[k] += squares ? d * d : d;
    }
  for (; i + LK_LANES <= length; i += LK_LANES) {
    lk_vector d = lk_load(x + i) - middle;
    sums[0] += squares ? d * d : d;
  }
  if (i == length) return;
  lk_vector d = lk_select(lk_first_lanes(length - i), lk_load_part(x + i, length - i) - middle, lk_splat(0));
  sums[1] += squares ? d * d : d;
}

// The sum over a piece, folded by channel.
LK_INLINE lk_vector lk_piece_sum(const lk_batch_norm_arguments *a, ptrdiff_t group, const lk_piece *p,
                                 lk_vector middle, int squares) {
  lk_vector sums[4] = {lk_splat(0), lk_splat(0), lk_splat(0), lk_splat(0)};
  for (ptrdiff_t run = 0; run < p->runs; run++) {
    ptrdiff_t at = lk_piece_place(&a->groups, group, p, run);
    lk_run_sums(lk_float_row(a->x, at, a->x_type, a->workspace, p->length), p->length, middle, squares, sums);
  }
  return lk_fold_channels((sums[0] + sums[1]) + (sums[2] + sums[3]), a->groups.channels);
}

// Mean and variance of a group's channels over the batch.
LK_INLINE void lk_batch_statistics(const lk_batch_norm_arguments *a, ptrdiff_t group, lk_vector *mean,
                                   lk_vector *inverse) {
  const lk_channel_groups *g = &a->groups;
  ptrdiff_t length = lk_run_length(g, group), channels = g->is_cut ? length : g->channels;
  double means[LK_LANES] = {0}, squares[LK_LANES] = {0}, count = 0;
  lk_piece p = {0};
  while (lk_next_piece(g, length, &p)) {
    double here = (double)(p.runs * (p.length / channels)), share = here / (count + here);
    lk_vector middle = lk_piece_sum(a, group, &p, lk_splat(0), 0) / lk_splat((float)here);
    float centers[LK_LANES], spreads[LK_LANES];
    lk_store(centers, middle);
    lk_store(spreads, lk_piece_sum(a, group, &p, middle, 1));
    for (int i = 0; i < LK_LANES; i++) {
      double difference = centers[i] - means[i];
      means[i] += difference * share;
      squares[i] += spreads[i] + difference * difference * count * share;
    }
    count += here;
  }
  float lanes[3][LK_LANES];
  for (int i = 0; i < LK_LANES; i++) {
    lanes[0][i] = (float)means[i];
    lanes[1][i] = 1.0f / sqrtf((float)(squares[i] / count) + a->epsilon);
    lanes[2][i] = (float)(squares[i] / (count > 1 ? count - 1 : 1));
  }
  *mean = lk_load(lanes[0]);
  *inverse = lk_load(lanes[1]);
  lk_store_channels(g, group, *mean, a->mean);
  lk_store_channels(g, group, *inverse, a->inverse);
  lk_store_channels(g, group, lk_load(lanes[2]), a->variance);
}

LK_INLINE lk_vector lk_positive(lk_vector x) { return lk_select(x < lk_splat(0), lk_splat(0), x); }  // keeps NaN

// One run: y = (x − mean)·factor + shift, plus the residual, through ReLU.
LK_INLINE void lk_batch_norm_run(const float *x, const float *residual, float *y, ptrdiff_t length, lk_vector mean,
                                 lk_vector factor, lk_vector shift, int is_relu) {
  ptrdiff_t i = 0;
  for (; i + LK_LANES <= length; i += LK_LANES) {
    lk_vector value = (lk_load(x + i) - mean) * factor + shift;
    if (residual) value += lk_load(residual + i);
    lk_store(y + i, is_relu ? lk_positive(value) : value);
  }
  if (i == length) return;
  lk_vector value = (lk_load_part(x + i, length - i) - mean) * factor + shift;
  if (residual) value += lk_load_part(residual + i, length - i);
  lk_store_part(y + i, is_relu ? lk_positive(value) : value, length - i);
}

LK_INLINE void lk_batch_norm_group(const lk_batch_norm_arguments *a, ptrdiff_t group, lk_vector mean,
                                   lk_vector factor, lk_vector shift) {
  ptrdiff_t length = lk_run_length(&a->groups, group);
  lk_piece p = {0};
  while (lk_next_piece(&a->groups, length, &p))
    for (ptrdiff_t run = 0; run < p.runs; run++) {
      ptrdiff_t at = lk_piece_place(&a->groups, group, &p, run);
      const float *x = lk_float_row(a->x, at, a->x_type, a->workspace, p.length), *residual = NULL;
      if (a->residual)
        residual = lk_float_row(a->residual, at, a->residual_type, a->workspace + LK_NORM_CHUNK, p.length);
      float *y = a->y_type == LK_FLOAT32 ? (float *)a->y + at : a->workspace + 2 * LK_NORM_CHUNK;
      if (a->is_relu) lk_batch_norm_run(x, residual, y, p.length, mean, factor, shift, 1);
      else lk_batch_norm_run(x, residual, y, p.length, mean, factor, shift, 0);
      if (a->y_type == LK_BFLOAT16) lk_narrow_row(a->y, at, y, p.length);
    }
}

void LK_CLONE(batch_norm)(const lk_batch_norm_arguments *a) {
  for (ptrdiff_t group = 0; group < a->groups.count; group++) {
    lk_vector mean, inverse;
    if (a->fixed_mean) {
      mean = lk_channel_values(&a->groups, group, a->fixed_mean);
      lk_vector variance = lk_channel_values(&a->groups, group, a->fixed_variance);
      inverse = lk_splat(1) / lk_root(variance + lk_splat(a->epsilon));
    } else {
      lk_batch_statistics(a, group, &mean, &inverse);
    }
    if (!a->y) continue;
    lk_vector factor = inverse * lk_channel_values(&a->groups, group, a->scale);
    lk_batch_norm_group(a, group, mean, factor, lk_channel_values(&a->groups, group, a->shift));
  }
}

// dy where the ReLU let it through.
LK_INLINE lk_vector lk_passed(lk_vector dy, const float *saved, ptrdiff_t i, ptrdiff_t count) {
  if (!saved) return dy;
  return lk_select(lk_load_part(saved + i, count) > lk_splat(0), dy, lk_splat(0));
}

// One run of a gradient: what the passes over it read and write.
typedef struct lk_gradient_run {
  const float *dy, *x, *saved;
  float *kept, *dx;
} lk_gradient_run;

// First pass: Σ g and Σ g·(x − mean).
LK_INLINE void lk_gradient_run_sums(const lk_gradient_run *r, ptrdiff_t length, lk_vector mean, lk_vector sums[2],
                                    lk_vector products[2]) {
  for (ptrdiff_t i = 0, k = 0; i < length; i += LK_LANES, k ^= 1) {
    ptrdiff_t count = length - i < LK_LANES ? length - i : LK_LANES;
    lk_vector g = lk_passed(lk_load_part(r->dy + i, count), r->saved, i, count);
    if (r->kept) lk_store_part(r->kept + i, g, count);
    sums[k] += g;
    products[k] += g * (lk_load_part(r->x + i, count) - mean);
  }
}

// Second pass: dx = (g − mean(g) − (x − mean)·slope)·factor.
LK_INLINE void lk_gradient_run_result(const lk_gradient_run *r, ptrdiff_t length, lk_vector mean, lk_vector average,
                                      lk_vector slope, lk_vector factor) {
  for (ptrdiff_t i = 0; i < length; i += LK_LANES) {
    ptrdiff_t count = length - i < LK_LANES ? length - i : LK_LANES;
    lk_vector g = lk_passed(lk_load_part(r->dy + i, count), r->saved, i, count);
    lk_vector x = lk_load_part(r->x + i, count) - mean;
    lk_store_part(r->dx + i, (g - average - x * slope) * factor, count);
  }
}

// The rows of a run; `isSecond` when dx is written.
LK_INLINE lk_gradient_run lk_gradient_rows(const lk_batch_norm_gradient_arguments *a, ptrdiff_t at, ptrdiff_t length,
                                           int is_second) {
  float *buffer = a->workspace;
  lk_gradient_run r = {0};
  // What the first pass kept is read again instead of dy, unless it was rounded.
  int reads_kept = is_second && a->kept && (a->kept_type == LK_FLOAT32 || a->dy_type == LK_BFLOAT16);
  r.dy = reads_kept ? lk_float_row(a->kept, at, a->kept_type, buffer, length)
                    : lk_float_row(a->dy, at, a->dy_type, buffer, length);
  r.x = lk_float_row(a->x, at, a->x_type, buffer + LK_NORM_CHUNK, length);
  if (a->saved && !reads_kept) r.saved = lk_float_row(a->saved, at, a->saved_type, buffer + 2 * LK_NORM_CHUNK, length);
  if (is_second) r.dx = a->dx_type == LK_FLOAT32 ? (float *)a->dx + at : buffer + 3 * LK_NORM_CHUNK;
  else if (a->kept) r.kept = a->kept_type == LK_FLOAT32 ? (float *)a->kept + at : buffer + 4 * LK_NORM_CHUNK;
  return r;
}

// Sums over a group in float64; keeps dy after the ReLU on the way.
LK_INLINE void lk_gradient_group_sums(const lk_batch_norm_gradient_arguments *a, ptrdiff_t group, lk_vector mean,
                                      double sum[LK_LANES], double product[LK_LANES]) {
  ptrdiff_t length = lk_run_length(&a->groups, group);
  lk_piece p = {0};
  while (lk_next_piece(&a->groups, length, &p)) {
    lk_vector sums[2] = {lk_splat(0), lk_splat(0)}, products[2] = {lk_splat(0), lk_splat(0)};
    for (ptrdiff_t run = 0; run < p.runs; run++) {
      ptrdiff_t at = lk_piece_place(&a->groups, group, &p, run);
      lk_gradient_run r = lk_gradient_rows(a, at, p.length, 0);
      lk_gradient_run_sums(&r, p.length, mean, sums, products);
      if (a->kept && a->kept_type == LK_BFLOAT16) lk_narrow_row(a->kept, at, r.kept, p.length);
    }
    float lanes[2][LK_LANES];
    lk_store(lanes[0], lk_fold_channels(sums[0] + sums[1], a->groups.channels));
    lk_store(lanes[1], lk_fold_channels(products[0] + products[1], a->groups.channels));
    for (int i = 0; i < LK_LANES; i++) {
      sum[i] += lanes[0][i];
      product[i] += lanes[1][i];
    }
  }
}

LK_INLINE void lk_gradient_group_result(const lk_batch_norm_gradient_arguments *a, ptrdiff_t group, lk_vector mean,
                                        lk_vector average, lk_vector slope, lk_vector factor) {
  ptrdiff_t length = lk_run_length(&a->groups, group);
  lk_piece p = {0};
  while (lk_next_piece(&a->groups, length, &p))
    for (ptrdiff_t run = 0; run < p.runs; run++) {
      ptrdiff_t at = lk_piece_place(&a->groups, group, &p, run);
      lk_gradient_run r = lk_gradient_rows(a, at, p.length, 1);
      lk_gradient_run_result(&r, p.length, mean, average, slope, factor);
      if (a->dx_type == LK_BFLOAT16) lk_narrow_row(a->dx, at, r.dx, p.length);
    }
}

// The sums of a group: Σ g·x̂ and Σ g, stored for the gradients by scale and shift.
LK_INLINE void lk_gradient_own_sums(const lk_batch_norm_gradient_arguments *a, ptrdiff_t group, lk_vector mean,
                                    lk_vector inverse, double sum[LK_LANES], double product[LK_LANES]) {
  lk_gradient_group_sums(a, group, mean, sum, product);
  float lanes[2][LK_LANES];
  for (int i = 0; i < LK_LANES; i++) {
    lanes[0][i] = (float)sum[i];
    lanes[1][i] = (float)product[i];
  }
  lk_store_channels(&a->groups, group, lk_load(lanes[0]), a->dshift);
  lk_store_channels(&a->groups, group, lk_load(lanes[1]) * inverse, a->dscale);
}

void LK_CLONE(batch_norm_gradient)(const lk_batch_norm_gradient_arguments *a) {
  const lk_channel_groups *g = &a->groups;
  double count = (double)g->runs * (double)(g->is_cut ? 1 : g->length / g->channels);
  for (ptrdiff_t group = 0; group < g->count; group++) {
    lk_vector mean = lk_channel_values(g, group, a->mean), inverse = lk_channel_values(g, group, a->inverse);
    lk_vector average, slope;
    if (a->total_dscale) {
      lk_vector share = lk_splat((float)(1 / a->total_count));
      average = lk_channel_values(g, group, a->total_dshift) * share;
      slope = lk_channel_values(g, group, a->total_dscale) * share * inverse;
    } else {
      double sum[LK_LANES] = {0}, product[LK_LANES] = {0};
      lk_gradient_own_sums(a, group, mean, inverse, sum, product);
      float lanes[2][LK_LANES];
      for (int i = 0; i < LK_LANES; i++) {
        lanes[0][i] = (float)(sum[i] / count);
        lanes[1][i] = (float)(product[i] / count);
      }
      average = lk_load(lanes[0]);
      slope = lk_load(lanes[1]) * inverse * inverse;
    }
    if (!a->dx) continue;
    lk_vector factor = inverse * lk_channel_values(g, group, a->scale);
    lk_gradient_group_result(a, group, mean, average, slope, factor);
  }
}

void LK_CLONE(follow)(float *value, const float *sum, float scale, float momentum, ptrdiff_t count) {
  LK_MAP(value, count, LK_AT(value) * lk_splat(1 - momentum) + LK_AT(sum) * lk_splat(scale) * lk_splat(momentum));
}
