/* What a decoder needs of a model's inside. */
#ifndef LLMPI_SRC_MODEL_MODEL_CACHED_H
#define LLMPI_SRC_MODEL_MODEL_CACHED_H

#include "llmpi/model/kv_cache.h"
#include "llmpi/model/model.h"

/* Makes, and drops, the forms of all weights for few rows. */
enum status model_prepare_few(struct model *model);
void model_drop_few(struct model *model);

/* Where the model's memory comes from. */
const struct allocator *model_allocator(const struct model *model);

/* A forward pass over the rows of `cached` in memory of the caller's; `batch` is one sequence of them, with
 * positions. Then the logits (count, vocab_size) of the rows `rows`. */
void model_forward_cached(struct model *model, const struct activations *activations,
                          const struct batch *batch, const struct kv_pass *cached, const int64_t *rows,
                          int64_t count, float *logits);

#endif
