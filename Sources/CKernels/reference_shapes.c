// Plain twins of the kernels for moving and reducing elements.
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
