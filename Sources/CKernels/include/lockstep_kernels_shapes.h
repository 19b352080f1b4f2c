// Kernels for moving and reducing elements; see lockstep_kernels.h.
#pragma once

#define LK_SHAPES_KERNELS(K)
