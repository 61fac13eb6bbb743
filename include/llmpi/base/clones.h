/* One binary for every x86-64 processor: a function marked CLONED is compiled three times, for AVX-512
 * (x86-64-v4), AVX2 with FMA (x86-64-v3) and the plain instruction set, and the dynamic linker picks by CPUID
 * bits. Only what is written in the marked function or inlined into it is cloned; an OpenMP parallel region
 * is a function of its own, so mark the function that the parallel loop calls. Elsewhere (other compilers and
 * processors, sanitizers, a C library without indirect functions) it means nothing. */
#ifndef LLMPI_BASE_CLONES_H
#define LLMPI_BASE_CLONES_H

#include <stdint.h> /* brings in __GLIBC__ */

#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) &&                 \
    __GNUC__ >= 12 && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define CLONED __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONED
#endif

#endif
