/* One binary for every x86-64 processor: a function defined through CLONED is compiled three times, for
 * AVX-512 (x86-64-v4), AVX2 with FMA (x86-64-v3) and the plain instruction set, and each call picks by
 * cpu_level(). Only what is written in the function or inlined into it is cloned; an OpenMP parallel region
 * is a function of its own, so clone the function that the parallel loop calls, and give it enough work for
 * one call. On other processors, and where the whole program is compiled for AVX2 or more (LLMPI_NATIVE),
 * there is one copy. */
#ifndef LLMPI_BASE_CLONES_H
#define LLMPI_BASE_CLONES_H

#include "llmpi/base/cpu.h"

/* The instruction sets of CPU_AVX2 and CPU_AVX512 for target attributes. Feature by feature: a whole
 * architecture would take away what else the program is compiled for (LLMPI_NATIVE), and the compiler's
 * intrinsics, which then need that, could not be inlined. */
#define TARGET_AVX2   "avx2,fma,bmi,bmi2,f16c,lzcnt,movbe,popcnt"
#define TARGET_AVX512 TARGET_AVX2 ",avx512f,avx512bw,avx512cd,avx512dq,avx512vl"

/* CLONED(void, scale, (float *values, float factor, int64_t n), (values, factor, n)) { ... } defines the
 * static function void scale(float *values, float factor, int64_t n). */
#if defined(__x86_64__) && !defined(__AVX2__)
#define CLONED(type, name, parameters, arguments)                                                            \
    static inline __attribute__((always_inline)) type name##_body parameters;                                \
    __attribute__((target(TARGET_AVX512))) static type name##_v4 parameters                                  \
    {                                                                                                        \
        return name##_body arguments;                                                                        \
    }                                                                                                        \
    __attribute__((target(TARGET_AVX2))) static type name##_v3 parameters                                    \
    {                                                                                                        \
        return name##_body arguments;                                                                        \
    }                                                                                                        \
    static type name parameters                                                                              \
    {                                                                                                        \
        enum cpu_level level = cpu_level();                                                                  \
        return level >= CPU_AVX512 ? name##_v4 arguments                                                     \
               : level >= CPU_AVX2 ? name##_v3 arguments                                                     \
                                   : name##_body arguments;                                                  \
    }                                                                                                        \
    static inline __attribute__((always_inline)) type name##_body parameters
#else
#define CLONED(type, name, parameters, arguments) static type name parameters
#endif

#endif
