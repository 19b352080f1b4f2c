// Rows of a table: gathered, averaged, scattered. Widths are cut into strips of up to four vectors that stay in
// registers over all tokens of a sample; a strip's last vector may overlap the one before it, which costs no branch and
// changes nothing, as all loads of a strip come before its stores.

LK_INLINE ptrdiff_t lk_row(int32_t id, ptrdiff_t rows) { return (uint32_t)id < (uint64_t)rows ? id : 0; }

void LK_CLONE(embedding)(const void *table, lk_type tt, ptrdiff_t rows, ptrdiff_t width, const int32_t *ids,
                         ptrdiff_t count, void *y, lk_type yt) {
  for (ptrdiff_t i = 0; i < count; i++) {
    const void *from = lk_element(table, lk_row(ids[i], rows) * width, tt);
    void *to = (void *)lk_element(y, i * width, yt);
    if (tt == yt) memcpy(to, from, (size_t)width * (tt == LK_BFLOAT16 ? 2 : 4));
    else LK_MAP_AS(to, yt, width, LK_AT_AS(from, tt));
  }
}

void LK_CLONE(embedding_gradient)(const int32_t *ids, ptrdiff_t count, const float *dy, ptrdiff_t rows,
                                  ptrdiff_t width, float *table) {
  memset(table, 0, (size_t)(rows * width) * sizeof(float));
  for (ptrdiff_t token = 0; token < count; token++, dy += width) {
    float *to = table + lk_row(ids[token], rows) * width;
    LK_MAP(to, width, LK_AT(to) + LK_AT(dy));
  }
}

LK_INLINE ptrdiff_t lk_count_tokens(const int32_t *ids, ptrdiff_t tokens, int64_t padding) {
  ptrdiff_t counted = 0;
  for (ptrdiff_t token = 0; token < tokens; token++) counted += ids[token] != padding;
  return counted;
}

// Where vector `j` of a strip of `columns` floats starts.
#define LK_STRIP_AT(j) ((j + 1) * LK_LANES <= columns ? j * LK_LANES : columns - LK_LANES)

// Sums a strip of columns of the counted tokens' rows; `vectors` is constant where this is inlined.
LK_INLINE void lk_strip_sum(const float *table, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t columns, const int32_t *ids,
                            ptrdiff_t tokens, int64_t padding, float factor, float *y, const int vectors) {
  lk_vector sums[4];
#pragma clang loop unroll(full)
  for (int j = 0; j < vectors; j++) sums[j] = lk_splat(0);
  for (ptrdiff_t token = 0; token < tokens; token++) {
    if (ids[token] == padding) continue;
    const float *from = table + lk_row(ids[token], rows) * width;
#pragma clang loop unroll(full)
    for (int j = 0; j < vectors; j++) sums[j] += lk_load(from + LK_STRIP_AT(j));
  }
#pragma clang loop unroll(full)
  for (int j = 0; j < vectors; j++) lk_store(y + LK_STRIP_AT(j), sums[j] * lk_splat(factor));
}

void LK_CLONE(embedding_mean)(const float *table, ptrdiff_t rows, ptrdiff_t width, const int32_t *ids,
                              ptrdiff_t samples, ptrdiff_t tokens, int64_t padding, float *y) {
  for (ptrdiff_t sample = 0; sample < samples; sample++, ids += tokens, y += width) {
    ptrdiff_t counted = lk_count_tokens(ids, tokens, padding);
    float factor = counted ? 1.0f / (float)counted : 0.0f;
    for (ptrdiff_t column = 0; column < width; column += 4 * LK_LANES) {
      ptrdiff_t columns = width - column < 4 * LK_LANES ? width - column : 4 * LK_LANES;
      const float *from = table + column;
      float *to = y + column;
      switch ((columns + LK_LANES - 1) / LK_LANES) {
        case 4: lk_strip_sum(from, rows, width, columns, ids, tokens, padding, factor, to, 4); break;
        case 3: lk_strip_sum(from, rows, width, columns, ids, tokens, padding, factor, to, 3); break;
        case 2: lk_strip_sum(from, rows, width, columns, ids, tokens, padding, factor, to, 2); break;
        default:
          if (columns == LK_LANES) {
            lk_strip_sum(from, rows, width, columns, ids, tokens, padding, factor, to, 1);
          } else {
            lk_vector sums = lk_splat(0);
            for (ptrdiff_t token = 0; token < tokens; token++)
              if (ids[token] != padding) sums += lk_load_some(from + lk_row(ids[token], rows) * width, columns);
            lk_store_some(to, sums * lk_splat(factor), columns);
          }
      }
    }
  }
}

