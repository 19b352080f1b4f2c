// Sixteen floats at a time, on every processor: the compiler splits them where registers are narrower, so that all
// clones compute the same lanes in the same order. Loads and stores need no alignment.
typedef float lk_vector __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t lk_mask __attribute__((vector_size(64), aligned(4), may_alias));
typedef double lk_doubles __attribute__((vector_size(128), aligned(8)));

#define LK_INLINE static inline __attribute__((always_inline))
#define LK_LANES 16

LK_INLINE lk_vector lk_splat(float x) { return (lk_vector){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x}; }
LK_INLINE lk_vector lk_load(const float *from) { return *(const lk_vector *)from; }
LK_INLINE void lk_store(float *to, lk_vector x) { *(lk_vector *)to = x; }

// The first `count` lanes; the rest are zero, respectively not written.
LK_INLINE lk_vector lk_load_some(const float *from, ptrdiff_t count) {
#ifdef LK_HAS_MASKS
  return (lk_vector)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), from);
#else
  lk_vector x = lk_splat(0);
  memcpy(&x, from, (size_t)count * sizeof(float));
  return x;
#endif
}
LK_INLINE void lk_store_some(float *to, lk_vector x, ptrdiff_t count) {
#ifdef LK_HAS_MASKS
  _mm512_mask_storeu_ps(to, (__mmask16)((1u << count) - 1), (__m512)x);
#else
  memcpy(to, &x, (size_t)count * sizeof(float));
#endif
}

// bfloat16 is the upper half of a float32; stores round to nearest even (NaN stays NaN), as the hardware does.
typedef uint16_t lk_half_words __attribute__((vector_size(32), aligned(2), may_alias));
LK_INLINE lk_vector lk_widen(lk_half_words x) {
  return (lk_vector)(__builtin_convertvector(x, lk_mask) << 16);
}
LK_INLINE lk_half_words lk_narrow(lk_vector x) {
  lk_mask bits = (lk_mask)x;
  lk_mask rounded = bits + 0x7fff + ((bits >> 16) & 1);
  lk_mask quiet = bits | 0x400000;
  lk_mask is_number = x == x;
  return __builtin_convertvector(((rounded & is_number) | (quiet & ~is_number)) >> 16, lk_half_words);
}

// The address of an element of an array.
LK_INLINE const void *lk_element(const void *x, ptrdiff_t at, lk_type type) {
  return (const char *)x + at * (type == LK_BFLOAT16 ? 2 : 4);
}

// Sixteen (or `count`) numbers of an array whose type is known where this is inlined.
LK_INLINE lk_vector lk_read(const void *from, ptrdiff_t at, lk_type type) {
  if (type == LK_BFLOAT16) return lk_widen(*(const lk_half_words *)((const uint16_t *)from + at));
  return lk_load((const float *)from + at);
}
LK_INLINE lk_vector lk_read_some(const void *from, ptrdiff_t at, ptrdiff_t count, lk_type type) {
  if (type == LK_BFLOAT16) {
    lk_half_words x = {0};
    memcpy(&x, (const uint16_t *)from + at, (size_t)count * sizeof(uint16_t));
    return lk_widen(x);
  }
  return lk_load_some((const float *)from + at, count);
}
LK_INLINE void lk_write(void *to, ptrdiff_t at, lk_vector x, lk_type type) {
  if (type == LK_BFLOAT16) *(lk_half_words *)((uint16_t *)to + at) = lk_narrow(x);
  else lk_store((float *)to + at, x);
}
LK_INLINE void lk_write_some(void *to, ptrdiff_t at, lk_vector x, ptrdiff_t count, lk_type type) {
  if (type == LK_BFLOAT16) {
    lk_half_words narrow = lk_narrow(x);
    memcpy((uint16_t *)to + at, &narrow, (size_t)count * sizeof(uint16_t));
  } else lk_store_some((float *)to + at, x, count);
}

