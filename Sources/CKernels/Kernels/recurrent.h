// Kernels for recurrent cells.
