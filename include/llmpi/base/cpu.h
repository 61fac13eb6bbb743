/* Which instruction sets this process uses: what the processor and the system offer, unless the environment
 * variable LLMPI_MAX_ISA (plain, avx2, avx512, avx512_bf16 or amx) hides what is above it. */
#ifndef LLMPI_BASE_CPU_H
#define LLMPI_BASE_CPU_H

#include "llmpi/base/status.h"

#include <stdint.h>

/* Each level includes the ones before it. */
enum cpu_level {
    CPU_PLAIN,       /* what every processor of the architecture has */
    CPU_AVX2,        /* x86-64-v3: AVX2 and FMA */
    CPU_AVX512,      /* x86-64-v4: AVX-512 F, BW, CD, DQ, VL */
    CPU_AVX512_BF16, /* and vdpbf16ps */
    CPU_AMX,         /* and AMX-TILE with AMX-BF16, and the system's permission to use tiles */
    CPU_LEVELS
};

/* The level in use. The first call asks the processor, and the system for the permission to use tiles, which
 * only threads started afterwards inherit; it is made before main. Later calls cost a load. */
enum cpu_level cpu_level(void);

/* From now on at most `level`: ranks on unlike processors agree on the weakest. Not while other threads run
 * kernels. */
void cpu_limit(enum cpu_level level);

/* Bytes of a core's second-level cache as the system says, 1 MiB where it does not know. */
int64_t cpu_cache_bytes(void);

/* "plain", "avx2", ... */
const char *cpu_level_name(enum cpu_level level);

/* STATUS_USAGE when LLMPI_MAX_ISA is none of the names. */
enum status cpu_check(void);

#endif
