// Convolutions and reorders of oneDNN behind the same kind of inline functions as the products in shim.h, which
// includes this file.
#pragma once

// What a descriptor parameter is called with: 2.x takes addresses, 3.x the handles themselves.
#if DNNL_VERSION_MAJOR >= 3
#define CDNN_AT(d) (d)
typedef const_dnnl_memory_desc_t cdnn_borrowed;
#else
#define CDNN_AT(d) (&(d))
typedef const dnnl_memory_desc_t *cdnn_borrowed;
#endif

enum { cdnn_convolution_forward = 0, cdnn_convolution_backward_data = 1, cdnn_convolution_backward_weights = 2 };

// How the channels of an image lie: plain (nchw), side by side in blocks of 8 or 16 (nChw8c, nChw16c), as oneDNN
// likes (to ask), or in a way that Lockstep does not use (an answer).
enum { cdnn_plain = 0, cdnn_block8 = 8, cdnn_block16 = 16, cdnn_any = -1, cdnn_other = -2 };

// A convolution of images [samples, channels, image] to [samples, outputs, windows] with plain weights
// [outputs, channels / groups, kernel]. A dilation of 1 is dense.
typedef struct cdnn_convolution_shape {
  int kind, has_bias;
  int images_are_half, weights_are_half;  // bfloat16; gradients of weights and biases are always float32
  int image_block, windows_block;         // how both images lie
  int uses_winograd;                      // the algorithm, where oneDNN has it; else direct
  int64_t samples, channels, outputs, groups;
  int64_t image_height, image_width, kernel_height, kernel_width, windows_height, windows_width;
  int64_t stride_height, stride_width, padding_height, padding_width, dilation_height, dilation_width;
} cdnn_convolution_shape;

typedef struct cdnn_convolution {
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  dnnl_primitive_desc_t description;
  dnnl_primitive_t primitive, reorder;
  dnnl_memory_t image, weights, windows, bias, scratchpad;
  dnnl_memory_t given;             // the weights as given, where the primitive wants them otherwise
  size_t weights_bytes;            // of workspace, for the weights as the primitive wants them; 0: as given
  size_t scratch_bytes;            // of workspace behind the weights
  int kind, image_block, windows_block;  // how the images lie, as oneDNN chose where asked
  char implementation[64];
} cdnn_convolution;

static inline void cdnn_convolution_destroy(cdnn_convolution *x) {
  if (!x) return;
  if (x->primitive) dnnl_primitive_destroy(x->primitive);
  if (x->reorder) dnnl_primitive_destroy(x->reorder);
  if (x->description) dnnl_primitive_desc_destroy(x->description);
  dnnl_memory_t memories[] = {x->image, x->weights, x->windows, x->bias, x->scratchpad, x->given};
  for (int i = 0; i < 6; i++)
    if (memories[i]) dnnl_memory_destroy(memories[i]);
  if (x->stream) dnnl_stream_destroy(x->stream);
  if (x->engine) dnnl_engine_destroy(x->engine);
  free(x);
}

static inline size_t cdnn_convolution_workspace(const cdnn_convolution *x) {
  return (x->weights_bytes + 63) / 64 * 64 + x->scratch_bytes;
}

static inline dnnl_status_t cdnn_describe_tag(cdnn_descriptor *d, int rank, const int64_t *extents,
                                              dnnl_data_type_t type, dnnl_format_tag_t tag) {
  dnnl_dims_t dims;
  for (int i = 0; i < rank; i++) dims[i] = extents[i];
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_memory_desc_create_with_tag(d, rank, dims, type, tag);
#else
  return dnnl_memory_desc_init_by_tag(d, rank, dims, type, tag);
#endif
}

static inline dnnl_format_tag_t cdnn_image_tag(int block) {
  return block == cdnn_plain ? dnnl_nchw : block == cdnn_block8 ? dnnl_nChw8c : block == cdnn_block16 ? dnnl_nChw16c
                                                                                                : dnnl_format_tag_any;
}

// Which of the layouts above a descriptor that oneDNN chose is.
static inline int cdnn_image_block(cdnn_borrowed chosen, const int64_t extents[4], dnnl_data_type_t type) {
  const int blocks[] = {cdnn_plain, cdnn_block16, cdnn_block8};
  int result = cdnn_other;
  for (int i = 0; i < 3 && result == cdnn_other; i++) {
    cdnn_descriptor candidate;
    if (cdnn_describe_tag(&candidate, 4, extents, type, cdnn_image_tag(blocks[i])) != dnnl_success) continue;
    if (dnnl_memory_desc_equal(chosen, CDNN_AT(candidate))) result = blocks[i];
    cdnn_forget(&candidate);
  }
  return result;
}

