// Barrier and flag on shared memory; the contract is in include/lockstep_synchronization.h.
// Run the tests: swift test --filter CollectivesTests
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lockstep_synchronization.h"

#include <sched.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>
#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#endif

#define NANOSECONDS_PER_SECOND 1000000000ll
/// The longest uninterrupted sleep: bounds how late an abort is seen.
#define SLICE_NANOSECONDS 100000000ll

_Static_assert(sizeof(lks_barrier) == 2 * LKS_LINE_BYTES, "arrivals and generation have a line each");
_Static_assert(sizeof(lks_barrier_participant) == LKS_LINE_BYTES, "a participant has a line");
_Static_assert(sizeof(lks_flag) == LKS_LINE_BYTES, "a flag has a line");

static inline void spin_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

int64_t lks_nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NANOSECONDS_PER_SECOND + now.tv_nsec;
}

void lks_futex_wait(uint32_t *address, uint32_t expected, int64_t timeout_ns) {
#if defined(__linux__)
    struct timespec limit = {timeout_ns / NANOSECONDS_PER_SECOND, timeout_ns % NANOSECONDS_PER_SECOND};
    // Without FUTEX_PRIVATE_FLAG, so that it works between processes.
    syscall(SYS_futex, address, FUTEX_WAIT, expected, timeout_ns < 0 ? NULL : &limit, NULL, 0);
#else
    (void)timeout_ns;
    if (lks_load_u32(address) == expected) sched_yield();
#endif
}

void lks_futex_wake_all(uint32_t *address) {
#if defined(__linux__)
    syscall(SYS_futex, address, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
#else
    (void)address;
#endif
}

uint32_t lks_allowed_core_count(void) {
#if defined(__linux__)
    cpu_set_t mask;
    if (sched_getaffinity(0, sizeof mask, &mask) != 0) return 1;
    return (uint32_t)CPU_COUNT(&mask);
#else
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (uint32_t)count : 1;
#endif
}

// MARK: Waiting

/// A condition that some other thread makes true, changing `word` in doing so.
typedef struct wait_condition {
    bool (*is_met)(const struct wait_condition *condition);
    const void *object;
    uint64_t target;
} wait_condition;

static uint32_t load_ordered(const uint32_t *address) {
    return atomic_load_explicit((const _Atomic uint32_t *)address, memory_order_seq_cst);
}

/// Sleeps until the condition holds. `waiters` goes up before the condition is looked at, and a publisher
/// changes `word` before it looks at `waiters`, all sequentially consistent: one of the two sees the other.
static lks_result sleep_until(const wait_condition *condition, uint32_t *word, uint32_t *waiters,
                              int64_t timeout_ns, const uint32_t *abort_word) {
    int64_t start = lks_nanoseconds();
    lks_result result;
    atomic_fetch_add_explicit((_Atomic uint32_t *)waiters, 1, memory_order_seq_cst);
    for (;;) {
        uint32_t observed = load_ordered(word);
        if (condition->is_met(condition)) { result = LKS_OK; break; }
        if (lks_load_u32(abort_word) != 0) { result = LKS_ABORTED; break; }
        int64_t sleep = SLICE_NANOSECONDS;
        if (timeout_ns >= 0) {
            int64_t left = timeout_ns - (lks_nanoseconds() - start);
            if (left <= 0) { result = LKS_TIMED_OUT; break; }
            if (left < sleep) sleep = left;
        }
        lks_futex_wait(word, observed, sleep);
    }
    atomic_fetch_sub_explicit((_Atomic uint32_t *)waiters, 1, memory_order_seq_cst);
    return result;
}

static lks_result spin_then_sleep(const wait_condition *condition, uint32_t *word, uint32_t *waiters,
                                  uint32_t spin_count, int64_t timeout_ns, const uint32_t *abort_word) {
    for (uint32_t i = 0; i < spin_count; i++) {
        if (condition->is_met(condition)) return LKS_OK;
        spin_pause();
    }
    return sleep_until(condition, word, waiters, timeout_ns, abort_word);
}

static void wake_if_any(uint32_t *word, const uint32_t *waiters) {
    if (load_ordered(waiters) != 0) lks_futex_wake_all(word);
}

// MARK: Barrier

static lks_barrier_participant *participant_lines(const lks_barrier *barrier) {
    return (lks_barrier_participant *)(barrier + 1);
}

size_t lks_barrier_size(uint32_t participants) {
    return sizeof(lks_barrier) + participants * sizeof(lks_barrier_participant);
}

uint32_t lks_barrier_epoch(const lks_barrier *barrier, uint32_t participant) {
    return lks_load_u32(&participant_lines(barrier)[participant].epoch);
}

static bool generation_reached(const wait_condition *condition) {
    const lks_barrier *barrier = condition->object;
    // The difference is right across the wrap at 2^32, since nobody is ever more than one epoch ahead.
    return (int32_t)(lks_load_u32(&barrier->generation) - (uint32_t)condition->target) >= 0;
}

lks_result lks_barrier_arrive_and_wait(lks_barrier *barrier, uint32_t participant, uint32_t participants,
                                       uint32_t spin_count, int64_t timeout_ns, const uint32_t *abort_word) {
    if (lks_load_u32(abort_word) != 0) return LKS_ABORTED;
    uint32_t *own_epoch = &participant_lines(barrier)[participant].epoch;
    uint32_t epoch = lks_load_u32(own_epoch) + 1;
    lks_store_u32(own_epoch, epoch);
    uint32_t arrived = lks_fetch_add_u32(&barrier->arrivals, 1) + 1;
    if (arrived == epoch * participants) {
        atomic_store_explicit((_Atomic uint32_t *)&barrier->generation, epoch, memory_order_seq_cst);
        wake_if_any(&barrier->generation, &barrier->waiters);
        return LKS_OK;
    }
    wait_condition everybody_arrived = {generation_reached, barrier, epoch};
    return spin_then_sleep(&everybody_arrived, &barrier->generation, &barrier->waiters, spin_count,
                           timeout_ns, abort_word);
}

// MARK: Flag

static bool value_reached(const wait_condition *condition) {
    return lks_load_u64(&((const lks_flag *)condition->object)->value) >= condition->target;
}

static void announce(lks_flag *flag) {
    atomic_fetch_add_explicit((_Atomic uint32_t *)&flag->sequence, 1, memory_order_seq_cst);
    wake_if_any(&flag->sequence, &flag->waiters);
}

void lks_flag_publish(lks_flag *flag, uint64_t value) {
    _Atomic uint64_t *stored = (_Atomic uint64_t *)&flag->value;
    uint64_t current = atomic_load_explicit(stored, memory_order_relaxed);
    while (current < value) {
        if (atomic_compare_exchange_weak_explicit(stored, &current, value, memory_order_acq_rel,
                                                  memory_order_relaxed)) {
            announce(flag);
            return;
        }
    }
}

uint64_t lks_flag_advance(lks_flag *flag) {
    uint64_t value = lks_fetch_add_u64(&flag->value, 1) + 1;
    announce(flag);
    return value;
}

lks_result lks_flag_wait(lks_flag *flag, uint64_t value, uint32_t spin_count, int64_t timeout_ns,
                         const uint32_t *abort_word) {
    wait_condition raised = {value_reached, flag, value};
    return spin_then_sleep(&raised, &flag->sequence, &flag->waiters, spin_count, timeout_ns, abort_word);
}
