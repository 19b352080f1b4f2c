// The JPEG half of shim.h, which includes this file.
#pragma once
#include <jpeglib.h>
#include <jerror.h>
#include <setjmp.h>

typedef struct cimages_jpeg_error {
  struct jpeg_error_mgr base;  // first, so that libjpeg's pointer to it is a pointer to the whole
  jmp_buf escape;
  char message[JMSG_LENGTH_MAX];
} cimages_jpeg_error;

static inline void cimages_jpeg_exit(j_common_ptr state) {
  cimages_jpeg_error *error = (cimages_jpeg_error *)state->err;
  error->base.format_message(state, error->message);
  longjmp(error->escape, 1);
}

// libjpeg only warns where data are missing or damaged, and invents the rest: such a file is refused. Bytes too many and
// headers of another version harm no pixel.
static inline void cimages_jpeg_emit(j_common_ptr state, int level) {
  int code = state->err->msg_code;
  if (level >= 0 || code == JWRN_EXTRANEOUS_DATA || code == JWRN_JFIF_MAJOR || code == JWRN_ADOBE_XFORM) return;
  cimages_jpeg_exit(state);
}

static inline void cimages_jpeg_prepare(struct jpeg_decompress_struct *state, cimages_jpeg_error *error) {
  memset(state, 0, sizeof *state);
  memset(error, 0, sizeof *error);
  state->err = jpeg_std_error(&error->base);
  error->base.error_exit = cimages_jpeg_exit;
  error->base.emit_message = cimages_jpeg_emit;
}

static inline void cimages_jpeg_begin(struct jpeg_decompress_struct *state, const uint8_t *bytes, size_t count) {
  jpeg_create_decompress(state);
  jpeg_mem_src(state, bytes, (unsigned long)count);
  jpeg_read_header(state, TRUE);
}

// Width and height from the header; no memory for pixels is taken.
static inline int cimages_jpeg_size(const uint8_t *bytes, size_t count, int64_t *width, int64_t *height,
                                    char *message) {
  struct jpeg_decompress_struct state;
  cimages_jpeg_error error;
  cimages_jpeg_prepare(&state, &error);
  if (setjmp(error.escape)) {
    jpeg_destroy_decompress(&state);
    return cimages_fail(message, error.message);
  }
  cimages_jpeg_begin(&state, bytes, count);
  *width = state.image_width;
  *height = state.image_height;
  jpeg_destroy_decompress(&state);
  return 0;
}

// A row of CMYK to RGB in place: three bytes take the room of four. Adobe's files hold
// the inks inverted, as light.
static inline void cimages_cmyk_row(uint8_t *row, int64_t width, int is_inverted) {
  for (int64_t i = 0; i < width; i++) {
    uint8_t ink[4];
    for (int c = 0; c < 4; c++) ink[c] = is_inverted ? row[4 * i + c] : (uint8_t)(255 - row[4 * i + c]);
    for (int c = 0; c < 3; c++) row[3 * i + c] = (uint8_t)((ink[c] * ink[3] + 127) / 255);
  }
}

// Pixels [height, width, 3] of the size that the header said. `row` has room for 4 * width bytes.
static inline int cimages_jpeg_decode(const uint8_t *bytes, size_t count, int64_t width, int64_t height, uint8_t *rgb,
                                      uint8_t *row, char *message) {
  struct jpeg_decompress_struct state;
  cimages_jpeg_error error;
  cimages_jpeg_prepare(&state, &error);
  if (setjmp(error.escape)) {
    jpeg_destroy_decompress(&state);
    return cimages_fail(message, error.message);
  }
  cimages_jpeg_begin(&state, bytes, count);
  int is_cmyk = state.jpeg_color_space == JCS_CMYK || state.jpeg_color_space == JCS_YCCK;
  state.out_color_space = is_cmyk ? JCS_CMYK : JCS_RGB;
  jpeg_start_decompress(&state);
  if (state.output_width != width || state.output_height != height) {
    jpeg_destroy_decompress(&state);
    return cimages_fail(message, "its size changed while it was read");
  }
  while (state.output_scanline < state.output_height) {
    uint8_t *line = rgb + (size_t)state.output_scanline * (size_t)width * 3;
    JSAMPROW rows[1] = {is_cmyk ? row : line};
    jpeg_read_scanlines(&state, rows, 1);
    if (is_cmyk) {
      cimages_cmyk_row(row, width, state.saw_Adobe_marker);
      memcpy(line, row, (size_t)width * 3);
    }
  }
  jpeg_finish_decompress(&state);
  jpeg_destroy_decompress(&state);
  return 0;
}