static inline dnnl_alg_kind_t cdnn_convolution_algorithm(const cdnn_convolution_shape *s) {
  return s->uses_winograd ? dnnl_convolution_winograd : dnnl_convolution_direct;
}

// The descriptors of a convolution: image, weights as the primitive may choose them, windows, bias, weights as given.
typedef struct cdnn_convolution_descriptors {
  cdnn_descriptor image, weights, windows, bias, given;
} cdnn_convolution_descriptors;

static inline dnnl_status_t cdnn_convolution_describe(cdnn_convolution_descriptors *d,
                                                      const cdnn_convolution_shape *s) {
  memset(d, 0, sizeof *d);
  dnnl_data_type_t images = s->images_are_half ? dnnl_bf16 : dnnl_f32;
  int is_gradient = s->kind == cdnn_convolution_backward_weights;
  dnnl_data_type_t computed = is_gradient ? dnnl_f32 : images;
  dnnl_data_type_t given = s->weights_are_half && !is_gradient ? dnnl_bf16 : dnnl_f32;
  int64_t image[] = {s->samples, s->channels, s->image_height, s->image_width};
  int64_t windows[] = {s->samples, s->outputs, s->windows_height, s->windows_width};
  int64_t grouped[] = {s->groups, s->outputs / s->groups, s->channels / s->groups, s->kernel_height, s->kernel_width};
  int is_grouped = s->groups > 1, rank = is_grouped ? 5 : 4;
  const int64_t *weights = is_grouped ? grouped : grouped + 1;
  CDNN_TRY(cdnn_describe_tag(&d->image, 4, image, images, cdnn_image_tag(s->image_block)));
  CDNN_TRY(cdnn_describe_tag(&d->windows, 4, windows, images, cdnn_image_tag(s->windows_block)));
  CDNN_TRY(cdnn_describe_tag(&d->weights, rank, weights, computed, dnnl_format_tag_any));
  CDNN_TRY(cdnn_describe_tag(&d->given, rank, weights, given, is_grouped ? dnnl_goihw : dnnl_oihw));
  return cdnn_describe_tag(&d->bias, 1, &s->outputs, dnnl_f32, dnnl_x);
}

static inline void cdnn_convolution_forget(cdnn_convolution_descriptors *d) {
  cdnn_forget(&d->image);
  cdnn_forget(&d->weights);
  cdnn_forget(&d->windows);
  cdnn_forget(&d->bias);
  cdnn_forget(&d->given);
}

#if DNNL_VERSION_MAJOR >= 3
static inline dnnl_status_t cdnn_convolution_query_kind(dnnl_primitive_desc_t *result, dnnl_engine_t engine, int kind,
                                                        const cdnn_convolution_shape *s,
                                                        cdnn_convolution_descriptors *d, dnnl_primitive_desc_t hint,
                                                        dnnl_primitive_attr_t attributes) {
  dnnl_dims_t strides = {s->stride_height, s->stride_width};
  dnnl_dims_t dilations = {s->dilation_height - 1, s->dilation_width - 1};
  dnnl_dims_t padding = {s->padding_height, s->padding_width};
  dnnl_memory_desc_t bias = s->has_bias ? d->bias : NULL;
  dnnl_alg_kind_t algorithm = cdnn_convolution_algorithm(s);
  switch (kind) {
    case cdnn_convolution_forward:
      return dnnl_convolution_forward_primitive_desc_create(result, engine, dnnl_forward_training,
                                                            algorithm, d->image, d->weights, bias,
                                                            d->windows, strides, dilations, padding, padding,
                                                            attributes);
    case cdnn_convolution_backward_data:
      return dnnl_convolution_backward_data_primitive_desc_create(result, engine, algorithm, d->image,
                                                                  d->weights, d->windows, strides, dilations,
                                                                  padding, padding, hint, attributes);
    default:
      return dnnl_convolution_backward_weights_primitive_desc_create(result, engine, algorithm,
                                                                     d->image, d->weights, bias, d->windows, strides,
                                                                     dilations, padding, padding, hint, attributes);
  }
}

