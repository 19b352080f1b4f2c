// Plain twins of the kernels for elementwise chains.
#include <string.h>

#include "lockstep_kernels.h"

static float widened(uint16_t half) {
  uint32_t bits = (uint32_t)half << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static uint16_t narrowed(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  if (value != value) return (uint16_t)((bits | 0x400000) >> 16);
  return (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

void lkr_cast(const void *x, lk_type x_type, void *y, lk_type y_type, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i++) {
    float value = x_type == LK_BFLOAT16 ? widened(((const uint16_t *)x)[i]) : ((const float *)x)[i];
    if (y_type == LK_BFLOAT16) ((uint16_t *)y)[i] = narrowed(value);
    else ((float *)y)[i] = value;
  }
}
