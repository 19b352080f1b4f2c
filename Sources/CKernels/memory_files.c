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

enum { huge_page = 2 << 20 };

static uintptr_t huge_boundary_after(uintptr_t address) {
  return (address + huge_page - 1) / huge_page * huge_page;
}

void *lks_memory_file_map(int descriptor, int64_t byte_count) {
  // The system picks an address with room to move up to a huge page's boundary; what is left over goes back.
  const size_t taken = (size_t)byte_count + huge_page;
  void *room = mmap(NULL, taken, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) return NULL;
  const uintptr_t first = (uintptr_t)room, start = huge_boundary_after(first);
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  const uintptr_t end = (start + (uintptr_t)byte_count + page - 1) / page * page;
  if (start > first) munmap(room, start - first);
  if (first + taken > end) munmap((void *)end, first + taken - end);
  void *mapped = mmap((void *)start, (size_t)byte_count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, descriptor, 0);
  // Where that fails, the addresses may be another thread's by now: they are left alone.
  return mapped == MAP_FAILED ? NULL : mapped;
}

void lks_take_huge_pages(void *start, int64_t byte_count) {
#if defined(__linux__)
  // Linux 6.1: huge pages now, also where the system gives shared memory none by itself (shmem_enabled). It asks for
  // a small page in each, which it copies.
  const int collapse = 25;  // MADV_COLLAPSE, which older headers lack
  const uintptr_t first = huge_boundary_after((uintptr_t)start);
  const uintptr_t end = ((uintptr_t)start + (uintptr_t)byte_count) / huge_page * huge_page;
  for (uintptr_t at = first; at < end; at += huge_page) {
    *(volatile char *)at = 0;
    // EAGAIN is about this page alone.
    if (madvise((void *)at, huge_page, collapse) != 0 && errno != EAGAIN) return;
  }
#else
  (void)start;
  (void)byte_count;
#endif
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