// A backward primitive wants the description of its forward one.
static inline dnnl_status_t cdnn_convolution_query(dnnl_primitive_desc_t *result, dnnl_engine_t engine,
                                                   const cdnn_convolution_shape *s, cdnn_convolution_descriptors *d,
                                                   dnnl_primitive_attr_t attributes) {
  dnnl_primitive_desc_t hint = NULL;
  if (s->kind != cdnn_convolution_forward) {
    cdnn_convolution_shape forward = *s;
    forward.kind = cdnn_convolution_forward;
    cdnn_convolution_descriptors descriptors;
    dnnl_status_t status = cdnn_convolution_describe(&descriptors, &forward);
    if (status == dnnl_success)
      status = cdnn_convolution_query_kind(&hint, engine, forward.kind, &forward, &descriptors, NULL, NULL);
    cdnn_convolution_forget(&descriptors);
    CDNN_TRY(status);
  }
  dnnl_status_t status = cdnn_convolution_query_kind(result, engine, s->kind, s, d, hint, attributes);
  if (hint) dnnl_primitive_desc_destroy(hint);
  return status;
}
#else
static inline dnnl_status_t cdnn_convolution_query(dnnl_primitive_desc_t *result, dnnl_engine_t engine,
                                                   const cdnn_convolution_shape *s, cdnn_convolution_descriptors *d,
                                                   dnnl_primitive_attr_t attributes) {
  dnnl_dims_t strides = {s->stride_height, s->stride_width};
  dnnl_dims_t dilations = {s->dilation_height - 1, s->dilation_width - 1};
  dnnl_dims_t padding = {s->padding_height, s->padding_width};
  const dnnl_memory_desc_t *bias = s->has_bias ? &d->bias : NULL;
  dnnl_alg_kind_t algorithm = cdnn_convolution_algorithm(s);
  dnnl_convolution_desc_t operation;
  switch (s->kind) {
    case cdnn_convolution_forward:
      CDNN_TRY(dnnl_dilated_convolution_forward_desc_init(&operation, dnnl_forward_training, algorithm,
                                                          &d->image, &d->weights, bias, &d->windows, strides,
                                                          dilations, padding, padding));
      break;
    case cdnn_convolution_backward_data:
      CDNN_TRY(dnnl_dilated_convolution_backward_data_desc_init(&operation, algorithm, &d->image,
                                                                &d->weights, &d->windows, strides, dilations,
                                                                padding, padding));
      break;
    default:
      CDNN_TRY(dnnl_dilated_convolution_backward_weights_desc_init(&operation, algorithm, &d->image,
                                                                   &d->weights, bias, &d->windows, strides,
                                                                   dilations, padding, padding));
  }
  return dnnl_primitive_desc_create(result, &operation, attributes, engine, NULL);
}
#endif

static inline size_t cdnn_scratchpad_bytes(const_dnnl_primitive_desc_t description) {
  cdnn_borrowed scratch = dnnl_primitive_desc_query_md(description, dnnl_query_scratchpad_md, 0);
  return scratch ? dnnl_memory_desc_get_size(scratch) : 0;
}

// What oneDNN chose: its implementation, the layouts of the images and the workspace.
static inline void cdnn_convolution_inspect(cdnn_convolution *x, const cdnn_convolution_shape *s,
                                            cdnn_convolution_descriptors *d) {
  const char *name = NULL;
  dnnl_primitive_desc_query(x->description, dnnl_query_impl_info_str, 0, &name);
  if (name) strncpy(x->implementation, name, sizeof x->implementation - 1);
  dnnl_data_type_t images = s->images_are_half ? dnnl_bf16 : dnnl_f32;
  int64_t image[] = {s->samples, s->channels, s->image_height, s->image_width};
  int64_t windows[] = {s->samples, s->outputs, s->windows_height, s->windows_width};
  dnnl_query_t image_query = s->kind == cdnn_convolution_backward_data ? dnnl_query_diff_src_md : dnnl_query_src_md;
  dnnl_query_t windows_query = s->kind == cdnn_convolution_forward ? dnnl_query_dst_md : dnnl_query_diff_dst_md;
  x->image_block = cdnn_image_block(dnnl_primitive_desc_query_md(x->description, image_query, 0), image, images);
  x->windows_block =
      cdnn_image_block(dnnl_primitive_desc_query_md(x->description, windows_query, 0), windows, images);
  dnnl_query_t weights_query =
      s->kind == cdnn_convolution_backward_weights ? dnnl_query_diff_weights_md : dnnl_query_weights_md;
  cdnn_borrowed weights = dnnl_primitive_desc_query_md(x->description, weights_query, 0);
  x->weights_bytes = dnnl_memory_desc_equal(weights, CDNN_AT(d->given)) ? 0 : dnnl_memory_desc_get_size(weights);
  x->scratch_bytes = cdnn_scratchpad_bytes(x->description);
}

