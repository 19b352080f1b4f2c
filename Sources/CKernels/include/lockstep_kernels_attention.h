// Kernels for attention in tiles, and positions; see lockstep_kernels.h.
#pragma once

#define LK_ATTENTION_KERNELS(K)
