// Plain twins of the kernels for moving and reducing elements.
#include "lockstep_kernels.h"
