/* Sums of many arrays along a fixed binary tree. */
#ifndef LLMPI_KERNELS_TREE_SUM_H
#define LLMPI_KERNELS_TREE_SUM_H

#include "llmpi/kernels/element.h"

#include <stdint.h>

/* One summand: an array of either format. */
struct summand {
    const void *values;
    enum element element;
};

/* out[i] = the sum of element i of all `count` summands (1 .. 2^31), in fp32, for n elements. Neighbours are
 * added pairwise: two make one, two of those make one of four, and what is left over at the end is added from
 * the small to the large, as slots are (train/slots.h). `out` may be one of the fp32 summands. */
void tree_sum(float *out, const struct summand *summands, int64_t count, int64_t n);

#endif
