// Kernels for images: pooling, layouts and what oneDNN lacks around convolutions; see lockstep_kernels.h.
#pragma once

#define LK_CONVOLUTION_KERNELS(K)
