// Kernels for layer, group, batch and RMS norm; see lockstep_kernels.h.
#pragma once

#define LK_NORMALIZATION_KERNELS(K)
