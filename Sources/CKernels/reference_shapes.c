// Plain twins of the kernels for moving and reducing elements.
#include <math.h>

#include "lockstep_kernels.h"
#include "reference_numbers.h"

void lkr_copy(const lk_copy_arguments *a, const void *x, void *y) {
  ptrdiff_t count = 1;
  for (ptrdiff_t axis = 0; axis < a->rank; axis++) count *= a->extents[axis];
  for (ptrdiff_t i = 0; i < count; i++) {
    ptrdiff_t from = a->x_offset, to = a->y_offset, rest = i;
    for (ptrdiff_t axis = a->rank - 1; axis >= 0; axis--) {
      from += rest % a->extents[axis] * a->x_strides[axis];
      to += rest % a->extents[axis] * a->y_strides[axis];
      rest /= a->extents[axis];
    }
    if (a->x_type == a->y_type && a->x_type == LK_FLOAT32) ((uint32_t *)y)[to] = ((const uint32_t *)x)[from];
    else lkr_put(y, to, a->y_type, lkr_get(x, from, a->x_type));
  }
}

void lkr_unary(int32_t function, const void *x, lk_type xt, void *y, lk_type yt, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i++) {
    double v = lkr_get(x, i, xt);
    lkr_put(y, i, yt,
            function == LK_EXP           ? exp(v)
            : function == LK_LOG         ? log(v)
            : function == LK_SQUARE      ? v * v
            : function == LK_SQUARE_ROOT ? sqrt(v)
            : function == LK_ABSOLUTE    ? fabs(v)
                                         : 1 / v);
  }
}

static double combined(int32_t function, double x, double y) {
  switch (function) {
    case LK_SUM: return x + y;
    case LK_DIFFERENCE: return x - y;
    case LK_PRODUCT: return x * y;
    case LK_QUOTIENT: return x / y;
    case LK_MAXIMUM: return x > y || x != x ? x : y;
    case LK_MINIMUM: return x < y || x != x ? x : y;
    case LK_POWER: return pow(x, y);
    case LK_LESS: return x < y;
    case LK_GREATER: return x > y;
    default: return x == y;
  }
}

void lkr_binary(const lk_binary_arguments *a, const void *x, const void *y, void *z) {
  ptrdiff_t count = 1;
  for (ptrdiff_t axis = 0; axis < a->rank; axis++) count *= a->extents[axis];
  for (ptrdiff_t i = 0; i < count; i++) {
    ptrdiff_t left = 0, right = 0, rest = i;
    for (ptrdiff_t axis = a->rank - 1; axis >= 0; axis--) {
      left += rest % a->extents[axis] * a->x_strides[axis];
      right += rest % a->extents[axis] * a->y_strides[axis];
      rest /= a->extents[axis];
    }
    lkr_put(z, i, a->z_type, combined(a->function, lkr_get(x, left, a->x_type), lkr_get(y, right, a->y_type)));
  }
}

void lkr_choose(const float *condition, const float *x, const float *y, float *z, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i++) z[i] = condition[i] != 0 ? x[i] : y[i];
}

// The first place of the greatest, or of the least; NaN beats all.
static ptrdiff_t place_of_extreme(int is_least, const void *x, lk_type xt, ptrdiff_t extent, ptrdiff_t step,
                                  ptrdiff_t start) {
  ptrdiff_t place = 0;
  for (ptrdiff_t e = 0; e < extent; e++) {
    double value = lkr_get(x, start + e * step, xt), best = lkr_get(x, start + place * step, xt);
    if (best != best) break;
    if ((is_least ? value < best : value > best) || value != value) place = e;
  }
  return place;
}

void lkr_extreme(int32_t is_least, const void *x, lk_type xt, float *y, ptrdiff_t outer, ptrdiff_t extent,
                 ptrdiff_t inner) {
  for (ptrdiff_t i = 0; i < outer * inner; i++) {
    ptrdiff_t start = i / inner * extent * inner + i % inner;
    ptrdiff_t place = place_of_extreme(is_least, x, xt, extent, inner, start);
    y[i] = (float)lkr_get(x, start + place * inner, xt);
  }
}

void lkr_arg_max(const void *x, lk_type xt, int32_t *y, ptrdiff_t outer, ptrdiff_t extent, ptrdiff_t inner) {
  for (ptrdiff_t i = 0; i < outer * inner; i++)
    y[i] = (int32_t)place_of_extreme(0, x, xt, extent, inner, i / inner * extent * inner + i % inner);
}

void lkr_one_hot(const int32_t *ids, ptrdiff_t count, ptrdiff_t classes, float *y) {
  for (ptrdiff_t i = 0; i < count * classes; i++) y[i] = ids[i / classes] == i % classes;
}

static ptrdiff_t row_of(int32_t id, ptrdiff_t rows) { return id >= 0 && id < rows ? id : 0; }

void lkr_gather(const void *x, lk_type xt, const int32_t *ids, ptrdiff_t count, ptrdiff_t outer, ptrdiff_t extent,
                ptrdiff_t inner, void *y, lk_type yt) {
  for (ptrdiff_t i = 0; i < outer * count * inner; i++) {
    ptrdiff_t o = i / (count * inner), id = i / inner % count;
    lkr_put(y, i, yt, lkr_get(x, (o * extent + row_of(ids[id], extent)) * inner + i % inner, xt));
  }
}

void lkr_gather_gradient(const int32_t *ids, ptrdiff_t count, const void *dy, lk_type dyt, ptrdiff_t outer,
                         ptrdiff_t extent, ptrdiff_t inner, float *dx) {
  for (ptrdiff_t i = 0; i < outer * extent * inner; i++) dx[i] = 0;
  for (ptrdiff_t i = 0; i < outer * count * inner; i++) {
    ptrdiff_t o = i / (count * inner), id = i / inner % count;
    dx[(o * extent + row_of(ids[id], extent)) * inner + i % inner] += (float)lkr_get(dy, i, dyt);
  }
}

void lkr_softmax(int32_t is_log, const void *x, lk_type xt, void *y, lk_type yt, ptrdiff_t rows, ptrdiff_t width) {
  for (ptrdiff_t row = 0; row < rows; row++) {
    double most = -INFINITY, sum = 0;
    for (ptrdiff_t i = 0; i < width; i++) most = fmax(most, lkr_get(x, row * width + i, xt));
    for (ptrdiff_t i = 0; i < width; i++) sum += exp(lkr_get(x, row * width + i, xt) - most);
    for (ptrdiff_t i = 0; i < width; i++) {
      double logarithm = lkr_get(x, row * width + i, xt) - most - log(sum);
      lkr_put(y, row * width + i, yt, is_log ? logarithm : exp(logarithm));
    }
  }
}

void lkr_softmax_gradient(int32_t is_log, const void *dy, lk_type dyt, const void *y, lk_type yt, void *dx,
                          lk_type dxt, ptrdiff_t rows, ptrdiff_t width) {
  for (ptrdiff_t row = 0; row < rows; row++) {
    double sum = 0;
    for (ptrdiff_t i = row * width; i < (row + 1) * width; i++)
      sum += lkr_get(dy, i, dyt) * (is_log ? 1 : lkr_get(y, i, yt));
    for (ptrdiff_t i = row * width; i < (row + 1) * width; i++) {
      double up = lkr_get(dy, i, dyt), value = lkr_get(y, i, yt);
      lkr_put(dx, i, dxt, is_log ? up - exp(value) * sum : value * (up - sum));
    }
  }
}
