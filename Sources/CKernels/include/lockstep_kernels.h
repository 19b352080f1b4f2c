// Compute kernels on float32 arrays, row-major and dense unless strides are named.
//
// Every kernel exists once in source (Kernels/), compiled for each instruction set; `lk_NAME` calls the clone for
// this processor. Clones give the same bits, as contraction is off, fused multiply-adds are explicit, and sums keep 16
// explicit accumulators. (Exception: without hardware FMA on x86, lk_matmul rounds products.) reference.c holds the
// plain twin of each kernel, `lkr_NAME`, which tests compare with; of permute_cells it is DataPipeline's Permutation.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Elements of one chunk of a gradient norm; slices of buckets start at multiples of it.
#define LK_CHUNK 1024

// What an element of an array is, where a kernel takes both.
typedef enum lk_type { LK_FLOAT32 = 0, LK_BFLOAT16 = 1 } lk_type;

// What happens to a product before it is stored; `Graphs.Activation` has the same.
typedef enum lk_activation {
  LK_IDENTITY = 0,
  LK_RELU = 1,
  LK_SIGMOID = 2,
  LK_TANH = 3,
  LK_GELU = 4,
  LK_GELU_TANH = 5,
  LK_SILU = 6,
  LK_SOFTPLUS = 7,
  LK_LEAKY_RELU = 8,
  LK_ELU = 9
} lk_activation;

#define LK_EACH_ACTIVATION(K) \
  K(LK_IDENTITY) K(LK_RELU) K(LK_SIGMOID) K(LK_TANH) K(LK_GELU) K(LK_GELU_TANH) K(LK_SILU) K(LK_SOFTPLUS) \
  K(LK_LEAKY_RELU) K(LK_ELU)

// C[m,n] = epilogue(Σₖ A[m,k]·B[k,n]); strides count elements, so that transposes cost nothing to say.
typedef struct lk_matmul_arguments {
  const float *a;
  ptrdiff_t a_row, a_inner;
  const float *b;
  ptrdiff_t b_inner, b_column;
  float *c;  // dense rows of n
  ptrdiff_t m, n, k;
  const float *bias;   // [n], added to every row; or NULL
  int32_t activation;  // lk_activation, applied after the bias
  const float *saved;  // [m,n]: with it the product is multiplied by the activation's derivative at `saved`; or NULL
  float *workspace;    // lk_matmul_workspace_count() floats
} lk_matmul_arguments;

// Floats of workspace for a product with an inner extent of k.
static inline ptrdiff_t lk_matmul_workspace_count(ptrdiff_t k) { return 32 * k; }

// What is done to a summed gradient before an optimizer sees it: g·scale + decay·θ + l1·sign(θ).
typedef struct lk_gradient_terms {
  float scale;  // 1 / count, times the clip coefficient
  float decay;  // weight decay and L2 regularization together
  float l1;
} lk_gradient_terms;

typedef struct lk_adam_arguments {
  lk_gradient_terms terms;
  float beta2, epsilon;
  float share1, share2;      // 1 - beta1 and 1 - beta2, rounded from float64
  float keep;                // 1, or 1 - rate·λ for AdamW's decoupled decay
  float step_size;           // rate / (1 - beta1^t)
  float inverse_root_bias2;  // 1 / sqrt(1 - beta2^t)
} lk_adam_arguments;

typedef struct lk_sgd_arguments {
  lk_gradient_terms terms;
  float rate, momentum;
  int32_t is_nesterov;
} lk_sgd_arguments;

typedef struct lk_rmsprop_arguments {
  lk_gradient_terms terms;
  float rate, decay, epsilon, momentum;
  float share;  // 1 - decay, rounded from float64
} lk_rmsprop_arguments;

// A dropout's random words: see Graphs.Dropout and Graphs.RandomStream.
typedef struct lk_dropout_arguments {
  uint64_t seed;
  uint32_t ordinal, first_sample, step, threshold;
  float scale;
} lk_dropout_arguments;

#include "lockstep_kernels_convolution.h"
#include "lockstep_kernels_normalization.h"
#include "lockstep_kernels_attention.h"
#include "lockstep_kernels_recurrent.h"
#include "lockstep_kernels_shapes.h"
#include "lockstep_kernels_chains.h"
#include "lockstep_kernels_decoding.h"
#include "lockstep_kernels_pictures.h"
#include "lockstep_kernels_orders.h"

