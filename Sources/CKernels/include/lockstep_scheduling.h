/// What a thread asks of the system's scheduler.
#ifndef LOCKSTEP_SCHEDULING_H
#define LOCKSTEP_SCHEDULING_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Asks that the calling thread get the processor as soon as it wakes, for short turns: for threads that mostly sleep, and
/// whose few microseconds of work hold others up. It gets no more of the processor than others do. Linux 6.12 and newer
/// know slices of a thread's own (EEVDF); 0, or minus an errno, where older ones leave things as they are.
int lks_prefer_short_turns(int64_t nanoseconds);

#ifdef __cplusplus
}
#endif

#endif
