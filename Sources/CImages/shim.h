// JPEG and PNG, decoded to 8-bit RGB by libjpeg-turbo and libpng behind prefixed inline functions. Both libraries report
// errors by longjmp, which must never cross Swift code: every jump starts and ends inside one function here.
// Functions return 0, or 1 with a message.
#pragma once
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { cimages_message_bytes = 256 };

static inline int cimages_fail(char *message, const char *text) {
  snprintf(message, cimages_message_bytes, "%s", text);
  return 1;
}

#include "jpeg_rgb.h"
#include "png_rgb.h"
