/// Atomics, a barrier and a flag for threads of one or several processes that share memory.
///
/// Every structure is ready for use when its bytes are zero, holds no pointer, and may be mapped at another
/// address in each process. Waiting is a brief spin followed by a futex sleep; sleeps are cut into slices of
/// at most 100 ms, so an abort is seen no later than that even if its wake-up is lost with a killed process.
/// On systems without futex the sleep is a `sched_yield` loop.
#ifndef LOCKSTEP_SYNCHRONIZATION_H
#define LOCKSTEP_SYNCHRONIZATION_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __clang__
#pragma clang assume_nonnull begin
#endif

_Static_assert(sizeof(_Atomic uint32_t) == 4 && sizeof(_Atomic uint64_t) == 8, "atomics must add no bytes");

/// Bytes between two things that different threads write.
#define LKS_LINE_BYTES 64

/// How a wait ended.
typedef enum {
    LKS_OK = 0,
    LKS_ABORTED = 1,
    LKS_TIMED_OUT = 2,
} lks_result;

// MARK: Atomics (loads acquire, stores release, fetch_add both)

static inline uint32_t lks_load_u32(const uint32_t *address) {
    return atomic_load_explicit((const _Atomic uint32_t *)address, memory_order_acquire);
}

static inline uint64_t lks_load_u64(const uint64_t *address) {
    return atomic_load_explicit((const _Atomic uint64_t *)address, memory_order_acquire);
}

static inline void lks_store_u32(uint32_t *address, uint32_t value) {
    atomic_store_explicit((_Atomic uint32_t *)address, value, memory_order_release);
}

static inline void lks_store_u64(uint64_t *address, uint64_t value) {
    atomic_store_explicit((_Atomic uint64_t *)address, value, memory_order_release);
}

static inline uint32_t lks_fetch_add_u32(uint32_t *address, uint32_t value) {
    return atomic_fetch_add_explicit((_Atomic uint32_t *)address, value, memory_order_acq_rel);
}

static inline uint64_t lks_fetch_add_u64(uint64_t *address, uint64_t value) {
    return atomic_fetch_add_explicit((_Atomic uint64_t *)address, value, memory_order_acq_rel);
}

/// Stores `value` if `*address` is zero; returns what was there before.
static inline uint32_t lks_store_if_zero_u32(uint32_t *address, uint32_t value) {
    uint32_t before = 0;
    atomic_compare_exchange_strong_explicit((_Atomic uint32_t *)address, &before, value, memory_order_acq_rel,
                                            memory_order_acquire);
    return before;
}

// MARK: Time

/// Nanoseconds of a clock that never goes back.
int64_t lks_nanoseconds(void);

// MARK: Futex

/// Sleeps while `*address == expected`, for at most `timeout_ns` nanoseconds (negative: no limit).
/// It may wake early; look at the memory again. Works between processes.
void lks_futex_wait(uint32_t *address, uint32_t expected, int64_t timeout_ns);

/// Wakes everybody who sleeps on `address`, in every process.
void lks_futex_wake_all(uint32_t *address);

/// The cores that the calling thread may run on by its affinity mask; at least 1.
uint32_t lks_allowed_core_count(void);

// MARK: Barrier

/// The head of a barrier; one `lks_barrier_participant` for each participant follows it.
typedef struct {
    /// Arrivals since the beginning, modulo 2^32: written by everybody, so it has its own line.
    uint32_t arrivals;
    uint32_t arrivals_padding[15];
    /// The last epoch that everybody has arrived at: the word that waiters watch and sleep on.
    uint32_t generation;
    /// How many sleep, or are about to.
    uint32_t waiters;
    /// 0, or 1 + the rank that gave up.
    uint32_t abort_word;
    uint32_t generation_padding[13];
} lks_barrier;

/// What one participant alone writes.
typedef struct {
    /// How many times it has arrived, modulo 2^32.
    uint32_t epoch;
    uint32_t padding[15];
} lks_barrier_participant;

/// The bytes that a barrier of so many participants takes, a multiple of 64.
size_t lks_barrier_size(uint32_t participants);

/// Arrives and waits for everybody else. What was written before by any participant is seen after by all.
///
/// `spin_count` looks are taken before sleeping: pass 0 when there are more participants than free cores.
/// `timeout_ns` negative means no limit. `abort_word` is the barrier's own, or one that several barriers and
/// flags share; non-zero ends the wait. After anything but `LKS_OK` the barrier must not be used again.
lks_result lks_barrier_arrive_and_wait(lks_barrier *barrier, uint32_t participant, uint32_t participants,
                                       uint32_t spin_count, int64_t timeout_ns, const uint32_t *abort_word);

/// How many times a participant has arrived, modulo 2^32: tells who is missing after a time-out.
uint32_t lks_barrier_epoch(const lks_barrier *barrier, uint32_t participant);

// MARK: Flag

/// A number that only grows, and that others wait for.
typedef struct {
    uint64_t value;
    /// Changes at each publication: the word that waiters sleep on (a futex is 32 bits wide).
    uint32_t sequence;
    uint32_t waiters;
    /// 0, or 1 + the rank that gave up.
    uint32_t abort_word;
    uint32_t padding[11];
} lks_flag;

/// Raises the flag to at least `value`; a lower value changes nothing.
void lks_flag_publish(lks_flag *flag, uint64_t value);

/// Adds one and returns the new value; any number of threads may do so together.
uint64_t lks_flag_advance(lks_flag *flag);

/// Waits until the flag is at least `value`; the rest is as for the barrier.
lks_result lks_flag_wait(lks_flag *flag, uint64_t value, uint32_t spin_count, int64_t timeout_ns,
                         const uint32_t *abort_word);

#ifdef __clang__
#pragma clang assume_nonnull end
#endif
#ifdef __cplusplus
}
#endif

#endif
