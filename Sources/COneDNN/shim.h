// oneDNN behind prefixed inline functions that hide the difference between its versions 2.x and 3.x, and the macros
// that Swift cannot import. Only what Lockstep uses. Every function returns dnnl_status_t.
#pragma once
#include <dnnl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// oneDNN as Debian builds it runs on OpenMP; one lane is one thread, so each lane says so before it creates primitives.
extern void omp_set_num_threads(int) __attribute__((weak));

static inline void cdnn_use_one_thread(void) {
  if (omp_set_num_threads) omp_set_num_threads(1);
}

static inline int cdnn_version_major(void) { return dnnl_version()->major; }
static inline int cdnn_version_minor(void) { return dnnl_version()->minor; }
static inline int cdnn_version_patch(void) { return dnnl_version()->patch; }

// The instruction set that oneDNN uses here, as its enumeration's number.
static inline int cdnn_instruction_set(void) { return (int)dnnl_get_effective_cpu_isa(); }

// Whether the processor multiplies bfloat16 numbers by itself (AVX512-BF16 or AMX).
static inline int cdnn_has_bfloat16(void) {
  dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
  return (isa & dnnl_cpu_isa_avx512_core_bf16) == dnnl_cpu_isa_avx512_core_bf16;
}

// Whether oneDNN runs its AVX2 code or better.
static inline int cdnn_has_avx2(void) {
  return (dnnl_get_effective_cpu_isa() & dnnl_cpu_isa_avx2) == dnnl_cpu_isa_avx2;
}

static inline const char *cdnn_instruction_set_name(void) {
  switch (dnnl_get_effective_cpu_isa()) {
    case dnnl_cpu_isa_sse41: return "SSE4.1";
    case dnnl_cpu_isa_avx: return "AVX";
    case dnnl_cpu_isa_avx2: return "AVX2";
    case dnnl_cpu_isa_avx512_core: return "AVX-512";
    case dnnl_cpu_isa_avx512_core_vnni: return "AVX-512 VNNI";
    case dnnl_cpu_isa_avx512_core_bf16: return "AVX-512 bfloat16";
    default: return "other";
  }
}

// The functions applied after a product.
enum { cdnn_identity = 0, cdnn_relu = 1, cdnn_sigmoid = 2, cdnn_tanh = 3 };

// The types of elements.
enum { cdnn_float32 = 0, cdnn_bfloat16 = 1 };
static inline dnnl_data_type_t cdnn_type(int type) { return type == cdnn_bfloat16 ? dnnl_bf16 : dnnl_f32; }

// C[m,n] = activation(A[m,k]·B[k,n] + bias[n]) + addend[m,n]; strides count elements: A at (row, inner), B at (inner,
// column); C and the addend are dense; the bias is float32.
typedef struct cdnn_matmul_options {
  int64_t m, n, k, a_row, a_inner, b_inner, b_column;
  int has_bias, activation, has_addend;
  int ab_type, c_type, addend_type;
} cdnn_matmul_options;

// The product as one primitive with memories whose handles are set at each run.
typedef struct cdnn_matmul {
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  dnnl_primitive_t primitive;
  dnnl_memory_t a, b, c, bias, addend, scratchpad;
  void *scratch;
  char implementation[64];
} cdnn_matmul;

static inline void cdnn_matmul_destroy(cdnn_matmul *x) {
  if (!x) return;
  if (x->primitive) dnnl_primitive_destroy(x->primitive);
  dnnl_memory_t memories[] = {x->a, x->b, x->c, x->bias, x->addend, x->scratchpad};
  for (int i = 0; i < 6; i++)
    if (memories[i]) dnnl_memory_destroy(memories[i]);
  if (x->stream) dnnl_stream_destroy(x->stream);
  if (x->engine) dnnl_engine_destroy(x->engine);
  free(x->scratch);
  free(x);
}

#define CDNN_TRY(call)                               \
  do {                                               \
    dnnl_status_t status_ = (call);                  \
    if (status_ != dnnl_success) return status_;     \
  } while (0)

