/// MPI for Swift: prefixed inline functions over `mpi.h`.
///
/// MPI's constants are cast macros, and its handles are pointers in Open MPI but integers in MPICH. Both stay
/// in here: Swift sees structures, bytes and Int32 statuses. Every status is `cmpi_success()` or an MPI error
/// code, since each communicator and window is given MPI_ERRORS_RETURN as soon as it exists.
#ifndef LOCKSTEP_CMPI_SHIM_H
#define LOCKSTEP_CMPI_SHIM_H

#include <mpi.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

typedef struct {
    MPI_Comm handle;
} cmpi_communicator;

typedef struct {
    MPI_Win handle;
} cmpi_window;

/// Reductions that are exact in any order.
typedef enum {
    CMPI_SUM = 0,
    CMPI_MINIMUM = 1,
    CMPI_MAXIMUM = 2,
} cmpi_operation;

/// The bytes that `cmpi_error_string` and `cmpi_library_version` may write.
enum { CMPI_STRING_BYTES = 8192 };

_Static_assert(CMPI_STRING_BYTES >= MPI_MAX_ERROR_STRING, "an error's text must fit");
_Static_assert(CMPI_STRING_BYTES >= MPI_MAX_LIBRARY_VERSION_STRING, "the version's text must fit");

static inline int cmpi_success(void) { return MPI_SUCCESS; }

// MARK: Environment

static inline int cmpi_is_initialized(int *flag) { return MPI_Initialized(flag); }

/// Initialises MPI, asking for MPI_THREAD_MULTIPLE; `provided` is what was granted.
static inline int cmpi_initialize(int *provided) {
    int status = MPI_Init_thread(NULL, NULL, MPI_THREAD_MULTIPLE, provided);
    return status != MPI_SUCCESS ? status : MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
}

static inline int cmpi_finalize(void) { return MPI_Finalize(); }

static inline int cmpi_abort(int code) { return MPI_Abort(MPI_COMM_WORLD, code); }

static inline const char *cmpi_thread_level_name(int level) {
    return level == MPI_THREAD_MULTIPLE     ? "multiple"
           : level == MPI_THREAD_SERIALIZED ? "serialized"
           : level == MPI_THREAD_FUNNELED   ? "funneled"
                                            : "single";
}

/// Writes a zero-terminated text of at most CMPI_STRING_BYTES.
static inline void cmpi_error_string(int status, char *text) {
    int length = 0;
    if (MPI_Error_string(status, text, &length) != MPI_SUCCESS) strcpy(text, "unknown MPI error");
}

/// Writes a zero-terminated text of at most CMPI_STRING_BYTES.
static inline int cmpi_library_version(char *text) {
    int length = 0;
    return MPI_Get_library_version(text, &length);
}

// MARK: Communicators

static inline cmpi_communicator cmpi_null_communicator(void) {
    return (cmpi_communicator){MPI_COMM_NULL};
}

static inline int cmpi_rank(cmpi_communicator communicator, int *rank) {
    return MPI_Comm_rank(communicator.handle, rank);
}

static inline int cmpi_size(cmpi_communicator communicator, int *size) {
    return MPI_Comm_size(communicator.handle, size);
}

/// What every maker of a communicator does last.
static inline int cmpi_return_errors(int status, cmpi_communicator communicator) {
    if (status != MPI_SUCCESS || communicator.handle == MPI_COMM_NULL) return status;
    return MPI_Comm_set_errhandler(communicator.handle, MPI_ERRORS_RETURN);
}

/// A copy of MPI_COMM_WORLD with its own message space.
static inline int cmpi_duplicate_world(cmpi_communicator *made) {
    int status = MPI_Comm_dup(MPI_COMM_WORLD, &made->handle);
    return cmpi_return_errors(status, *made);
}

/// The ranks that can share memory with this one, in the order of `key`.
static inline int cmpi_split_shared(cmpi_communicator parent, int key, cmpi_communicator *made) {
    int status = MPI_Comm_split_type(parent.handle, MPI_COMM_TYPE_SHARED, key, MPI_INFO_NULL, &made->handle);
    return cmpi_return_errors(status, *made);
}

/// The ranks of one colour, in the order of `key`; a negative colour joins none and makes the null
/// communicator.
static inline int cmpi_split(cmpi_communicator parent, int color, int key, cmpi_communicator *made) {
    int status = MPI_Comm_split(parent.handle, color < 0 ? MPI_UNDEFINED : color, key, &made->handle);
    return cmpi_return_errors(status, *made);
}

static inline int cmpi_free_communicator(cmpi_communicator *communicator) {
    return communicator->handle == MPI_COMM_NULL ? MPI_SUCCESS : MPI_Comm_free(&communicator->handle);
}

// MARK: Collectives

static inline int cmpi_barrier(cmpi_communicator communicator) { return MPI_Barrier(communicator.handle); }

static inline int cmpi_broadcast(void *bytes, int count, int root, cmpi_communicator communicator) {
    return MPI_Bcast(bytes, count, MPI_BYTE, root, communicator.handle);
}

/// One int64 of every rank, to every rank.
static inline int cmpi_allgather_int64(int64_t value, int64_t *values, cmpi_communicator communicator) {
    return MPI_Allgather(&value, 1, MPI_INT64_T, values, 1, MPI_INT64_T, communicator.handle);
}

/// Bytes of every rank to every rank, rank i's `counts[i]` bytes at `offsets[i]`.
static inline int cmpi_allgather_bytes(const void *bytes, int count, void *gathered, const int *counts,
                                       const int *offsets, cmpi_communicator communicator) {
    return MPI_Allgatherv(bytes, count, MPI_BYTE, gathered, counts, offsets, MPI_BYTE, communicator.handle);
}

