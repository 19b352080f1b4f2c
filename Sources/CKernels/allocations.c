// The allocator's entry points, counted and passed on to glibc. An executable's definitions take the place of the
// library's for the whole process.
#include "lockstep_allocations.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

static _Thread_local int inside_library;
static _Thread_local int64_t thread_count;
static _Atomic int64_t own_count, library_count;

void lk_enter_library(void) { inside_library++; }
void lk_leave_library(void) { inside_library--; }

// A sanitizer brings an allocator of its own, which must be the only one.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define LK_SANITIZED 1
#endif
#endif

#if defined(__GLIBC__) && !defined(LK_SANITIZED)

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static inline void count(void) {
  if (!inside_library) thread_count++;
  atomic_fetch_add_explicit(inside_library ? &library_count : &own_count, 1, memory_order_relaxed);
}

void *malloc(size_t size) {
  count();
  return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
  count();
  return __libc_calloc(number, size);
}

void *realloc(void *old, size_t size) {
  count();
  return __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size) {
  count();
  return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  count();
  return __libc_memalign(alignment, size);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
  count();
  if (alignment % sizeof(void *) != 0 || (alignment & (alignment - 1)) != 0 || alignment == 0) return EINVAL;
  void *memory = __libc_memalign(alignment, size);
  if (!memory) return ENOMEM;
  *result = memory;
  return 0;
}

int64_t lk_allocation_count(void) { return atomic_load_explicit(&own_count, memory_order_relaxed); }
int64_t lk_thread_allocation_count(void) { return thread_count; }
int64_t lk_library_allocation_count(void) { return atomic_load_explicit(&library_count, memory_order_relaxed); }

#else

int64_t lk_allocation_count(void) { return -1; }
int64_t lk_thread_allocation_count(void) { return -1; }
int64_t lk_library_allocation_count(void) { return -1; }

#endif
