/* Room for a batch of sequences, allocated once and filled again and again. */
#ifndef LLMPI_TRAIN_SEQUENCE_BATCH_H
#define LLMPI_TRAIN_SEQUENCE_BATCH_H

#include "llmpi/base/batch.h"
#include "llmpi/base/status.h"
#include "llmpi/train/sequences.h"

#include <stdint.h>

/* The arrays are (rows, length) and as in base/batch.h, but `window`, which is length + 1 tokens of the
 * sequence that is being read. What the sequences do not have is NULL. */
struct sequence_batch {
    int64_t length;
    uint32_t *window, *tokens, *targets;
    float *target_weight;
    int32_t *position, *first_visible;
};

/* Room for `rows` of these sequences, which have `length` inputs each. Release with sequence_batch_free, also
 * after a failure. */
enum status sequence_batch_create(const struct sequences *sequences, int64_t rows, int64_t length,
                                  struct sequence_batch *out);
void sequence_batch_free(struct sequence_batch *batch);

/* Reads sequence `number` into a row. Allocates nothing. */
enum status sequence_batch_read(struct sequence_batch *batch, const struct sequences *sequences, int64_t row,
                                int64_t number);

/* The first `rows` rows, borrowed. */
struct batch sequence_batch_view(const struct sequence_batch *batch, int64_t rows);

#endif
