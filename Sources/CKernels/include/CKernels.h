// The C kernels of Lockstep: what oneDNN lacks, or is too slow to call for small sizes.
#pragma once
#include "lockstep_allocations.h"
#include "lockstep_kernels.h"
#include "lockstep_memory_files.h"
#include "lockstep_synchronization.h"
