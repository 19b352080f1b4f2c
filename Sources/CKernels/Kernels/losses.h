// Losses as sums, each with its gradient in the same pass. Sums are kept in float64 in the order of the samples.

void LK_CLONE(softmax_cross_entropy)(const float *logits, const int32_t *labels, ptrdiff_t samples, ptrdiff_t classes,
                                     float *loss, float *gradient) {
  double total = 0;
  lk_vector low = lk_splat(-INFINITY);
  for (ptrdiff_t sample = 0; sample < samples; sample++, logits += classes) {
    ptrdiff_t full = classes - classes % LK_LANES, rest = classes - full;
    lk_vector greatest = low;
    for (ptrdiff_t i = 0; i < full; i += LK_LANES) greatest = lk_maximum(lk_load(logits + i), greatest);
    float most = lk_greatest(greatest);
    for (ptrdiff_t i = full; i < classes; i++) most = logits[i] > most ? logits[i] : most;
    lk_vector sums = lk_splat(0);
    float *to = gradient ? gradient + sample * classes : NULL;
    for (ptrdiff_t i = 0; i < full; i += LK_LANES) {
      lk_vector e = lk_exp(lk_load(logits + i) - lk_splat(most));
      if (to) lk_store(to + i, e);
      sums += e;
    }
    if (rest) {
      lk_vector tail = low;
      memcpy(&tail, logits + full, (size_t)rest * sizeof(float));
      lk_vector e = lk_exp(tail - lk_splat(most));
      lk_vector counted = lk_splat(0);
      memcpy(&counted, &e, (size_t)rest * sizeof(float));
      if (to) lk_store_some(to + full, counted, rest);
      sums += counted;
    }
    float sum = lk_sum(sums);
    ptrdiff_t label = (uint32_t)labels[sample] < (uint64_t)classes ? labels[sample] : 0;
    total += (double)most + log((double)sum) - (double)logits[label];
    if (to) {
      lk_vector scale = lk_splat(1.0f / sum);
      LK_MAP(to, classes, LK_AT(to) * scale);
      to[label] -= 1.0f;
    }
  }
  if (loss) *loss = (float)total;
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
    // log1p(e) = 2·artanh(e / (2 + e)), a series in s² that converges fast as s ≤ 1/3.
    lk_vector s = e / (lk_splat(2.0f) + e), s2 = s * s;
    lk_vector p = lk_splat(1.0f / 13);
    p = p * s2 + lk_splat(1.0f / 11);
    p = p * s2 + lk_splat(1.0f / 9);
    p = p * s2 + lk_splat(1.0f / 7);
    p = p * s2 + lk_splat(1.0f / 5);
    p = p * s2 + lk_splat(1.0f / 3);
    p = p * s2 + lk_splat(1.0f);
    lk_vector terms = lk_apply(LK_RELU, value) - value * target + lk_splat(2.0f) * s * p;
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
