/* Which window is the n-th sequence of a run: a pure function of (seed, n), so that a checkpoint needs one
 * number. */
#ifndef LLMPI_DATA_SAMPLER_H
#define LLMPI_DATA_SAMPLER_H

#include <stdbool.h>
#include <stdint.h>

enum sampler_order {
    SAMPLER_EPOCH,     /* every window once per epoch, in an order drawn anew for each epoch */
    SAMPLER_RANDOM,    /* any window, with replacement */
    SAMPLER_SEQUENTIAL /* in order of the shards, from the start again after the last */
};

struct sampler {
    enum sampler_order order;
    uint64_t seed;
    int64_t windows;    /* of the data set, at least 1 */
    int64_t batch_size; /* sequences per step */
    bool drop_last;     /* an epoch's last batch is left out when incomplete; else it is filled from the next
                         * epoch.     Ignored when an epoch holds less than one batch */
};

/* Window of sequence `number` (from 0) of the run. */
int64_t sampler_window(const struct sampler *sampler, int64_t number);

/* Windows used per epoch. */
int64_t sampler_epoch(const struct sampler *sampler);

#endif