// LK_KERNELS(K) lists every kernel as K(name, (parameters), (arguments)); the families are in files of their own.
#define LK_KERNELS(K) LK_CORE_KERNELS(K) LK_CONVOLUTION_KERNELS(K) LK_NORMALIZATION_KERNELS(K) LK_ATTENTION_KERNELS(K) \
  LK_RECURRENT_KERNELS(K) LK_SHAPES_KERNELS(K) LK_CHAINS_KERNELS(K) LK_DECODING_KERNELS(K) LK_PICTURES_KERNELS(K) \
  LK_ORDERS_KERNELS(K)

#define LK_CORE_KERNELS(K)                                                                                             \
  K(matmul, (const lk_matmul_arguments *x), (x))                                                                       \
  /* arrays given as `const void *, lk_type` hold float32 or bfloat16 */                                               \
  K(activate,                                                                                                          \
    (int32_t activation, const void *x, lk_type x_type, void *y, lk_type y_type, ptrdiff_t count),                     \
    (activation, x, x_type, y, y_type, count))                                                                         \
  K(activation_gradient,                                                                                               \
    (int32_t activation, const void *dy, lk_type dy_type, const void *saved, lk_type saved_type, void *dx,             \
     lk_type dx_type, ptrdiff_t count),                                                                                \
    (activation, dy, dy_type, saved, saved_type, dx, dx_type, count))                                                  \
  K(add,                                                                                                               \
    (const void *x, lk_type x_type, const void *y, lk_type y_type, void *z, lk_type z_type, ptrdiff_t count),          \
    (x, x_type, y, y_type, z, z_type, count))                                                                          \
  K(multiply,                                                                                                          \
    (const void *x, lk_type x_type, const void *y, lk_type y_type, void *z, lk_type z_type, ptrdiff_t count),          \
    (x, x_type, y, y_type, z, z_type, count))                                                                          \
  K(scale,                                                                                                             \
    (const void *x, lk_type x_type, float factor, void *y, lk_type y_type, ptrdiff_t count),                           \
    (x, x_type, factor, y, y_type, count))                                                                             \
  K(add_bias,                                                                                                          \
    (const void *x, lk_type x_type, const float *bias, void *y, lk_type y_type, ptrdiff_t rows, ptrdiff_t columns),    \
    (x, x_type, bias, y, y_type, rows, columns))                                                                       \
  /* [outer, extent, inner] -> [outer, inner], summed and scaled */                                                    \
  K(reduce,                                                                                                            \
    (const void *x, lk_type x_type, float *y, ptrdiff_t outer, ptrdiff_t extent, ptrdiff_t inner, float factor),       \
    (x, x_type, y, outer, extent, inner, factor))                                                                      \
  /* [outer, inner] -> [outer, extent, inner] */                                                                       \
  K(broadcast, (const float *x, float *y, ptrdiff_t outer, ptrdiff_t extent, ptrdiff_t inner),                         \
    (x, y, outer, extent, inner))                                                                                      \
  /* ids outside [0, rows) read row 0 */                                                                               \
  K(embedding,                                                                                                         \
    (const void *table, lk_type table_type, ptrdiff_t rows, ptrdiff_t width, const int32_t *ids, ptrdiff_t count,      \
     void *y, lk_type y_type),                                                                                         \
    (table, table_type, rows, width, ids, count, y, y_type))                                                           \
  K(embedding_gradient,                                                                                                \
    (const int32_t *ids, ptrdiff_t count, const float *dy, ptrdiff_t rows, ptrdiff_t width, float *table),             \
    (ids, count, dy, rows, width, table))                                                                              \
  /* the mean of the looked-up rows whose id is not `padding` (pass INT64_MIN for none) */                             \
  K(embedding_mean,                                                                                                    \
    (const float *table, ptrdiff_t rows, ptrdiff_t width, const int32_t *ids, ptrdiff_t samples, ptrdiff_t tokens,     \
     int64_t padding, float *y),                                                                                       \
    (table, rows, width, ids, samples, tokens, padding, y))                                                            \
  K(embedding_mean_gradient,                                                                                           \
    (const int32_t *ids, ptrdiff_t samples, ptrdiff_t tokens, int64_t padding, const float *dy, ptrdiff_t rows,        \
     ptrdiff_t width, float *table),                                                                                   \
    (ids, samples, tokens, padding, dy, rows, width, table))                                                           \
  K(masked_mean,                                                                                                       \
    (const float *x, const int32_t *ids, ptrdiff_t samples, ptrdiff_t tokens, ptrdiff_t width, int64_t padding,        \
     float *y),                                                                                                        \
    (x, ids, samples, tokens, width, padding, y))                                                                      \
  K(masked_mean_gradient,                                                                                              \
    (const float *dy, const int32_t *ids, ptrdiff_t samples, ptrdiff_t tokens, ptrdiff_t width, int64_t padding,       \
     float *dx),                                                                                                       \
    (dy, ids, samples, tokens, width, padding, dx))                                                                    \
  /* the loss and its gradient; either may be NULL. A label equal to `ignored` counts nowhere (INT64_MIN for none);    \
     `smoothing` of the target is spread evenly over the classes. The gradient may take the logits' place when both    \
     are of one type. */                                                                                               \
  K(softmax_cross_entropy,                                                                                             \
    (const void *logits, lk_type type, const int32_t *labels, ptrdiff_t samples, ptrdiff_t classes, int64_t ignored,   \
     float smoothing, float *loss, void *gradient, lk_type gradient_type),                                             \
    (logits, type, labels, samples, classes, ignored, smoothing, loss, gradient, gradient_type))                       \
  /* how many labels are not `ignored` */                                                                              \
  K(count_labels,                                                                                                      \
    (const int32_t *labels, ptrdiff_t count, int64_t ignored, float *y),                                               \
    (labels, count, ignored, y))                                                                                       \
  /* targets are floats, or, when `targets` is NULL, the ints in `labels` */                                           \
  K(sigmoid_cross_entropy,                                                                                             \
    (const float *logits, const float *targets, const int32_t *labels, ptrdiff_t count, float *loss, float *gradient), \
    (logits, targets, labels, count, loss, gradient))                                                                  \
  K(squared_error, (const float *x, const float *targets, ptrdiff_t count, float *loss, float *gradient),              \
    (x, targets, count, loss, gradient))                                                                               \
  K(dropout,                                                                                                           \
    (const lk_dropout_arguments *key, const void *x, lk_type x_type, void *y, lk_type y_type, ptrdiff_t samples,       \
     ptrdiff_t width),                                                                                                 \
    (key, x, x_type, y, y_type, samples, width))                                                                       \
  /* evaluates a sum in postfix order: an entry >= 0 pushes that source, -1 adds the top two; `result` may be a        \
     source. Writes the sum of squares of every LK_CHUNK results to `chunk_squares` (may be NULL). */                  \
  K(tree_sum,                                                                                                          \
    (const float *const *sources, const int32_t *program, ptrdiff_t program_count, float *result, ptrdiff_t count,     \
     double *chunk_squares),                                                                                           \
    (sources, program, program_count, result, count, chunk_squares))                                                   \
  K(adam,                                                                                                              \
    (const lk_adam_arguments *a, float *value, const float *gradient, float *moment1, float *moment2,                  \
     ptrdiff_t count),                                                                                                 \
    (a, value, gradient, moment1, moment2, count))                                                                     \
  K(sgd, (const lk_sgd_arguments *a, float *value, const float *gradient, float *momentum, ptrdiff_t count),           \
    (a, value, gradient, momentum, count))                                                                             \
  K(rmsprop,                                                                                                           \
    (const lk_rmsprop_arguments *a, float *value, const float *gradient, float *square, float *momentum,               \
     ptrdiff_t count),                                                                                                 \
    (a, value, gradient, square, momentum, count))

// The instruction sets that clones are compiled for.
typedef enum lk_instruction_set { LK_GENERIC = 0, LK_AVX2 = 1, LK_AVX512 = 2 } lk_instruction_set;

// The best set of this processor, and its name.
lk_instruction_set lk_best_instruction_set(void);
const char *lk_instruction_set_name(lk_instruction_set set);
// Makes lk_NAME call a given set's clones on this thread (for tests); returns 0 when this processor lacks it.
int lk_use_instruction_set(lk_instruction_set set);

#define LK_DECLARE(name, parameters, arguments) \
  void lk_##name parameters;                    \
  void lkr_##name parameters;
LK_KERNELS(LK_DECLARE)
#undef LK_DECLARE

#ifdef __cplusplus
}
#endif
