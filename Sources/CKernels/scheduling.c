// Scheduling of threads; the contract is in include/lockstep_scheduling.h.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lockstep_scheduling.h"

#include <errno.h>
#include <string.h>

#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>

// The kernel's struct sched_attr, which older C libraries do not declare.
struct turns {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
};
#endif

int lks_prefer_short_turns(int64_t nanoseconds) {
#if defined(__linux__) && defined(SYS_sched_setattr) && defined(SYS_sched_getattr)
  struct turns turns;
  memset(&turns, 0, sizeof turns);
  if (syscall(SYS_sched_getattr, 0, &turns, sizeof turns, 0) != 0) return -errno;
  // Other policies have turns of their own.
  if (turns.policy != 0) return 0;
  turns.size = sizeof turns;
  turns.flags = 0;
  turns.runtime = (uint64_t)nanoseconds;
  return syscall(SYS_sched_setattr, 0, &turns, 0) == 0 ? 0 : -errno;
#else
  (void)nanoseconds;
  return -ENOSYS;
#endif
}
