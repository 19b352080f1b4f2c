// Kernels for attention in tiles, and positions.
