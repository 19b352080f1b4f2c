// Kernels for elementwise chains.
