/* How fast this process multiplies matrices at best: what the speed of a training step is compared with. */
#ifndef LLMPI_KERNELS_MATMUL_PEAK_H
#define LLMPI_KERNELS_MATMUL_PEAK_H

#include "llmpi/base/status.h"
#include "llmpi/kernels/element.h"

#include <stdint.h>

/* The highest rate (FLOP per second, 2 per multiplication and addition) of matmul_forward on square matrices
 * of some sizes and of `element`, with threads_count() threads, and the size that reached it. Takes about `seconds`, and at
 * least two products of the smallest size (768); memory for four matrices of the largest one that it has time
 * for, at most 4608. Results are best with some tenths of a second. */
enum status matmul_peak(enum element element, double seconds, double *rate, int64_t *size);

#endif
