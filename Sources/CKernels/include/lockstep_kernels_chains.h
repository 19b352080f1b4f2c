// Kernels for elementwise chains; see lockstep_kernels.h.
#pragma once

#define LK_CHAINS_KERNELS(K)
