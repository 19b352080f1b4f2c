// Dropout by counter-based random words: Philox 4×32-10 (Salmon et al. 2011), as Graphs.RandomStream, sixteen blocks
// of four words at a time.
#define LK_BLOCKS 16

LK_INLINE void lk_philox(uint32_t c[4][LK_BLOCKS], uint32_t key0, uint32_t key1) {
  for (int round = 0; round < 10; round++) {
    for (int l = 0; l < LK_BLOCKS; l++) {
      uint64_t first = (uint64_t)c[0][l] * 0xD2511F53u, second = (uint64_t)c[2][l] * 0xCD9E8D57u;
      uint32_t c1 = c[1][l], c3 = c[3][l];
      c[0][l] = (uint32_t)(second >> 32) ^ c1 ^ key0;
      c[1][l] = (uint32_t)second;
      c[2][l] = (uint32_t)(first >> 32) ^ c3 ^ key1;
      c[3][l] = (uint32_t)first;
    }
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
}

LK_INLINE void lk_dropout_as(const lk_dropout_arguments *key, const void *x, const lk_type xt, void *y,
                             const lk_type yt, ptrdiff_t samples, ptrdiff_t width) {
  uint32_t key0 = (uint32_t)key->seed ^ key->ordinal * 0x9E3779B9u, key1 = (uint32_t)(key->seed >> 32) ^ key->ordinal;
  for (ptrdiff_t sample = 0; sample < samples; sample++) {
    for (ptrdiff_t start = 0; start < width; start += 4 * LK_BLOCKS) {
      uint32_t words[4][LK_BLOCKS];
      for (int l = 0; l < LK_BLOCKS; l++) {
        uint64_t block = (uint64_t)(start / 4 + l);
        words[0][l] = (uint32_t)block;
        words[1][l] = (uint32_t)(block >> 32);
        words[2][l] = key->first_sample + (uint32_t)sample;
        words[3][l] = key->step;
      }
      lk_philox(words, key0, key1);
      ptrdiff_t here = width - start < 4 * LK_BLOCKS ? width - start : 4 * LK_BLOCKS;
      ptrdiff_t at = sample * width + start;
      for (ptrdiff_t i = 0; i < here; i++)
        lk_set_number(y, at + i, words[i % 4][i / 4] >= key->threshold ? lk_number(x, at + i, xt) * key->scale : 0.0f,
                      yt);
    }
  }
}

void LK_CLONE(dropout)(const lk_dropout_arguments *key, const void *x, lk_type xt, void *y, lk_type yt,
                       ptrdiff_t samples, ptrdiff_t width) {
  if (xt == LK_FLOAT32 && yt == LK_FLOAT32) lk_dropout_as(key, x, LK_FLOAT32, y, LK_FLOAT32, samples, width);
  else lk_dropout_as(key, x, xt, y, yt, samples, width);
}
