/* What the exchange takes and sends, without making one; for `llmpi plan`. */
#ifndef LLMPI_TRAIN_EXCHANGE_MEMORY_H
#define LLMPI_TRAIN_EXCHANGE_MEMORY_H

#include "llmpi/train/exchange.h"

/* Of the rank with the most, besides its own gradients. */
struct exchange_memory {
    int64_t owned;    /* elements whose moments it keeps */
    int64_t part;     /* elements of its largest part of a block */
    int64_t shared;   /* bytes of other ranks' gradients that it reads on its node, which count as its own */
    int64_t messages; /* bytes of buffers for messages between nodes */
    int64_t masters;  /* bytes of parameters before rounding */
    double sent;      /* bytes of gradients and parameters that it gives to others in a step, */
    double sent_far;  /* and those of them that go to other nodes */
};

/* `ranks` ranks are spread evenly over `nodes` nodes. */
struct exchange_memory exchange_memory(const struct parameter_table *table,
                                       const struct exchange_settings *settings, int ranks, int nodes);

#endif
