// One pass of an optimizer over a slice of the arenas: gradient scaled, regularized, state and value updated.
// The formulas are those of NeuralNetworks/Optimizers; the order of operations is PyTorch's.

LK_INLINE lk_vector lk_regularized(const lk_gradient_terms *terms, lk_vector gradient, lk_vector value) {
  lk_vector g = gradient * lk_splat(terms->scale);
  if (terms->decay != 0) g = g + lk_splat(terms->decay) * value;
  if (terms->l1 != 0) {
    lk_vector zero = lk_splat(0), one = lk_splat(1);
    g = g + lk_splat(terms->l1) * lk_select(value > zero, one, lk_select(value < zero, -one, zero));
  }
  return g;
}

void LK_CLONE(adam)(const lk_adam_arguments *a, float *value, const float *gradient, float *moment1, float *moment2,
                    ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i += LK_LANES) {
    ptrdiff_t here = count - i;
    int full = here >= LK_LANES;
    lk_vector p = full ? lk_load(value + i) : lk_load_some(value + i, here);
    lk_vector g = full ? lk_load(gradient + i) : lk_load_some(gradient + i, here);
    lk_vector m = full ? lk_load(moment1 + i) : lk_load_some(moment1 + i, here);
    lk_vector v = full ? lk_load(moment2 + i) : lk_load_some(moment2 + i, here);
    g = lk_regularized(&a->terms, g, p);
    m = m + lk_splat(a->share1) * (g - m);
    v = lk_splat(a->beta2) * v + lk_splat(a->share2) * g * g;
    lk_vector denominator = lk_root(v) * lk_splat(a->inverse_root_bias2) + lk_splat(a->epsilon);
    p = p * lk_splat(a->keep) - lk_splat(a->step_size) * m / denominator;
    if (full) {
      lk_store(moment1 + i, m);
      lk_store(moment2 + i, v);
      lk_store(value + i, p);
    } else {
      lk_store_some(moment1 + i, m, here);
      lk_store_some(moment2 + i, v, here);
      lk_store_some(value + i, p, here);
    }
  }
}

void LK_CLONE(sgd)(const lk_sgd_arguments *a, float *value, const float *gradient, float *momentum, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i += LK_LANES) {
    ptrdiff_t here = count - i < LK_LANES ? count - i : LK_LANES;
    lk_vector p = lk_load_some(value + i, here);
    lk_vector g = lk_regularized(&a->terms, lk_load_some(gradient + i, here), p);
    if (momentum) {
      lk_vector b = lk_splat(a->momentum) * lk_load_some(momentum + i, here) + g;
      lk_store_some(momentum + i, b, here);
      g = a->is_nesterov ? g + lk_splat(a->momentum) * b : b;
    }
    lk_store_some(value + i, p - lk_splat(a->rate) * g, here);
  }
}

void LK_CLONE(rmsprop)(const lk_rmsprop_arguments *a, float *value, const float *gradient, float *square,
                       float *momentum, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i += LK_LANES) {
    ptrdiff_t here = count - i < LK_LANES ? count - i : LK_LANES;
    lk_vector p = lk_load_some(value + i, here);
    lk_vector g = lk_regularized(&a->terms, lk_load_some(gradient + i, here), p);
    lk_vector v = lk_splat(a->decay) * lk_load_some(square + i, here) + lk_splat(a->share) * g * g;
    lk_store_some(square + i, v, here);
    lk_vector move = g / (lk_root(v) + lk_splat(a->epsilon));
    if (momentum) {
      move = lk_splat(a->momentum) * lk_load_some(momentum + i, here) + move;
      lk_store_some(momentum + i, move, here);
    }
    lk_store_some(value + i, p - lk_splat(a->rate) * move, here);
  }
}
