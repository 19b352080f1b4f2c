// Kernels for elementwise chains.

LK_INLINE void lk_cast_as(const void *x, lk_type x_type, void *y, lk_type y_type, ptrdiff_t count) {
  ptrdiff_t i = 0;
  for (; i + LK_LANES <= count; i += LK_LANES) lk_write(y, i, lk_read(x, i, x_type), y_type);
  if (i < count) lk_write_some(y, i, lk_read_some(x, i, count - i, x_type), count - i, y_type);
}

void LK_CLONE(cast)(const void *x, lk_type x_type, void *y, lk_type y_type, ptrdiff_t count) {
  if (x_type == LK_FLOAT32 && y_type == LK_BFLOAT16) lk_cast_as(x, LK_FLOAT32, y, LK_BFLOAT16, count);
  else if (x_type == LK_BFLOAT16 && y_type == LK_FLOAT32) lk_cast_as(x, LK_BFLOAT16, y, LK_FLOAT32, count);
  else memcpy(y, x, (size_t)count * (x_type == LK_BFLOAT16 ? sizeof(uint16_t) : sizeof(float)));
}
