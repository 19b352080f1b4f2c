// Kernels for layer, group, batch and RMS norm.
