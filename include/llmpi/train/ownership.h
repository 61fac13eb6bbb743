/* Which rank owns which parameters: it sums their gradients, keeps their moments and updates them. What is
 * trained of each block of the parameter table is divided into one part for each rank, contiguous, in order
 * of the ranks, and as equal as multiples of NORM_CHUNK elements allow (counted from the block's first
 * element, so that the norm's chunks are the same however many ranks there are). What a rank owns lies
 * packed, block after block, in arrays of `total` elements. */
#ifndef LLMPI_TRAIN_OWNERSHIP_H
#define LLMPI_TRAIN_OWNERSHIP_H

#include "llmpi/base/status.h"
#include "llmpi/kernels/threads.h"
#include "llmpi/model/parameters.h"

#include <stdint.h>

struct ownership {
    int rank, ranks;
    int64_t blocks;
    struct share *block; /* of each block: its elements in the parameter array */
    int64_t *packed;     /* of each block: where this rank's part begins in packed arrays */
    int64_t *chunk;      /* of each block, and one after: number of its first chunk of the norm */
    int64_t total;       /* elements that this rank owns */
};

/* With one rank, that rank owns everything. Release with ownership_free, also after a failure. */
enum status ownership_create(const struct parameter_table *table, int ranks, int rank, struct ownership *out);
void ownership_free(struct ownership *ownership);

/* The elements of `block` that `rank` owns, in the parameter array; none where the block has too few. */
struct share ownership_part(const struct ownership *ownership, int64_t block, int rank);

/* Elements that the rank with the most owns when a model of such a table is divided; for `llmpi plan`. */
int64_t ownership_largest(const struct parameter_table *table, int ranks);

#endif
