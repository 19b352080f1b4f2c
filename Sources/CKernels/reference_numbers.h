// How the plain twins read and write arrays of float32 or bfloat16.
#pragma once
#include <string.h>

#include "lockstep_kernels.h"

static inline double lkr_get(const void *x, ptrdiff_t at, lk_type type) {
  if (type == LK_FLOAT32) return ((const float *)x)[at];
  uint32_t bits = (uint32_t)((const uint16_t *)x)[at] << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

// Rounds to float32, then to nearest even bfloat16 where asked.
static inline void lkr_put(void *x, ptrdiff_t at, lk_type type, double value) {
  float single = (float)value;
  if (type == LK_FLOAT32) {
    ((float *)x)[at] = single;
    return;
  }
  uint32_t bits;
  memcpy(&bits, &single, sizeof bits);
  bits = single == single ? bits + 0x7fff + ((bits >> 16) & 1) : bits | 0x400000;
  ((uint16_t *)x)[at] = (uint16_t)(bits >> 16);
}
