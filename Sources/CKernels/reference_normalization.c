// Plain twins of the kernels for layer, group, batch and RMS norm.
#include "lockstep_kernels.h"