/// One int64 of every rank, to the root; `values` is looked at on the root alone.
static inline int cmpi_gather_int64(int64_t value, int64_t *values, int root,
                                    cmpi_communicator communicator) {
    return MPI_Gather(&value, 1, MPI_INT64_T, values, 1, MPI_INT64_T, root, communicator.handle);
}

static inline int cmpi_allreduce_int64(int64_t value, int64_t *result, cmpi_operation operation,
                                       cmpi_communicator communicator) {
    MPI_Op op = operation == CMPI_SUM ? MPI_SUM : operation == CMPI_MINIMUM ? MPI_MIN : MPI_MAX;
    return MPI_Allreduce(&value, result, 1, MPI_INT64_T, op, communicator.handle);
}

/// The sum of every rank's floats, in place, in whatever order the library likes: for benchmarks alone.
static inline int cmpi_allreduce_floats(float *values, int count, cmpi_communicator communicator) {
    return MPI_Allreduce(MPI_IN_PLACE, values, count, MPI_FLOAT, MPI_SUM, communicator.handle);
}

// MARK: Messages

static inline int cmpi_send(const void *bytes, int count, int destination, int tag,
                            cmpi_communicator communicator) {
    return MPI_Send(bytes, count, MPI_BYTE, destination, tag, communicator.handle);
}

/// Receives at most `count` bytes; `received` tells how many came.
static inline int cmpi_receive(void *bytes, int count, int source, int tag, cmpi_communicator communicator,
                               int *received) {
    MPI_Status message;
    int status = MPI_Recv(bytes, count, MPI_BYTE, source, tag, communicator.handle, &message);
    return status != MPI_SUCCESS ? status : MPI_Get_count(&message, MPI_BYTE, received);
}

/// Waits for both requests, asleep between looks, ever longer up to `longest_nap_ns`: MPI's own waiting polls, and a
/// thread that has no core of its own must not take the one that another computes on. TCP's buffers go on meanwhile.
static inline int cmpi_wait_both(MPI_Request requests[2], int64_t longest_nap_ns, MPI_Status messages[2]) {
    int64_t nap_ns = 10000;
    for (;;) {
        int is_done = 0;
        int status = MPI_Testall(2, requests, &is_done, messages);
        if (status != MPI_SUCCESS || is_done) return status;
        struct timespec nap = {0, (long)nap_ns};
        nanosleep(&nap, NULL);
        nap_ns = nap_ns * 2 < longest_nap_ns ? nap_ns * 2 : longest_nap_ns;
    }
}

/// Sends and receives at once; a negative destination or source leaves that half out (`received` is then 0).
/// `longest_nap_ns` as for `cmpi_wait_both`.
static inline int cmpi_send_receive(const void *outgoing, int outgoing_count, int destination, void *incoming,
                                    int incoming_count, int source, int tag, cmpi_communicator communicator,
                                    int64_t longest_nap_ns, int *received) {
    MPI_Request requests[2] = {MPI_REQUEST_NULL, MPI_REQUEST_NULL};
    MPI_Status messages[2];
    int to = destination < 0 ? MPI_PROC_NULL : destination;
    int from = source < 0 ? MPI_PROC_NULL : source;
    // The send first: a rank that comes late then announces its own long message before it asks for the other's. The
    // other way round, the other starts to send, its own request waits behind what it sends, and both directions of
    // the link take turns (measured: 64 ms instead of 37 for 4 MB each way at 1 Gbit/s).
    int status = MPI_Isend(outgoing, outgoing_count, MPI_BYTE, to, tag, communicator.handle, &requests[0]);
    if (status != MPI_SUCCESS) return status;
    status = MPI_Irecv(incoming, incoming_count, MPI_BYTE, from, tag, communicator.handle, &requests[1]);
    if (status != MPI_SUCCESS) return status;
    status = cmpi_wait_both(requests, longest_nap_ns, messages);
    if (status == MPI_ERR_IN_STATUS) {
        return messages[1].MPI_ERROR != MPI_SUCCESS ? messages[1].MPI_ERROR : messages[0].MPI_ERROR;
    }
    return status != MPI_SUCCESS ? status : MPI_Get_count(&messages[1], MPI_BYTE, received);
}

// MARK: Shared memory

/// Rank 0 of `node` brings `byte_count` bytes, the others none; `base` is rank 0's memory, mapped here.
/// The window stays locked for everybody, so plain loads, stores and atomics may be used on it.
static inline int cmpi_allocate_shared(int64_t byte_count, cmpi_communicator node, void **base,
                                       cmpi_window *window) {
    int rank = 0;
    int status = MPI_Comm_rank(node.handle, &rank);
    if (status != MPI_SUCCESS) return status;
    MPI_Aint own_bytes = rank == 0 ? (MPI_Aint)byte_count : 0;
    void *own_base = NULL;
    status = MPI_Win_allocate_shared(own_bytes, 1, MPI_INFO_NULL, node.handle, &own_base, &window->handle);
    if (status != MPI_SUCCESS) return status;
    status = MPI_Win_set_errhandler(window->handle, MPI_ERRORS_RETURN);
    if (status != MPI_SUCCESS) return status;
    MPI_Aint size = 0;
    int unit = 0;
    status = MPI_Win_shared_query(window->handle, 0, &size, &unit, base);
    return status != MPI_SUCCESS ? status : MPI_Win_lock_all(MPI_MODE_NOCHECK, window->handle);
}

/// Collective: every rank of the window's node.
static inline int cmpi_free_shared(cmpi_window *window) {
    int status = MPI_Win_unlock_all(window->handle);
    return status != MPI_SUCCESS ? status : MPI_Win_free(&window->handle);
}

#endif
