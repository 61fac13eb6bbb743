/* The sequences that a run trains on, each by its number. What gives their tokens is a function, so that
 * steps do not know where tokens come from. */
#ifndef LLMPI_TRAIN_SEQUENCES_H
#define LLMPI_TRAIN_SEQUENCES_H

#include "llmpi/base/status.h"
#include "llmpi/config/config.h"
#include "llmpi/data/dataset.h"
#include "llmpi/data/sampler.h"
#include "llmpi/train/document_mask.h"

#include <stdint.h>

/* `read` writes the context_length + 1 tokens, each below vocab_size, of sequence `number` of the run (from
 * 0, over all ranks and steps): the same ones whichever rank asks. `documents` says where attention ends in
 * them. */
struct sequences {
    enum status (*read)(void *context, int64_t number, uint32_t *tokens);
    void *context;
    struct document_mask documents;
};

/* The windows of a data set in the order of train.sampling. */
struct dataset_sequences {
    struct dataset *dataset;
    struct sampler sampler;
    int64_t context_length, stride;
};

/* Fills *windows, which lives as long as the result and borrows the data set. Documents are joined; the
 * caller may set the mask. */
struct sequences sequences_of_dataset(const struct config *config, struct dataset *dataset,
                                      struct dataset_sequences *windows);

/* Tokens between the starts of two windows: train.stride, or context_length. */
int64_t sequences_stride(const struct config *config);

#endif
