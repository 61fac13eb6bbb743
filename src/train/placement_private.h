/* What the two chapters of placement share: the places that were given out (placement.c), and the lines that
 * say so (placement_text.c). */
#ifndef LLMPI_SRC_TRAIN_PLACEMENT_PRIVATE_H
#define LLMPI_SRC_TRAIN_PLACEMENT_PRIVATE_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/cpu_mask.h"

#include <stdint.h>

/* What one rank got. */
struct place {
    int64_t node;          /* the lowest rank of its node */
    int64_t threads;       /* at least 1 */
    int64_t usable;        /* cores that the job may use on this node, as far as this rank knows */
    struct cpu_mask cores; /* where it runs: of each core the lowest processor */
};

/* Appends what the log says of `ranks` places, without a newline at the end: how many ranks, threads and
 * cores, one line for each kind of node (for at most four kinds), then hints. `why_threads` (may be NULL)
 * names the setting that decides on the number of threads, `why_cores` (may be NULL) the one that decides on
 * the cores. */
enum status placement_describe(const struct place *places, int64_t ranks, const char *why_threads,
                               const char *why_cores, struct buffer *out);

#endif