// One number of an array.
LK_INLINE float lk_number(const void *x, ptrdiff_t at, lk_type type) {
  if (type == LK_FLOAT32) return ((const float *)x)[at];
  uint32_t bits = (uint32_t)((const uint16_t *)x)[at] << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

// Stores one number, rounded as lk_narrow does.
LK_INLINE void lk_set_number(void *to, ptrdiff_t at, float x, lk_type type) {
  if (type == LK_FLOAT32) {
    ((float *)to)[at] = x;
    return;
  }
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  bits = x == x ? bits + 0x7fff + ((bits >> 16) & 1) : bits | 0x400000;
  ((uint16_t *)to)[at] = (uint16_t)(bits >> 16);
}

// All bits in the first `count` lanes, none in the others.
LK_INLINE lk_mask lk_first_lanes(ptrdiff_t count) {
  lk_mask lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return lane < (int32_t)count;
}

LK_INLINE lk_vector lk_select(lk_mask mask, lk_vector yes, lk_vector no) {
  return (lk_vector)(((lk_mask)yes & mask) | ((lk_mask)no & ~mask));
}
LK_INLINE lk_vector lk_maximum(lk_vector x, lk_vector y) { return lk_select(x > y, x, y); }
LK_INLINE lk_vector lk_minimum(lk_vector x, lk_vector y) { return lk_select(x < y, x, y); }
LK_INLINE lk_vector lk_absolute(lk_vector x) { return (lk_vector)((lk_mask)x & 0x7fffffff); }
LK_INLINE lk_vector lk_root(lk_vector x) { return __builtin_elementwise_sqrt(x); }

// x·y + z, rounded once where the processor can.
LK_INLINE lk_vector lk_fma(lk_vector x, lk_vector y, lk_vector z) {
#ifdef LK_HAS_FMA
  return __builtin_elementwise_fma(x, y, z);
#else
  return x * y + z;
#endif
}

LK_INLINE float lk_sum(lk_vector x) {
  float lanes[LK_LANES];
  lk_store(lanes, x);
  for (int width = LK_LANES / 2; width > 0; width /= 2)
    for (int i = 0; i < width; i++) lanes[i] += lanes[i + width];
  return lanes[0];
}

LK_INLINE float lk_greatest(lk_vector x) {
  float lanes[LK_LANES];
  lk_store(lanes, x);
  for (int width = LK_LANES / 2; width > 0; width /= 2)
    for (int i = 0; i < width; i++) lanes[i] = lanes[i] > lanes[i + width] ? lanes[i] : lanes[i + width];
  return lanes[0];
}

// eˣ to about 2 units in the last place: x = n·ln 2 + r, and a polynomial for eʳ (coefficients of Cephes expf,
// S. Moshier). NaN stays NaN.
LK_INLINE lk_vector lk_exp(lk_vector given) {
  lk_vector x = lk_minimum(lk_maximum(given, lk_splat(-87.3f)), lk_splat(88.3f));
  lk_vector shifted = x * lk_splat(1.44269504088896341f) + lk_splat(12582912.0f);  // rounds to an integer
  lk_vector n = shifted - lk_splat(12582912.0f);
  lk_vector r = x - n * lk_splat(0.693359375f);
  r = r - n * lk_splat(-2.12194440e-4f);
  lk_vector p = lk_splat(1.9875691500e-4f);
  p = p * r + lk_splat(1.3981999507e-3f);
  p = p * r + lk_splat(8.3334519073e-3f);
  p = p * r + lk_splat(4.1665795894e-2f);
  p = p * r + lk_splat(1.6666665459e-1f);
  p = p * r + lk_splat(5.0000001201e-1f);
  p = p * (r * r) + r + lk_splat(1.0f);
  lk_mask exponent = ((lk_mask)shifted - (lk_mask)lk_splat(12582912.0f)) << 23;
  lk_vector value = (lk_vector)((lk_mask)p + exponent);
  return lk_select(given == given, value, given);
}

LK_INLINE lk_vector lk_sigmoid(lk_vector x) { return lk_splat(1.0f) / (lk_splat(1.0f) + lk_exp(-x)); }

// tanh: a polynomial near zero (Cephes tanhf), else (1 − e^−2|x|) / (1 + e^−2|x|).
LK_INLINE lk_vector lk_tanh(lk_vector x) {
  lk_vector magnitude = lk_absolute(x), z = x * x;
  lk_vector p = lk_splat(-5.70498872745e-3f);
  p = p * z + lk_splat(2.06390887954e-2f);
  p = p * z + lk_splat(-5.37397155531e-2f);
  p = p * z + lk_splat(1.33314422036e-1f);
  p = p * z + lk_splat(-3.33332819422e-1f);
  lk_vector near = p * z * x + x;
  lk_vector e = lk_exp(lk_splat(-2.0f) * magnitude);
  lk_vector far = (lk_splat(1.0f) - e) / (lk_splat(1.0f) + e);
  far = (lk_vector)((lk_mask)far | ((lk_mask)x & (lk_mask)lk_splat(-0.0f)));
  return lk_select(magnitude < lk_splat(0.625f), near, far);
}

// erf(x) by Abramowitz and Stegun 7.1.26, absolute error below 1.5e-7.
LK_INLINE lk_vector lk_erf(lk_vector x) {
  lk_vector magnitude = lk_absolute(x);
  lk_vector t = lk_splat(1.0f) / (lk_splat(1.0f) + lk_splat(0.3275911f) * magnitude);
  lk_vector p = lk_splat(1.061405429f);
  p = p * t + lk_splat(-1.453152027f);
  p = p * t + lk_splat(1.421413741f);
  p = p * t + lk_splat(-0.284496736f);
  p = p * t + lk_splat(0.254829592f);
  lk_vector value = lk_splat(1.0f) - p * t * lk_exp(-(magnitude * magnitude));
  return (lk_vector)((lk_mask)value | ((lk_mask)x & (lk_mask)lk_splat(-0.0f)));
}

// The natural logarithm to about 2 units in the last place: x = 2ⁿ·m with m in [√½, √2), and a polynomial for log m
// (coefficients of Cephes logf, S. Moshier). Zero gives −∞, less gives NaN.
LK_INLINE lk_vector lk_log(lk_vector given) {
  lk_mask is_tiny = given < lk_splat(1.17549435e-38f);
  lk_vector x = lk_select(is_tiny, given * lk_splat(8388608.0f), given);
  lk_mask bits = (lk_mask)x;
  lk_vector m = (lk_vector)((bits & 0x7fffff) | 0x3f000000);
  lk_vector n = __builtin_convertvector(((bits >> 23) & 0xff) - 126, lk_vector);
  n = lk_select(is_tiny, n - lk_splat(23.0f), n);
  lk_mask is_low = m < lk_splat(0.70710678118654752f);
  n = lk_select(is_low, n - lk_splat(1.0f), n);
  m = lk_select(is_low, m + m, m) - lk_splat(1.0f);
  lk_vector z = m * m, p = lk_splat(7.0376836292e-2f);
  p = p * m + lk_splat(-1.1514610310e-1f);
  p = p * m + lk_splat(1.1676998740e-1f);
  p = p * m + lk_splat(-1.2420140846e-1f);
  p = p * m + lk_splat(1.4249322787e-1f);
  p = p * m + lk_splat(-1.6668057665e-1f);
  p = p * m + lk_splat(2.0000714765e-1f);
  p = p * m + lk_splat(-2.4999993993e-1f);
  p = p * m + lk_splat(3.3333331174e-1f);
  lk_vector y = p * m * z + n * lk_splat(-2.12194440e-4f) - lk_splat(0.5f) * z;
  y = m + y + n * lk_splat(0.693359375f);
  y = lk_select(given == lk_splat(0), lk_splat(-INFINITY), y);
  y = lk_select(given < lk_splat(0), lk_splat(NAN), y);
  return lk_select((lk_mask)(given == given) & (given != lk_splat(INFINITY)), y, given);
}

// log(1 + e) for e in [0, 1]: 2·artanh(e / (2 + e)), a series in s² that converges fast as s ≤ 1/3.
LK_INLINE lk_vector lk_log1p_unit(lk_vector e) {
  lk_vector s = e / (lk_splat(2.0f) + e), s2 = s * s;
  lk_vector p = lk_splat(1.0f / 13);
  p = p * s2 + lk_splat(1.0f / 11);
  p = p * s2 + lk_splat(1.0f / 9);
  p = p * s2 + lk_splat(1.0f / 7);
  p = p * s2 + lk_splat(1.0f / 5);
  p = p * s2 + lk_splat(1.0f / 3);
  p = p * s2 + lk_splat(1.0f);
  return lk_splat(2.0f) * s * p;
}

// eˣ − 1 for x ≤ 0: near zero the polynomial of lk_exp before its one is added, so that no digits are lost.
LK_INLINE lk_vector lk_expm1_below(lk_vector x) {
  lk_vector p = lk_splat(1.9875691500e-4f);
  p = p * x + lk_splat(1.3981999507e-3f);
  p = p * x + lk_splat(8.3334519073e-3f);
  p = p * x + lk_splat(4.1665795894e-2f);
  p = p * x + lk_splat(1.6666665459e-1f);
  p = p * x + lk_splat(5.0000001201e-1f);
  p = p * (x * x) + x;
  return lk_select(x > lk_splat(-0.34f), p, lk_exp(x) - lk_splat(1.0f));
}

// x·sigmoid(z), and zero where the sigmoid would be; NaN stays NaN.
LK_INLINE lk_vector lk_gated(lk_vector x, lk_vector z) {
  return lk_select(z < lk_splat(-87.0f), lk_splat(-0.0f), x / (lk_splat(1.0f) + lk_exp(-z)));
}

// GELU with tanh is x·sigmoid(2u), u = √(2/π)·(x + 0.044715x³): one exponential. Beyond ±12 nothing changes but
// the cube's overflow; the order of the bounds keeps NaN.
LK_INLINE lk_vector lk_gelu_bounded(lk_vector x) {
  return lk_minimum(lk_splat(12.0f), lk_maximum(lk_splat(-12.0f), x));
}
LK_INLINE lk_vector lk_gelu_argument(lk_vector x) {
  return x * (lk_splat(1.5957691216057308f) + lk_splat(0.071354816272600f) * (x * x));
}

LK_INLINE lk_vector lk_apply(int32_t activation, lk_vector x) {
  switch (activation) {
    case LK_RELU: return lk_select(x < lk_splat(0), lk_splat(0), x);  // keeps NaN
    case LK_SIGMOID: return lk_sigmoid(x);
    case LK_TANH: return lk_tanh(x);
    case LK_GELU: return lk_splat(0.5f) * x * (lk_splat(1.0f) + lk_erf(x * lk_splat(0.70710678118654752f)));
    case LK_GELU_TANH: return lk_gated(x, lk_gelu_argument(lk_gelu_bounded(x)));
    case LK_SILU: return lk_gated(x, x);
    case LK_SOFTPLUS: return lk_select(x < lk_splat(0), lk_splat(0), x) + lk_log1p_unit(lk_exp(-lk_absolute(x)));
    case LK_LEAKY_RELU: return lk_select(x < lk_splat(0), lk_splat(0.01f) * x, x);
    case LK_ELU: return lk_select(x < lk_splat(0), lk_expm1_below(x), x);
    default: return x;
  }
}

// The derivative at the saved result (ReLU, leaky ReLU, ELU, sigmoid, tanh) or input (the others).
LK_INLINE lk_vector lk_slope(int32_t activation, lk_vector saved) {
  lk_vector one = lk_splat(1.0f);
  switch (activation) {
    case LK_RELU: return lk_select(saved > lk_splat(0), one, lk_splat(0));
    case LK_SIGMOID: return saved * (one - saved);
    case LK_TANH: return one - saved * saved;
    case LK_GELU: {
      lk_vector density = lk_exp(lk_splat(-0.5f) * saved * saved) * lk_splat(0.39894228040143268f);
      lk_vector normal = lk_splat(0.5f) * (one + lk_erf(saved * lk_splat(0.70710678118654752f)));
      return normal + saved * density;
    }
    // With s = 1 / (1 + e), 1 − s is e·s: written so, it loses no digits where s is near one.
    case LK_GELU_TANH: {
      lk_vector x = lk_gelu_bounded(saved), square = x * x;
      lk_vector e = lk_exp(-lk_gelu_argument(x)), s = one / (one + e);
      lk_vector inner = x * (lk_splat(1.5957691216057308f) + lk_splat(0.214064448817801f) * square);
      return s + (e * s) * s * inner;
    }
    case LK_SILU: {
      // Beyond ±90 the derivative is 0 or 1 to the last bit; the bound keeps infinity from meeting zero.
      lk_vector x = lk_minimum(lk_splat(90.0f), lk_maximum(lk_splat(-90.0f), saved));
      lk_vector e = lk_exp(-x), s = one / (one + e);
      return s + (e * s) * s * x;
    }
    case LK_SOFTPLUS: return lk_sigmoid(saved);
    case LK_LEAKY_RELU: return lk_select(saved > lk_splat(0), one, lk_splat(0.01f));
    case LK_ELU: return lk_select(saved > lk_splat(0), one, saved + one);
    default: return one;
  }
}
