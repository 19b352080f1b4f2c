// Kernels for recurrent cells; see lockstep_kernels.h.
#pragma once

// The order of `Graphs.RecurrentCell`. Gates stand in PyTorch's order: i, f, g, o and r, z, n.
typedef enum lk_cell { LK_CELL_TANH = 0, LK_CELL_RELU = 1, LK_CELL_LSTM = 2, LK_CELL_GRU = 3 } lk_cell;

// An array that may be stored in either type.
typedef struct lk_sequence {
  void *values;
  lk_type type;
} lk_sequence;

// One layer of cells in one direction over sequences that may be padded at their ends. Row-major [samples, tokens, …];
// a sample ends with its last id that is not padding, and what lies behind is zero in every result but gates and cells,
// which are not written there. For G gates of width H:
typedef struct lk_recurrent_arguments {
  int32_t cell;         // lk_cell
  int32_t is_reversed;  // from the last token to the first
  ptrdiff_t samples, tokens, width;
  const float *weight;     // [H, G·H]
  const float *bias;       // [G·H], added to the product with the weight (GRU needs it apart); or NULL
  const int32_t *ids;      // [samples, tokens]; or NULL when nothing is padding
  int64_t padding;         // the id that is padding
  lk_sequence projected;   // [.., G·H]: the input's product with its weight, biases added
  lk_sequence y;           // [.., H]
  lk_sequence gates;       // kept for backward (values may be NULL): LSTM [.., 4H]: i, f, g, o;
                           // GRU [.., 4H]: r, z, n, and what r multiplies
  lk_sequence cells;       // LSTM [.., H] (values may be NULL)
  lk_sequence dy;          // from here on for backward: [.., H]
  lk_sequence dprojected;  // [.., G·H]
  lk_sequence previous;    // [.., H]: the state before each step
  lk_sequence drecurrent;  // GRU [.., 3H]: the gradient by the product with the weight
  float *workspace;        // lk_recurrent_workspace_count() floats
} lk_recurrent_arguments;

// G.
static inline ptrdiff_t lk_cell_gates(int32_t cell) { return cell == LK_CELL_LSTM ? 4 : cell == LK_CELL_GRU ? 3 : 1; }

// Floats of workspace that forward and backward need.
static inline ptrdiff_t lk_recurrent_workspace_count(int32_t cell, ptrdiff_t samples, ptrdiff_t width) {
  ptrdiff_t padded = (width + 31) / 32 * 32, columns = lk_cell_gates(cell) * padded;
  return columns * padded + samples * (columns + 3 * padded + 64) + 2 * (samples + 16);
}

// The last states: columns below `forward_width` at a sample's last token, the others at its first.
typedef struct lk_last_state_arguments {
  ptrdiff_t samples, tokens, width, forward_width;
  const int32_t *ids;  // [samples, tokens]; or NULL when nothing is padding
  int64_t padding;
  lk_sequence states;  // [samples, tokens, width]
  lk_sequence last;    // [samples, width]
} lk_last_state_arguments;

#define LK_RECURRENT_KERNELS(K)                                                     \
  K(recurrent, (const lk_recurrent_arguments *x), (x))                              \
  /* dprojected, previous and drecurrent from dy and what is kept */                \
  K(recurrent_gradient, (const lk_recurrent_arguments *x), (x))                     \
  K(last_state, (const lk_last_state_arguments *x), (x))                            \
  /* spreads `last` over `states`, which is zero elsewhere */                       \
  K(last_state_gradient, (const lk_last_state_arguments *x), (x))