// A memory of a matrix (or of [1, n]) with strides, without a buffer yet.
typedef dnnl_memory_desc_t cdnn_descriptor;
#if DNNL_VERSION_MAJOR >= 3
static inline dnnl_status_t cdnn_describe(cdnn_descriptor *d, int type, int64_t rows, int64_t columns,
                                          int64_t row_stride, int64_t column_stride) {
  dnnl_dims_t extents = {rows, columns}, strides = {row_stride, column_stride};
  return dnnl_memory_desc_create_with_strides(d, 2, extents, cdnn_type(type), strides);
}
static inline dnnl_status_t cdnn_memory(dnnl_memory_t *memory, cdnn_descriptor *d, dnnl_engine_t engine) {
  return dnnl_memory_create(memory, *d, engine, DNNL_MEMORY_NONE);
}
static inline void cdnn_forget(cdnn_descriptor *d) {
  if (*d) dnnl_memory_desc_destroy(*d);
}
#else
static inline dnnl_status_t cdnn_describe(cdnn_descriptor *d, int type, int64_t rows, int64_t columns,
                                          int64_t row_stride, int64_t column_stride) {
  dnnl_dims_t extents = {rows, columns}, strides = {row_stride, column_stride};
  return dnnl_memory_desc_init_by_strides(d, 2, extents, cdnn_type(type), strides);
}
static inline dnnl_status_t cdnn_memory(dnnl_memory_t *memory, cdnn_descriptor *d, dnnl_engine_t engine) {
  return dnnl_memory_create(memory, d, engine, DNNL_MEMORY_NONE);
}
static inline void cdnn_forget(cdnn_descriptor *d) { (void)d; }
#endif

// What follows the product: an activation, then a sum.
static inline dnnl_status_t cdnn_append(dnnl_post_ops_t operations, const cdnn_matmul_options *o,
                                        cdnn_descriptor *addend) {
  if (o->activation != cdnn_identity) {
    dnnl_alg_kind_t kind = o->activation == cdnn_relu      ? dnnl_eltwise_relu
                           : o->activation == cdnn_sigmoid ? dnnl_eltwise_logistic
                                                           : dnnl_eltwise_tanh;
#if DNNL_VERSION_MAJOR >= 3
    CDNN_TRY(dnnl_post_ops_append_eltwise(operations, kind, 0, 0));
#else
    CDNN_TRY(dnnl_post_ops_append_eltwise(operations, 1, kind, 0, 0));
#endif
  }
  if (!o->has_addend) return dnnl_success;
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_post_ops_append_binary(operations, dnnl_binary_add, *addend);
#else
  return dnnl_post_ops_append_binary(operations, dnnl_binary_add, addend);
#endif
}

static inline dnnl_status_t cdnn_matmul_attributes(dnnl_primitive_attr_t attributes, const cdnn_matmul_options *o,
                                                   cdnn_descriptor *addend) {
  CDNN_TRY(dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user));
  dnnl_post_ops_t operations;
  CDNN_TRY(dnnl_post_ops_create(&operations));
  dnnl_status_t status = cdnn_append(operations, o, addend);
  if (status == dnnl_success) status = dnnl_primitive_attr_set_post_ops(attributes, operations);
  dnnl_post_ops_destroy(operations);
  return status;
}

// Makes the primitive, and its scratchpad, from the descriptors of A, B, C, bias and addend.
static inline dnnl_status_t cdnn_matmul_prepare(cdnn_matmul *x, cdnn_descriptor d[5], const cdnn_matmul_options *o) {
  dnnl_primitive_attr_t attributes;
  CDNN_TRY(dnnl_primitive_attr_create(&attributes));
  dnnl_status_t status = cdnn_matmul_attributes(attributes, o, &d[4]);
  dnnl_primitive_desc_t description = NULL;
#if DNNL_VERSION_MAJOR >= 3
  if (status == dnnl_success)
    status = dnnl_matmul_primitive_desc_create(&description, x->engine, d[0], d[1], o->has_bias ? d[3] : NULL, d[2],
                                               attributes);
#else
  dnnl_matmul_desc_t operation;
  if (status == dnnl_success)
    status = dnnl_matmul_desc_init(&operation, &d[0], &d[1], o->has_bias ? &d[3] : NULL, &d[2]);
  if (status == dnnl_success)
    status = dnnl_primitive_desc_create(&description, &operation, attributes, x->engine, NULL);
#endif
  dnnl_primitive_attr_destroy(attributes);
  if (status != dnnl_success) return status;
  const char *name = NULL;
  dnnl_primitive_desc_query(description, dnnl_query_impl_info_str, 0, &name);
  if (name) strncpy(x->implementation, name, sizeof x->implementation - 1);
  status = dnnl_primitive_create(&x->primitive, description);
#if DNNL_VERSION_MAJOR >= 3
  const_dnnl_memory_desc_t scratch = dnnl_primitive_desc_query_md(description, dnnl_query_scratchpad_md, 0);
#else
  const dnnl_memory_desc_t *scratch = dnnl_primitive_desc_query_md(description, dnnl_query_scratchpad_md, 0);
#endif
  size_t bytes = scratch ? dnnl_memory_desc_get_size(scratch) : 0;
  if (status == dnnl_success && bytes > 0) {
    x->scratch = aligned_alloc(64, (bytes + 63) / 64 * 64);
    status = dnnl_memory_create(&x->scratchpad, scratch, x->engine, x->scratch);
  }
  dnnl_primitive_desc_destroy(description);
  return status;
}

