// Plain twins of the kernels for recurrent cells.
#include "lockstep_kernels.h"
