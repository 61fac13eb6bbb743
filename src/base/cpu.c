/* CPUID says what the processor can do, XCR0 which registers the system saves (Intel SDM volume 1, chapter
 * 13), and Linux grants the large tile registers on request (Documentation/arch/x86/xstate.rst). The
 * compiler's run-time knows the vector sets; AMX is asked for by hand. */
#include "llmpi/base/cpu.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __x86_64__
#include <cpuid.h>
#include <sys/syscall.h>
#endif

static const char *const names[CPU_LEVELS] = {"plain", "avx2", "avx512", "avx512_bf16", "amx"};

static atomic_int in_use = -1; /* a level, or -1: not asked yet */

#ifdef __x86_64__
enum { XSTATE_TILE_CONFIG = 17, XSTATE_TILE_DATA = 18, REQUEST_PERMISSION = 0x1023 }; /* of arch_prctl */

static bool has_avx512_bf16(void)
{
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && (eax >> 5 & 1) != 0;
}

static bool has_amx(void)
{
    unsigned eax, ebx, ecx, edx, low, high;
    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) || (edx >> 22 & 1) == 0 || (edx >> 24 & 1) == 0)
        return false;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || (ecx >> 27 & 1) == 0) /* OSXSAVE: xgetbv may be used */
        return false;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    if ((low >> XSTATE_TILE_CONFIG & 3) != 3)
        return false;
    return syscall(SYS_arch_prctl, REQUEST_PERMISSION, XSTATE_TILE_DATA) == 0;
}

static enum cpu_level detect(void)
{
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
        return CPU_PLAIN;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512cd") || !__builtin_cpu_supports("avx512dq") ||
        !__builtin_cpu_supports("avx512vl"))
        return CPU_AVX2;
    if (!has_avx512_bf16())
        return CPU_AVX512;
    return has_amx() ? CPU_AMX : CPU_AVX512_BF16;
}
#else
static enum cpu_level detect(void)
{
    return CPU_PLAIN;
}
#endif

/* The highest level that the environment allows; -1 when it names none. */
static int allowed(void)
{
    const char *wanted = getenv("LLMPI_MAX_ISA");
    if (wanted == NULL || *wanted == '\0')
        return CPU_LEVELS - 1;
    for (int level = 0; level < CPU_LEVELS; level++)
        if (strcmp(wanted, names[level]) == 0)
            return level;
    return -1;
}

enum cpu_level cpu_level(void)
{
    int level = atomic_load_explicit(&in_use, memory_order_relaxed);
    if (level >= 0)
        return (enum cpu_level)level;
    int found = (int)detect(), limit = allowed();
    level = limit >= 0 && limit < found ? limit : found;
    atomic_store(&in_use, level);
    return (enum cpu_level)level;
}

static int64_t cache_bytes = 1 << 20;

/* Before main, while there is one thread. */
__attribute__((constructor)) static void ask_early(void)
{
    cpu_level();
#ifdef _SC_LEVEL2_CACHE_SIZE
    long bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
    if (bytes > 0)
        cache_bytes = bytes;
#endif
}

int64_t cpu_cache_bytes(void)
{
    return cache_bytes;
}

void cpu_limit(enum cpu_level level)
{
    if (level < cpu_level())
        atomic_store(&in_use, (int)level);
}

const char *cpu_level_name(enum cpu_level level)
{
    return names[level];
}

enum status cpu_check(void)
{
    if (allowed() >= 0)
        return STATUS_OK;
    return fail(STATUS_USAGE,
                "environment variable LLMPI_MAX_ISA: '%s'; allowed are plain, avx2, avx512, avx512_bf16, amx",
                getenv("LLMPI_MAX_ISA"));
}
