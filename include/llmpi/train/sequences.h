/* The sequences that a run trains on, each by its number. What gives their tokens is a function, so that
 * steps do not know where tokens come from. */
#ifndef LLMPI_TRAIN_SEQUENCES_H
#define LLMPI_TRAIN_SEQUENCES_H

#include "llmpi/base/status.h"
#include "llmpi/config/config.h"
#include "llmpi/data/dataset.h"
#include "llmpi/data/example_set.h"
#include "llmpi/data/sampler.h"
#include "llmpi/train/document_mask.h"

#include <stdbool.h>
#include <stdint.h>

/* Where a sequence is read into: context_length + 1 tokens, and as base/batch.h has them, for each input one
 * element of what the sequences have; NULL for what they have not. */
struct sequence {
    uint32_t *tokens;
    float *target_weight;   /* of packed sequences */
    int32_t *position;      /* of packed sequences */
    int32_t *first_visible; /* of bounded sequences */
};

/* `read` fills sequence `number` of the run (from 0, over all ranks and steps), tokens below vocab_size: the
 * same ones whichever rank asks. */
struct sequences {
    enum status (*read)(void *context, int64_t number, const struct sequence *out);
    void *context;
    bool bounded; /* attention ends within a sequence */
    bool packed;  /* several examples in one, of which only some targets count; then also bounded */
};

/* A data set as sequences: its windows, or of shards with a loss mask its examples, packed. */
struct dataset_sequences {
    struct dataset *dataset;
    struct sampler sampler;
    int64_t context_length, stride;
    struct document_mask documents;
    struct example_set *examples; /* NULL: windows */
};

/* Fills *data, which lives as long as *out, and borrows the data set: sequences in the order of
 * train.sampling, or `in_order` each once, windows side by side. Release with sequences_release, also after a
 * failure. */
enum status sequences_open(const struct config *config, const struct tokenizer *tokenizer,
                           struct dataset *dataset, bool in_order, struct dataset_sequences *data,
                           struct sequences *out);
void sequences_release(struct dataset_sequences *data);

/* Different sequences that there are. */
int64_t sequences_count(const struct dataset_sequences *data);

/* Tokens between the starts of two windows: train.stride, or context_length. */
int64_t sequences_stride(const struct config *config);

#endif
