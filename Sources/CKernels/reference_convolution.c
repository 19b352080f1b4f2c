// Plain twins of the kernels for images: pooling, layouts and what oneDNN lacks around convolutions.
#include "lockstep_kernels.h"
