/* A sequence is read as one run of tokens, of which inputs and targets are copies one place apart. */
#include "llmpi/train/sequence_batch.h"

#include "llmpi/base/memory.h"

#include <stdbool.h>
#include <string.h>

enum status sequence_batch_create(const struct sequences *sequences, int64_t rows, int64_t length,
                                  struct sequence_batch *out)
{
    int64_t count = rows * length;
    *out = (struct sequence_batch){.length = length};
    out->window = memory_allocate(length + 1, sizeof *out->window, "a window of tokens");
    out->tokens = memory_allocate(count, sizeof *out->tokens, "a batch of tokens");
    out->targets = memory_allocate(count, sizeof *out->targets, "a batch of targets");
    bool complete = out->window != NULL && out->tokens != NULL && out->targets != NULL;
    if (complete && sequences->bounded) {
        out->first_visible = memory_allocate(count, sizeof *out->first_visible, "the mask of documents");
        complete = out->first_visible != NULL;
    }
    if (complete && sequences->packed) {
        out->target_weight = memory_allocate(count, sizeof *out->target_weight, "weights of targets");
        out->position = memory_allocate(count, sizeof *out->position, "positions in examples");
        complete = out->target_weight != NULL && out->position != NULL;
    }
    return complete ? STATUS_OK : STATUS_FAILED;
}

void sequence_batch_free(struct sequence_batch *batch)
{
    memory_free(batch->window);
    memory_free(batch->tokens);
    memory_free(batch->targets);
    memory_free(batch->target_weight);
    memory_free(batch->position);
    memory_free(batch->first_visible);
    *batch = (struct sequence_batch){0};
}

enum status sequence_batch_read(struct sequence_batch *batch, const struct sequences *sequences, int64_t row,
                                int64_t number)
{
    int64_t at = row * batch->length;
    size_t bytes = (size_t)batch->length * sizeof *batch->window;
    const struct sequence out = {
        .tokens = batch->window,
        .target_weight = batch->target_weight != NULL ? batch->target_weight + at : NULL,
        .position = batch->position != NULL ? batch->position + at : NULL,
        .first_visible = batch->first_visible != NULL ? batch->first_visible + at : NULL};
    TRY(sequences->read(sequences->context, number, &out));
    memcpy(batch->tokens + at, batch->window, bytes);
    memcpy(batch->targets + at, batch->window + 1, bytes);
    return STATUS_OK;
}

struct batch sequence_batch_view(const struct sequence_batch *batch, int64_t rows)
{
    return (struct batch){.sequences = rows,
                          .length = batch->length,
                          .tokens = batch->tokens,
                          .targets = batch->targets,
                          .target_weight = batch->target_weight,
                          .position = batch->position,
                          .first_visible = batch->first_visible};
}
