// The PNG half of shim.h, which includes this file.
#pragma once
#include <png.h>

typedef struct cimages_png {
  png_structp state;
  png_infop info;
  const uint8_t *bytes;
  size_t count, position;
  char *message;
} cimages_png;

static inline void cimages_png_exit(png_structp state, png_const_charp text) {
  cimages_png *png = (cimages_png *)png_get_error_ptr(state);
  cimages_fail(png->message, text);
  png_longjmp(state, 1);
}

// What libpng only warns about (an odd colour profile, a text with a wrong checksum) harms no pixel.
static inline void cimages_png_warn(png_structp state, png_const_charp text) {
  (void)state;
  (void)text;
}

static inline void cimages_png_read(png_structp state, png_bytep into, size_t count) {
  cimages_png *png = (cimages_png *)png_get_io_ptr(state);
  if (count > png->count - png->position) png_error(state, "the file ends early");
  memcpy(into, png->bytes + png->position, count);
  png->position += count;
}

static inline int cimages_png_open(cimages_png *png, const uint8_t *bytes, size_t count, char *message) {
  *png = (cimages_png){.bytes = bytes, .count = count, .message = message};
  png->state = png_create_read_struct(PNG_LIBPNG_VER_STRING, png, cimages_png_exit, cimages_png_warn);
  if (!png->state) return cimages_fail(message, "libpng does not start");
  png->info = png_create_info_struct(png->state);
  if (!png->info) return cimages_fail(message, "libpng has no memory");
  png_set_read_fn(png->state, png, cimages_png_read);
  return 0;
}

static inline void cimages_png_close(cimages_png *png) {
  if (png->state) png_destroy_read_struct(&png->state, &png->info, NULL);
}

// Width and height from the header; no memory for pixels is taken.
static inline int cimages_png_size(const uint8_t *bytes, size_t count, int64_t *width, int64_t *height,
                                   char *message) {
  cimages_png png;
  int status = cimages_png_open(&png, bytes, count, message);
  if (status == 0) {
    if (setjmp(png_jmpbuf(png.state))) {
      status = 1;
    } else {
      png_read_info(png.state, png.info);
      *width = png_get_image_width(png.state, png.info);
      *height = png_get_image_height(png.state, png.info);
    }
  }
  cimages_png_close(&png);
  return status;
}

// Any kind of PNG becomes RGB of 8 bits: palettes and bits are expanded, 16 bits scaled, grey copied to three channels,
// alpha left out (as Pillow's convert("RGB") does). Files' gamma is not applied.
static inline void cimages_png_request_rgb(cimages_png *png) {
  png_set_expand(png->state);
  png_set_scale_16(png->state);
  png_set_strip_alpha(png->state);
  png_set_gray_to_rgb(png->state);
}

// Pixels [height, width, 3] of the size that the header said.
static inline int cimages_png_decode(const uint8_t *bytes, size_t count, int64_t width, int64_t height, uint8_t *rgb,
                                     char *message) {
  cimages_png png;
  volatile int status = cimages_png_open(&png, bytes, count, message);
  if (status == 0) {
    if (setjmp(png_jmpbuf(png.state))) {
      status = 1;
    } else {
      png_read_info(png.state, png.info);
      cimages_png_request_rgb(&png);
      int passes = png_set_interlace_handling(png.state);
      png_read_update_info(png.state, png.info);
      if ((int64_t)png_get_image_width(png.state, png.info) != width ||
          (int64_t)png_get_image_height(png.state, png.info) != height ||
          (int64_t)png_get_rowbytes(png.state, png.info) != 3 * width)
        png_error(png.state, "its size changed while it was read");
      for (int pass = 0; pass < passes; pass++)
        for (int64_t y = 0; y < height; y++) png_read_row(png.state, rgb + 3 * width * y, NULL);
      png_read_end(png.state, NULL);
    }
  }
  cimages_png_close(&png);
  return status;
}
