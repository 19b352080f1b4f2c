// Losses as sums, each with its gradient in the same pass. Sums are kept in float64 in the order of the samples.

// The greatest of a row, and Σ e^(x − greatest); with `gradient` (float32) the exponentials are left there.
LK_INLINE float lk_row_greatest(const void *x, const lk_type type, ptrdiff_t count) {
  lk_vector greatest = lk_splat(-INFINITY);
  ptrdiff_t i = 0;
  for (; i + LK_LANES <= count; i += LK_LANES) greatest = lk_maximum(lk_read(x, i, type), greatest);
  if (i < count) {
    lk_vector tail = lk_read_some(x, i, count - i, type);
    greatest = lk_maximum(lk_select(lk_first_lanes(count - i), tail, lk_splat(-INFINITY)), greatest);
  }
  return lk_greatest(greatest);
}
LK_INLINE float lk_row_exponentials(const void *x, const lk_type type, ptrdiff_t count, float most, float *to) {
  lk_vector sums = lk_splat(0), shift = lk_splat(most);
  ptrdiff_t i = 0;
  for (; i + LK_LANES <= count; i += LK_LANES) {
    lk_vector e = lk_exp(lk_read(x, i, type) - shift);
    if (to) lk_store(to + i, e);
    sums += e;
  }
  if (i < count) {
    lk_vector e = lk_exp(lk_read_some(x, i, count - i, type) - shift);
    if (to) lk_store_some(to + i, e, count - i);
    sums += lk_select(lk_first_lanes(count - i), e, lk_splat(0));
  }
  return lk_sum(sums);
}

// One row's gradient: softmax minus the target, which is `share` everywhere and `share + rest` at the label. A
// float32 row already holds its exponentials; a bfloat16 row computes them again rather than round them twice.
LK_INLINE void lk_row_gradient(const void *x, const lk_type type, ptrdiff_t classes, float most, float sum,
                               float share, float target, ptrdiff_t label, void *to, const lk_type to_type) {
  lk_vector scale = lk_splat(1.0f / sum), less = lk_splat(share), shift = lk_splat(most);
  if (to_type == LK_FLOAT32) {
    float *y = to;
    if (share == 0) LK_MAP(y, classes, LK_AT(y) * scale);
    else LK_MAP(y, classes, LK_AT(y) * scale - less);
    y[label] -= target;
  } else {
    float at_label = lk_exp(lk_splat(lk_number(x, label, type) - most))[0] * (1.0f / sum) - share - target;
    LK_MAP_AS(to, LK_BFLOAT16, classes, lk_exp(LK_AT_AS(x, type) - shift) * scale - less);
    lk_set_number(to, label, at_label, LK_BFLOAT16);
  }
}

LK_INLINE void lk_softmax_cross_entropy_as(const void *logits, const lk_type type, const int32_t *labels,
                                           ptrdiff_t samples, ptrdiff_t classes, int64_t ignored, float smoothing,
                                           float *loss, void *gradient, const lk_type gradient_type) {
  double total = 0;
  float share = smoothing / (float)classes, target = 1.0f - smoothing;
  for (ptrdiff_t sample = 0; sample < samples; sample++) {
    const void *x = lk_element(logits, sample * classes, type);
    void *to = gradient ? (void *)lk_element(gradient, sample * classes, gradient_type) : NULL;
    if (labels[sample] == ignored) {
      if (to) memset(to, 0, (size_t)classes * (gradient_type == LK_BFLOAT16 ? 2 : 4));
      continue;
    }
    ptrdiff_t label = (uint32_t)labels[sample] < (uint64_t)classes ? labels[sample] : 0;
    float most = lk_row_greatest(x, type, classes);
    // The gradient may take the logits' place: what is read of them comes first.
    float at_label = lk_number(x, label, type), row_sum = smoothing == 0 ? 0 : lk_sum_row(x, type, classes);
    float sum = lk_row_exponentials(x, type, classes, most, gradient_type == LK_FLOAT32 ? to : NULL);
    double normalizer = (double)most + log((double)sum);
    if (smoothing == 0) {
      total += normalizer - (double)at_label;
    } else {
      double all = (double)classes * normalizer - (double)row_sum;
      total += (double)target * (normalizer - (double)at_label) + (double)share * all;
    }
    if (to) lk_row_gradient(x, type, classes, most, sum, share, target, label, to, gradient_type);
  }
  if (loss) *loss = (float)total;
}

void LK_CLONE(softmax_cross_entropy)(const void *logits, lk_type type, const int32_t *labels, ptrdiff_t samples,
                                     ptrdiff_t classes, int64_t ignored, float smoothing, float *loss,
                                     void *gradient, lk_type gradient_type) {
#define LK_ROWS(type, gradient_type)                                                                          \
  lk_softmax_cross_entropy_as(logits, type, labels, samples, classes, ignored, smoothing, loss, gradient, \
                              gradient_type)
  if (type == LK_FLOAT32 && gradient_type == LK_FLOAT32) LK_ROWS(LK_FLOAT32, LK_FLOAT32);
  else if (type == LK_FLOAT32) LK_ROWS(LK_FLOAT32, LK_BFLOAT16);
  else if (gradient_type == LK_FLOAT32) LK_ROWS(LK_BFLOAT16, LK_FLOAT32);
  else LK_ROWS(LK_BFLOAT16, LK_BFLOAT16);
#undef LK_ROWS
}

void LK_CLONE(count_labels)(const int32_t *labels, ptrdiff_t count, int64_t ignored, float *y) {
  ptrdiff_t counted = 0;
  for (ptrdiff_t i = 0; i < count; i++) counted += labels[i] != ignored;
  *y = (float)counted;
}

void LK_CLONE(sigmoid_cross_entropy)(const float *logits, const float *targets, const int32_t *labels,
                                     ptrdiff_t count, float *loss, float *gradient) {
  double total = 0;
  for (ptrdiff_t i = 0; i < count; i += LK_LANES) {
    ptrdiff_t here = count - i < LK_LANES ? count - i : LK_LANES;
    float x[LK_LANES] = {0}, y[LK_LANES] = {0};
    memcpy(x, logits + i, (size_t)here * sizeof(float));
    for (ptrdiff_t j = 0; j < here; j++) y[j] = targets ? targets[i + j] : (float)labels[i + j];
    lk_vector value = lk_load(x), target = lk_load(y);
    lk_vector e = lk_exp(-lk_absolute(value));
    lk_vector terms = lk_apply(LK_RELU, value) - value * target + lk_log1p_unit(e);
    float each[LK_LANES];
    lk_store(each, terms);
    for (ptrdiff_t j = 0; j < here; j++) total += (double)each[j];
    if (gradient) lk_store_some(gradient + i, lk_sigmoid(value) - target, here);
  }
  if (loss) *loss = (float)total;
}

void LK_CLONE(squared_error)(const float *x, const float *targets, ptrdiff_t count, float *loss, float *gradient) {
  double total = 0;
  for (ptrdiff_t i = 0; i < count; i++) {
    float difference = x[i] - targets[i];
    total += (double)(difference * difference);
    if (gradient) gradient[i] = 2.0f * difference;
  }
  if (loss) *loss = (float)total;
}