// Adds one row to the rows of all counted tokens of a sample.
LK_INLINE void lk_strip_scatter(float *table, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t columns, const int32_t *ids,
                                ptrdiff_t tokens, int64_t padding, float factor, const float *dy, const int vectors) {
  lk_vector row[4];
#pragma clang loop unroll(full)
  for (int j = 0; j < vectors; j++) row[j] = lk_load(dy + LK_STRIP_AT(j)) * lk_splat(factor);
  for (ptrdiff_t token = 0; token < tokens; token++) {
    if (ids[token] == padding) continue;
    float *to = table + lk_row(ids[token], rows) * width;
    lk_vector sums[4];
#pragma clang loop unroll(full)
    for (int j = 0; j < vectors; j++) sums[j] = lk_load(to + LK_STRIP_AT(j)) + row[j];
#pragma clang loop unroll(full)
    for (int j = 0; j < vectors; j++) lk_store(to + LK_STRIP_AT(j), sums[j]);
  }
}

void LK_CLONE(embedding_mean_gradient)(const int32_t *ids, ptrdiff_t samples, ptrdiff_t tokens, int64_t padding,
                                       const float *dy, ptrdiff_t rows, ptrdiff_t width, float *table) {
  memset(table, 0, (size_t)(rows * width) * sizeof(float));
  for (ptrdiff_t sample = 0; sample < samples; sample++, ids += tokens, dy += width) {
    ptrdiff_t counted = lk_count_tokens(ids, tokens, padding);
    if (!counted) continue;
    float factor = 1.0f / (float)counted;
    for (ptrdiff_t column = 0; column < width; column += 4 * LK_LANES) {
      ptrdiff_t columns = width - column < 4 * LK_LANES ? width - column : 4 * LK_LANES;
      float *to = table + column;
      const float *from = dy + column;
      switch ((columns + LK_LANES - 1) / LK_LANES) {
        case 4: lk_strip_scatter(to, rows, width, columns, ids, tokens, padding, factor, from, 4); break;
        case 3: lk_strip_scatter(to, rows, width, columns, ids, tokens, padding, factor, from, 3); break;
        case 2: lk_strip_scatter(to, rows, width, columns, ids, tokens, padding, factor, from, 2); break;
        default:
          if (columns == LK_LANES) {
            lk_strip_scatter(to, rows, width, columns, ids, tokens, padding, factor, from, 1);
          } else {
            for (ptrdiff_t token = 0; token < tokens; token++) {
              if (ids[token] == padding) continue;
              float *row = to + lk_row(ids[token], rows) * width;
              for (ptrdiff_t j = 0; j < columns; j++) row[j] += from[j] * factor;
            }
          }
      }
    }
  }
}

void LK_CLONE(masked_mean)(const float *x, const int32_t *ids, ptrdiff_t samples, ptrdiff_t tokens, ptrdiff_t width,
                           int64_t padding, float *y) {
  for (ptrdiff_t sample = 0; sample < samples; sample++, ids += tokens, x += tokens * width, y += width) {
    ptrdiff_t counted = lk_count_tokens(ids, tokens, padding);
    lk_vector factor = lk_splat(counted ? 1.0f / (float)counted : 0.0f);
    memset(y, 0, (size_t)width * sizeof(float));
    for (ptrdiff_t token = 0; token < tokens; token++) {
      const float *from = x + token * width;
      if (ids[token] != padding) LK_MAP(y, width, LK_AT(y) + LK_AT(from));
    }
    LK_MAP(y, width, LK_AT(y) * factor);
  }
}

void LK_CLONE(masked_mean_gradient)(const float *dy, const int32_t *ids, ptrdiff_t samples, ptrdiff_t tokens,
                                    ptrdiff_t width, int64_t padding, float *dx) {
  for (ptrdiff_t sample = 0; sample < samples; sample++, ids += tokens, dy += width) {
    ptrdiff_t counted = lk_count_tokens(ids, tokens, padding);
    lk_vector factor = lk_splat(counted ? 1.0f / (float)counted : 0.0f);
    for (ptrdiff_t token = 0; token < tokens; token++, dx += width) {
      if (ids[token] == padding) memset(dx, 0, (size_t)width * sizeof(float));
      else LK_MAP(dx, width, LK_AT(dy) * factor);
    }
  }
}
