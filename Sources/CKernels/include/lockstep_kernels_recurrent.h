// Kernels for recurrent cells; see lockstep_kernels.h.
#pragma once

#define LK_RECURRENT_KERNELS(K)
