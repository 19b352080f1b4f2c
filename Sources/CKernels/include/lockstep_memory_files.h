/// Memory that processes share without a file system: no size limit but the machine's memory, nothing left behind when
/// a process is killed.
#ifndef LOCKSTEP_MEMORY_FILES_H
#define LOCKSTEP_MEMORY_FILES_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// An anonymous file of so many zero bytes; its descriptor, or minus an errno.
int lks_memory_file_create(int64_t byte_count);

/// Opens a descriptor of another process (of this one too): its own descriptor, or minus an errno. Needs the same user.
int lks_memory_file_open(int64_t process, int descriptor);

/// Maps all bytes for reading and writing by all who do so, at an address that huge pages can have; NULL where that
/// cannot be.
void *lks_memory_file_map(int descriptor, int64_t byte_count);

/// Takes huge pages (2 MiB) for the part of fresh, zero memory that whole ones fit in. A wish: what the system does not
/// give stays as it is, and small pages come when it is written. Only for memory that nobody uses yet.
void lks_take_huge_pages(void *start, int64_t byte_count);

/// Gives the memory of whole pages between two addresses back to the system, for all who map it; they read as zeros and
/// take memory again when they are written. Only a wish: 0, or minus an errno where the system would not.
int lks_release_pages(void *start, int64_t byte_count);

#ifdef __cplusplus
}
#endif

#endif
