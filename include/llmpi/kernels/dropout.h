/* Dropout (Srivastava et al. 2014). The mask is a function of (seed, step, sequence, place), so that the same
 * elements are dropped however the batch is cut into micro-batches, slots and ranks, and backward needs no
 * memory. */
#ifndef LLMPI_KERNELS_DROPOUT_H
#define LLMPI_KERNELS_DROPOUT_H

#include "llmpi/kernels/element.h"

#include <stdint.h>

/* Which mask. A NULL pointer or probability 0 where one is asked for means no dropout. */
struct dropout {
    double probability; /* of dropping; kept elements are scaled by 1 / (1 - probability) */
    uint64_t seed, step;
    uint64_t place;         /* which dropout of the model: layer and kind */
    int64_t first_sequence; /* batch.first_sequence */
};

/* y = mask(x): x and y are (sequences, per_sequence) elements. y may be x. */
void dropout_forward(void *y, const void *x, enum element element, int64_t sequences, int64_t per_sequence,
                     const struct dropout *dropout);

/* dx = mask(dy), from the fp32 gradient of the residual stream into the element of a branch; without dropout
 * a conversion. dx may be dy where the element is fp32. */
void dropout_backward(void *dx, const float *dy, enum element element, int64_t sequences,
                      int64_t per_sequence, const struct dropout *dropout);

/* 0 or 1 / (1 - probability): the factor of element `index` of sequence `sequence` (counted from
 * first_sequence). */
float dropout_factor(const struct dropout *dropout, int64_t sequence, int64_t index);

#endif
