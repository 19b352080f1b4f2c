// Kernels for images: pooling, layouts and what oneDNN lacks around convolutions.