// The primitives of what was chosen, and memories whose handles are set at each run.
static inline dnnl_status_t cdnn_convolution_prepare(cdnn_convolution *x, const cdnn_convolution_shape *s,
                                                     cdnn_convolution_descriptors *d) {
  dnnl_query_t query =
      s->kind == cdnn_convolution_backward_weights ? dnnl_query_diff_weights_md : dnnl_query_weights_md;
  cdnn_borrowed weights = dnnl_primitive_desc_query_md(x->description, query, 0);
  cdnn_borrowed scratch = dnnl_primitive_desc_query_md(x->description, dnnl_query_scratchpad_md, 0);
  CDNN_TRY(dnnl_stream_create(&x->stream, x->engine, dnnl_stream_default_flags));
  CDNN_TRY(dnnl_primitive_create(&x->primitive, x->description));
  CDNN_TRY(cdnn_memory(&x->image, &d->image, x->engine));
  CDNN_TRY(cdnn_memory(&x->windows, &d->windows, x->engine));
  CDNN_TRY(dnnl_memory_create(&x->weights, weights, x->engine, DNNL_MEMORY_NONE));
  if (s->has_bias) CDNN_TRY(cdnn_memory(&x->bias, &d->bias, x->engine));
  if (x->scratch_bytes > 0) CDNN_TRY(dnnl_memory_create(&x->scratchpad, scratch, x->engine, DNNL_MEMORY_NONE));
  if (x->weights_bytes == 0) return dnnl_success;
  CDNN_TRY(cdnn_memory(&x->given, &d->given, x->engine));
  int is_gradient = s->kind == cdnn_convolution_backward_weights;
  cdnn_borrowed from = is_gradient ? weights : CDNN_AT(d->given), to = is_gradient ? CDNN_AT(d->given) : weights;
  dnnl_primitive_desc_t reorder;
  CDNN_TRY(dnnl_reorder_primitive_desc_create(&reorder, from, x->engine, to, x->engine, NULL));
  dnnl_status_t status = dnnl_primitive_create(&x->reorder, reorder);
  dnnl_primitive_desc_destroy(reorder);
  return status;
}

// Asks oneDNN for a convolution; with `is_question` it only tells implementation, layouts and workspace.
static inline dnnl_status_t cdnn_convolution_create(cdnn_convolution **result, const cdnn_convolution_shape *s,
                                                    int is_question) {
  cdnn_convolution *x = (cdnn_convolution *)calloc(1, sizeof *x);
  *result = x;
  if (!x) return dnnl_out_of_memory;
  x->kind = s->kind;
  CDNN_TRY(dnnl_engine_create(&x->engine, dnnl_cpu, 0));
  dnnl_primitive_attr_t attributes;
  CDNN_TRY(dnnl_primitive_attr_create(&attributes));
  cdnn_convolution_descriptors d;
  dnnl_status_t status = dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
  if (status == dnnl_success) status = cdnn_convolution_describe(&d, s);
  if (status == dnnl_success) status = cdnn_convolution_query(&x->description, x->engine, s, &d, attributes);
  if (status == dnnl_success) cdnn_convolution_inspect(x, s, &d);
  if (status == dnnl_success && !is_question) status = cdnn_convolution_prepare(x, s, &d);
  cdnn_convolution_forget(&d);
  dnnl_primitive_attr_destroy(attributes);
  return status;
}

static inline dnnl_status_t cdnn_reorder_execute(dnnl_primitive_t reorder, dnnl_stream_t stream, dnnl_memory_t from,
                                                 dnnl_memory_t to) {
  dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
  return dnnl_primitive_execute(reorder, stream, 2, arguments);
}

