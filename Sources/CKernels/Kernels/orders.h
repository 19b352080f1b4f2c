// Random orders of samples: the Feistel network of DataPipeline's Permutation, whose scalar form is the plain twin, over
// sixteen cells side by side, since each alone is a long chain of multiplications that leaves the processor idle.

typedef uint64_t lk_cells __attribute__((vector_size(128)));

enum { LK_CELLS = sizeof(lk_cells) / sizeof(uint64_t) };

// (value + hash(other)) mod size, the hash scaled to 0..<size by its high bits; all sizes are below 2^32.
LK_INLINE lk_cells lk_shifted(lk_cells value, lk_cells other, uint64_t key, uint64_t size) {
  lk_cells hash = (other ^ key) * UINT64_C(0xBF58476D1CE4E5B9);
  hash = (hash ^ (hash >> 32)) * UINT64_C(0x94D049BB133111EB);
  lk_cells sum = value + (((hash >> 32) * size) >> 32);
  lk_cells wrapped = sum - size;
  lk_cells isBelow = (lk_cells)(sum < wrapped);  // all ones where the difference has wrapped around
  return (sum & isBelow) | (wrapped & ~isBelow);
}

void LK_CLONE(permute_cells)(const lk_permutation *p, uint64_t first, ptrdiff_t count, int64_t *to) {
  const uint64_t step = UINT64_C(0x9E3779B97F4A7C15);
  uint64_t next_row = first / p->columns, next_column = first % p->columns;
  for (ptrdiff_t done = 0; done < count; done += LK_CELLS) {
    lk_cells row, column;
#pragma clang loop unroll(full)
    for (int i = 0; i < LK_CELLS; i++) {
      row[i] = next_row;
      column[i] = next_column++;
      int ends = next_column == p->columns;
      next_column = ends ? 0 : next_column;
      next_row += (uint64_t)ends;
    }
    uint64_t key = p->key;
    for (int32_t round = 0; round < p->double_rounds; round++, key += 2 * step) {
      row = lk_shifted(row, column, key, p->rows);
      column = lk_shifted(column, row, key + step, p->columns);
    }
    lk_cells cells = row * p->columns + column;
    ptrdiff_t kept = count - done < LK_CELLS ? count - done : LK_CELLS;
    memcpy(to + done, &cells, (size_t)kept * sizeof *to);
  }
}
