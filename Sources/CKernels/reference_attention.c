// Plain twins of the kernels for attention in tiles, and positions.
#include "lockstep_kernels.h"
