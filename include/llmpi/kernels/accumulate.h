/* Sums and multiples of arrays of activations in place. */
#ifndef LLMPI_KERNELS_ACCUMULATE_H
#define LLMPI_KERNELS_ACCUMULATE_H

#include "llmpi/kernels/element.h"

#include <stdint.h>

/* y += x, n numbers of `element`. */
void accumulate(void *y, const void *x, enum element element, int64_t n);

/* y *= factor, n numbers of `element`. */
void multiply_by(void *y, float factor, enum element element, int64_t n);

#endif