// Runs a convolution: forward reads image, weights and bias and writes windows; backward-data reads windows and weights
// and writes image; backward-weights reads image and windows and writes weights and bias.
static inline dnnl_status_t cdnn_convolution_run(cdnn_convolution *x, const void *image, const void *weights,
                                                 const void *bias, const void *windows, void *workspace) {
  void *computed = x->weights_bytes ? workspace : (void *)weights;
  CDNN_TRY(dnnl_memory_set_data_handle(x->image, (void *)image));
  CDNN_TRY(dnnl_memory_set_data_handle(x->windows, (void *)windows));
  CDNN_TRY(dnnl_memory_set_data_handle(x->weights, computed));
  if (x->given) CDNN_TRY(dnnl_memory_set_data_handle(x->given, (void *)weights));
  if (x->bias) CDNN_TRY(dnnl_memory_set_data_handle(x->bias, (void *)bias));
  if (x->scratchpad)
    CDNN_TRY(dnnl_memory_set_data_handle(x->scratchpad, (char *)workspace + (x->weights_bytes + 63) / 64 * 64));
  int is_forward = x->kind == cdnn_convolution_forward, is_data = x->kind == cdnn_convolution_backward_data;
  if (x->reorder && (is_forward || is_data)) CDNN_TRY(cdnn_reorder_execute(x->reorder, x->stream, x->given, x->weights));
  dnnl_exec_arg_t arguments[5] = {
      {is_data ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC, x->image},
      {is_forward || is_data ? DNNL_ARG_WEIGHTS : DNNL_ARG_DIFF_WEIGHTS, x->weights},
      {is_forward ? DNNL_ARG_DST : DNNL_ARG_DIFF_DST, x->windows}};
  int count = 3;
  if (x->bias) arguments[count++] = (dnnl_exec_arg_t){is_forward ? DNNL_ARG_BIAS : DNNL_ARG_DIFF_BIAS, x->bias};
  if (x->scratchpad) arguments[count++] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, x->scratchpad};
  CDNN_TRY(dnnl_primitive_execute(x->primitive, x->stream, count, arguments));
  if (x->reorder && !is_forward && !is_data)
    CDNN_TRY(cdnn_reorder_execute(x->reorder, x->stream, x->weights, x->given));
  return dnnl_stream_wait(x->stream);
}

// Images from one layout to another.
typedef struct cdnn_reorder {
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  dnnl_primitive_t primitive;
  dnnl_memory_t from, to;
} cdnn_reorder;

static inline void cdnn_reorder_destroy(cdnn_reorder *x) {
  if (!x) return;
  if (x->primitive) dnnl_primitive_destroy(x->primitive);
  if (x->from) dnnl_memory_destroy(x->from);
  if (x->to) dnnl_memory_destroy(x->to);
  if (x->stream) dnnl_stream_destroy(x->stream);
  if (x->engine) dnnl_engine_destroy(x->engine);
  free(x);
}

static inline dnnl_status_t cdnn_reorder_create(cdnn_reorder **result, int64_t samples, int64_t channels,
                                                int64_t height, int64_t width, int from_block, int to_block,
                                                int is_half) {
  cdnn_reorder *x = (cdnn_reorder *)calloc(1, sizeof *x);
  *result = x;
  if (!x) return dnnl_out_of_memory;
  CDNN_TRY(dnnl_engine_create(&x->engine, dnnl_cpu, 0));
  CDNN_TRY(dnnl_stream_create(&x->stream, x->engine, dnnl_stream_default_flags));
  int64_t extents[] = {samples, channels, height, width};
  dnnl_data_type_t type = is_half ? dnnl_bf16 : dnnl_f32;
  cdnn_descriptor from, to;
  CDNN_TRY(cdnn_describe_tag(&from, 4, extents, type, cdnn_image_tag(from_block)));
  dnnl_status_t status = cdnn_describe_tag(&to, 4, extents, type, cdnn_image_tag(to_block));
  dnnl_primitive_desc_t description = NULL;
  if (status == dnnl_success)
    status = dnnl_reorder_primitive_desc_create(&description, CDNN_AT(from), x->engine, CDNN_AT(to), x->engine, NULL);
  if (status == dnnl_success) status = dnnl_primitive_create(&x->primitive, description);
  if (status == dnnl_success) status = cdnn_memory(&x->from, &from, x->engine);
  if (status == dnnl_success) status = cdnn_memory(&x->to, &to, x->engine);
  if (description) dnnl_primitive_desc_destroy(description);
  cdnn_forget(&from);
  cdnn_forget(&to);
  return status;
}

static inline dnnl_status_t cdnn_reorder_run(cdnn_reorder *x, const void *from, void *to) {
  CDNN_TRY(dnnl_memory_set_data_handle(x->from, (void *)from));
  CDNN_TRY(dnnl_memory_set_data_handle(x->to, to));
  CDNN_TRY(cdnn_reorder_execute(x->primitive, x->stream, x->from, x->to));
  return dnnl_stream_wait(x->stream);
}
