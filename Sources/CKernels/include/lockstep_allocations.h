// Counts the heap allocations of the process, so that `lockstep bench` can show that a step makes none. Allocations
// inside oneDNN are counted apart.
#pragma once
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Allocations since the start by all threads, outside and inside libraries; -1 where they cannot be counted.
int64_t lk_allocation_count(void);
int64_t lk_library_allocation_count(void);
// Those of the calling thread, outside libraries; -1 where they cannot be counted.
int64_t lk_thread_allocation_count(void);

// Marks the calling thread as inside a library, or back outside.
void lk_enter_library(void);
void lk_leave_library(void);

#ifdef __cplusplus
}
#endif
