// Chooses the clone of every kernel for this processor, once.
#include "lockstep_kernels.h"

typedef struct kernel_table {
#define FIELD(name, parameters, arguments) void(*name) parameters;
  LK_KERNELS(FIELD)
#undef FIELD
} kernel_table;

#define DECLARE_GENERIC(name, parameters, arguments) void lk_##name##_generic parameters;
#define DECLARE_AVX2(name, parameters, arguments) void lk_##name##_avx2 parameters;
#define DECLARE_AVX512(name, parameters, arguments) void lk_##name##_avx512 parameters;
#define ENTRY_GENERIC(name, parameters, arguments) .name = lk_##name##_generic,
#define ENTRY_AVX2(name, parameters, arguments) .name = lk_##name##_avx2,
#define ENTRY_AVX512(name, parameters, arguments) .name = lk_##name##_avx512,

LK_KERNELS(DECLARE_GENERIC)
static const kernel_table generic_table = {LK_KERNELS(ENTRY_GENERIC)};

#if defined(__x86_64__)
LK_KERNELS(DECLARE_AVX2)
LK_KERNELS(DECLARE_AVX512)
static const kernel_table avx2_table = {LK_KERNELS(ENTRY_AVX2)};
static const kernel_table avx512_table = {LK_KERNELS(ENTRY_AVX512)};
#endif

static const kernel_table *best = &generic_table;
// A test's choice for the calling thread; other threads go on with the best clones.
static _Thread_local const kernel_table *chosen;

lk_instruction_set lk_best_instruction_set(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")) return LK_AVX512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return LK_AVX2;
#endif
  return LK_GENERIC;
}

const char *lk_instruction_set_name(lk_instruction_set set) {
  return set == LK_AVX512 ? "avx512" : set == LK_AVX2 ? "avx2" : "generic";
}

static const kernel_table *table_of(lk_instruction_set set) {
#if defined(__x86_64__)
  if (set == LK_AVX512) return &avx512_table;
  if (set == LK_AVX2) return &avx2_table;
#endif
  return &generic_table;
}

int lk_use_instruction_set(lk_instruction_set set) {
  if (set > lk_best_instruction_set()) return 0;
  chosen = table_of(set);
  return 1;
}

// Before main, so that no kernel call needs to check or lock.
__attribute__((constructor)) static void choose_best(void) { best = table_of(lk_best_instruction_set()); }

#define FORWARD(name, parameters, arguments) \
  void lk_##name parameters { (chosen ? chosen : best)->name arguments; }
LK_KERNELS(FORWARD)
