// Anonymous files as shared memory; the contract is in include/lockstep_memory_files.h.
// Run the tests: swift test --filter CollectivesTests
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lockstep_memory_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int lks_memory_file_create(int64_t byte_count) {
#if defined(__linux__)
  int descriptor = memfd_create("lockstep", MFD_CLOEXEC);
  if (descriptor < 0) return -errno;
  if (ftruncate(descriptor, (off_t)byte_count) != 0) {
    int reason = errno;
    close(descriptor);
    return -reason;
  }
  return descriptor;
#else
  (void)byte_count;
  return -ENOSYS;
#endif
}

int lks_memory_file_open(int64_t process, int descriptor) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%lld/fd/%d", (long long)process, descriptor);
  int own = open(path, O_RDWR | O_CLOEXEC);
  return own < 0 ? -errno : own;
}

void *lks_memory_file_map(int descriptor, int64_t byte_count) {
  void *start = mmap(NULL, (size_t)byte_count, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  return start == MAP_FAILED ? NULL : start;
}

int lks_release_pages(void *start, int64_t byte_count) {
#if defined(__linux__)
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  const uintptr_t first = ((uintptr_t)start + page - 1) / page * page;
  const uintptr_t end = ((uintptr_t)start + (uintptr_t)byte_count) / page * page;
  if (end <= first) return 0;
  // A file's pages have to be removed from the file; memory of one process is no file's.
  if (madvise((void *)first, end - first, MADV_REMOVE) == 0) return 0;
  return madvise((void *)first, end - first, MADV_DONTNEED) == 0 ? 0 : -errno;
#else
  (void)start;
  (void)byte_count;
  return -ENOSYS;
#endif
}