static inline dnnl_status_t cdnn_matmul_describe(cdnn_descriptor d[5], const cdnn_matmul_options *o) {
  CDNN_TRY(cdnn_describe(&d[0], o->ab_type, o->m, o->k, o->a_row, o->a_inner));
  CDNN_TRY(cdnn_describe(&d[1], o->ab_type, o->k, o->n, o->b_inner, o->b_column));
  CDNN_TRY(cdnn_describe(&d[2], o->c_type, o->m, o->n, o->n, 1));
  CDNN_TRY(cdnn_describe(&d[3], cdnn_float32, 1, o->n, o->n, 1));
  return cdnn_describe(&d[4], o->addend_type, o->m, o->n, o->n, 1);
}

// Creates a product; destroy it also when this fails.
static inline dnnl_status_t cdnn_matmul_create(cdnn_matmul **result, const cdnn_matmul_options *o) {
  cdnn_matmul *x = (cdnn_matmul *)calloc(1, sizeof *x);
  *result = x;
  if (!x) return dnnl_out_of_memory;
  CDNN_TRY(dnnl_engine_create(&x->engine, dnnl_cpu, 0));
  CDNN_TRY(dnnl_stream_create(&x->stream, x->engine, dnnl_stream_default_flags));
  cdnn_descriptor d[5];
  memset(d, 0, sizeof d);
  dnnl_status_t status = cdnn_matmul_describe(d, o);
  if (status == dnnl_success) status = cdnn_matmul_prepare(x, d, o);
  if (status == dnnl_success) status = cdnn_memory(&x->a, &d[0], x->engine);
  if (status == dnnl_success) status = cdnn_memory(&x->b, &d[1], x->engine);
  if (status == dnnl_success) status = cdnn_memory(&x->c, &d[2], x->engine);
  if (status == dnnl_success && o->has_bias) status = cdnn_memory(&x->bias, &d[3], x->engine);
  if (status == dnnl_success && o->has_addend) status = cdnn_memory(&x->addend, &d[4], x->engine);
  for (int i = 0; i < 5; i++) cdnn_forget(&d[i]);
  return status;
}

// Runs it; `bias` and `addend` are read where the product has them.
static inline dnnl_status_t cdnn_matmul_run(cdnn_matmul *x, const void *a, const void *b, const float *bias,
                                            const void *addend, void *c) {
  CDNN_TRY(dnnl_memory_set_data_handle(x->a, (void *)a));
  CDNN_TRY(dnnl_memory_set_data_handle(x->b, (void *)b));
  CDNN_TRY(dnnl_memory_set_data_handle(x->c, c));
  if (x->bias) CDNN_TRY(dnnl_memory_set_data_handle(x->bias, (void *)bias));
  if (x->addend) CDNN_TRY(dnnl_memory_set_data_handle(x->addend, (void *)addend));
  dnnl_exec_arg_t arguments[6] = {{DNNL_ARG_SRC, x->a}, {DNNL_ARG_WEIGHTS, x->b}, {DNNL_ARG_DST, x->c}};
  int count = 3;
  if (x->bias) arguments[count++] = (dnnl_exec_arg_t){DNNL_ARG_BIAS, x->bias};
  // A sum is the first thing after the product: it never stands beside an activation.
  if (x->addend)
    arguments[count++] = (dnnl_exec_arg_t){DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1, x->addend};
  if (x->scratchpad) arguments[count++] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, x->scratchpad};
  CDNN_TRY(dnnl_primitive_execute(x->primitive, x->stream, count, arguments));
  return dnnl_stream_wait(x->stream);
}

#include "convolution.h"
