// Plain twins of the kernels for elementwise chains.
#include "lockstep_kernels.h"
