// Group norm: a group of a sample lies in one piece, as a row does, but scale and shift change from channel to channel.

void LK_CLONE(group_norm)(const lk_group_norm_arguments *a) {
  ptrdiff_t channels = a->channels / a->groups, positions = a->positions, width = channels * positions;
  ptrdiff_t padded = (width + LK_LANES - 1) / LK_LANES * LK_LANES;
  for (ptrdiff_t row = 0; row < a->samples * a->groups; row++) {
    ptrdiff_t at = row * width, first = row % a->groups * channels;
    const float *x = lk_float_row(a->x, at, a->x_type, a->workspace, width);
    float mean = lk_row_sum(x, width) / (float)width;
    float inverse = 1.0f / sqrtf(lk_row_squares(x, width, mean) / (float)width + a->epsilon);
    if (a->mean) a->mean[row] = mean;
    if (a->inverse) a->inverse[row] = inverse;
    float *y = a->y_type == LK_FLOAT32 ? (float *)a->y + at : a->workspace + padded;
    for (ptrdiff_t channel = 0; channel < channels; channel++) {
      lk_vector factor = lk_splat(inverse * a->scale[first + channel]), shift = lk_splat(a->shift[first + channel]);
      ptrdiff_t from = channel * positions;
      lk_batch_norm_run(x + from, NULL, y + from, positions, lk_splat(mean), factor, shift, 0);
    }
    if (a->y_type == LK_BFLOAT16) lk_narrow_row(a->y, at, y, width);
  }
}

// dx = (dy·scale − average − (x − mean)·slope)·inverse for one channel of a sample.
LK_INLINE void lk_group_norm_result(const float *dy, const float *x, float *dx, ptrdiff_t count, float mean,
                                    float scale, float average, float slope, float inverse) {
  for (ptrdiff_t i = 0; i < count; i += LK_LANES) {
    ptrdiff_t here = count - i < LK_LANES ? count - i : LK_LANES;
    lk_vector value = lk_load_part(dy + i, here) * lk_splat(scale) - lk_splat(average);
    value -= (lk_load_part(x + i, here) - lk_splat(mean)) * lk_splat(slope);
    lk_store_part(dx + i, value * lk_splat(inverse), here);
  }
}

// Adds what a group of a sample gives to the gradients of scale and shift; the sums over the group of dy·scale and
// dy·scale·(x − mean).
LK_INLINE void lk_group_norm_sums(const lk_group_norm_gradient_arguments *a, ptrdiff_t row, const float *dy,
                                  const float *x, double *sum, double *product) {
  ptrdiff_t channels = a->channels / a->groups, first = row % a->groups * channels;
  *sum = *product = 0;
  for (ptrdiff_t channel = 0; channel < channels; channel++) {
    lk_vector sums[2] = {lk_splat(0), lk_splat(0)}, products[2] = {lk_splat(0), lk_splat(0)};
    lk_gradient_run r = {.dy = dy + channel * a->positions, .x = x + channel * a->positions};
    lk_gradient_run_sums(&r, a->positions, lk_splat(a->mean[row]), sums, products);
    float shift = lk_sum(sums[0] + sums[1]), scale = lk_sum(products[0] + products[1]);
    int is_first = row < a->groups;
    if (a->dshift) a->dshift[first + channel] = shift + (is_first ? 0 : a->dshift[first + channel]);
    if (a->dscale)
      a->dscale[first + channel] = scale * a->inverse[row] + (is_first ? 0 : a->dscale[first + channel]);
    *sum += (double)(shift * a->scale[first + channel]);
    *product += (double)(scale * a->scale[first + channel]);
  }
}

void LK_CLONE(group_norm_gradient)(const lk_group_norm_gradient_arguments *a) {
  ptrdiff_t channels = a->channels / a->groups, positions = a->positions, width = channels * positions;
  ptrdiff_t padded = (width + LK_LANES - 1) / LK_LANES * LK_LANES;
  for (ptrdiff_t row = 0; row < a->samples * a->groups; row++) {
    ptrdiff_t at = row * width, first = row % a->groups * channels;
    const float *dy = lk_float_row(a->dy, at, a->dy_type, a->workspace, width);
    const float *x = lk_float_row(a->x, at, a->x_type, a->workspace + padded, width);
    double sum, product;
    lk_group_norm_sums(a, row, dy, x, &sum, &product);
    float inverse = a->inverse[row], average = (float)(sum / (double)width);
    float slope = (float)(product / (double)width) * inverse * inverse;
    float *dx = a->dx_type == LK_FLOAT32 ? (float *)a->dx + at : a->workspace + 2 * padded;
    for (ptrdiff_t channel = 0; channel < channels; channel++) {
      ptrdiff_t from = channel * positions;
      lk_group_norm_result(dy + from, x + from, dx + from, positions, a->mean[row], a->scale[first + channel],
                           average, slope, inverse);
    }
    if (a->dx_type == LK_BFLOAT16) lk_narrow_row(a->dx, at, dx, width);
  }
}
