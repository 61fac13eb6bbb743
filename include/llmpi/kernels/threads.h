/* The one place that sets how many threads compute: OpenMP's for our loops; BLAS stays single-threaded and is
 * called from those threads, so that there is one pool whatever BLAS is linked. */
#ifndef LLMPI_KERNELS_THREADS_H
#define LLMPI_KERNELS_THREADS_H

#include <stdint.h>

/* Elements that are worth more than one thread: about 10 microseconds of arithmetic or memory traffic,
 * several times what it costs to start and join threads that are awake. */
#define THREADS_WORTH 32768

/* Elements [first, first + count) of an array. */
struct share {
    int64_t first, count;
};

/* Inside a parallel region, the part of n elements that is the calling thread's: contiguous, nearly equal,
 * and beginning at a multiple of 64 elements; outside one, all. */
struct share threads_share(int64_t n);

/* Uses `threads` (at least 1) from now on. Not from inside a parallel region. */
void threads_set(int threads);

/* How many threads kernels use. */
int threads_count(void);

/* Cores that this process may run on (its affinity mask). */
int threads_cores(void);

/* Cores of this machine that are switched on. */
int threads_cores_online(void);

/* Name, version and threading of the BLAS library, for `llmpi --version`. */
const char *threads_blas_library(void);

#endif
