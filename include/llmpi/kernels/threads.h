/* The one place that sets how many threads compute: OpenMP's for our loops; BLAS stays single-threaded and is
 * called from those threads, so that there is one pool whatever BLAS is linked. */
#ifndef LLMPI_KERNELS_THREADS_H
#define LLMPI_KERNELS_THREADS_H

#include <stdbool.h>
#include <stdint.h>

struct cpu_mask;

/* Elements that are worth more than one thread: about 10 microseconds of arithmetic or memory traffic,
 * several times what it costs to start and join threads that are awake. */
#define THREADS_WORTH 32768

/* Runs a statement in every thread where `elements` are worth more than one, else once. The statement asks
 * threads_share for its part, or has its loops in an `omp for`. Not the clause of `omp parallel if`: that
 * makes a team of one thread, and ends it by a system call. */
#define ON_THREADS(elements, statement)                                                                      \
    do {                                                                                                     \
        if ((elements) > THREADS_WORTH && threads_count() > 1) {                                             \
            _Pragma("omp parallel") statement;                                                               \
        } else {                                                                                             \
            statement;                                                                                       \
        }                                                                                                    \
    } while (0)

/* Elements [first, first + count) of an array. */
struct share {
    int64_t first, count;
};

/* Inside a parallel region, the part of n elements that is the calling thread's: contiguous, nearly equal,
 * and beginning at a multiple of 64 elements; outside one, all. */
struct share threads_share(int64_t n);

/* To be called first in a program that computes on several threads, with main's arguments: starts it again,
 * as the same process, with the wish that waiting threads look 1,000 times before they sleep, as gcc's OpenMP
 * library (libgomp) does by itself where it has more threads than processors. Otherwise they look 300,000
 * times, for milliseconds in which they keep the processor from the thread that they wait for when another
 * program runs. The library reads its environment when it is loaded, before main. Returns where
 * OMP_WAIT_POLICY or GOMP_SPINCOUNT say what the user wants, and where there is one thread. (valgrind loses
 * sight of a program that starts again: set one of them there.) */
void threads_wait_briefly(char **arguments);

/* Uses `threads` (at least 1) from now on. Not from inside a parallel region; before models and other users
 * of a workspace are made, whose size depends on it. */
void threads_set(int threads);

/* How many threads kernels use. */
int threads_count(void);

/* Cores that this process may run on: those of which its affinity mask holds a processor. */
int threads_cores(void);

/* The processors that this process's threads may run on, also where OMP_PLACES divides them among threads.
 * False where the system does not say. */
bool threads_mask(struct cpu_mask *out);

/* Whether the user had OpenMP bind its threads (OMP_PROC_BIND, OMP_PLACES, GOMP_CPU_AFFINITY). */
bool threads_bound(void);

/* OMP_NUM_THREADS (its first number, where it is a list), or 0 where that is not set to a number above 0. */
int64_t threads_environment(void);

/* The threads of a process of its own: `asked` where that is above 0, else threads_environment() where that
 * is, else threads_cores(). */
int threads_choose(int64_t asked);

/* Name, version and threading of the BLAS library, for `llmpi --version`. */
const char *threads_blas_library(void);

#endif
