// Kernels for moving and reducing elements.
