/* GPT-2 (Radford et al. 2019): learned positions, pre-norm blocks, GELU (tanh form), tied or free output
 * head. Forward and backward over a micro-batch. */
#ifndef LLMPI_MODEL_MODEL_H
#define LLMPI_MODEL_MODEL_H

#include "llmpi/base/batch.h"
#include "llmpi/base/memory.h"
#include "llmpi/base/status.h"
#include "llmpi/model/activations.h"
#include "llmpi/model/parameters.h"

#include <stdbool.h>
#include <stdint.h>

struct model;

/* A model for such a use. All memory is taken here, from `allocator`: parameters and activations, with
 * training also gradients, in bf16 also packed weights. Parameters are zero. */
enum status model_create(const struct model_shape *shape, const struct model_use *use,
                         const struct allocator *allocator, struct model **out);
void model_destroy(struct model *model);

const struct model_shape *model_shape(const struct model *model);
enum element model_element(const struct model *model);
const struct parameter_table *model_table(const struct model *model);
float *model_parameters(struct model *model); /* table->total elements */
float *model_gradients(struct model *model);  /* the same layout; NULL without training */

/* Must be called for each block whose parameters were changed, before the next pass. */
void model_refresh(struct model *model, int64_t block);
void model_refresh_all(struct model *model);

/* Bytes of the packed weights of such a model, for `llmpi plan`. */
int64_t model_packed_bytes(const struct model_shape *shape, enum element element);

/* Work of training on one token: 6 FLOP per parameter that takes part in a product (the output head counts,
 * the embeddings do not), and 12 n_layer n_embd T/2 for causal attention over T = context_length. */
double model_flop_per_token(const struct model_shape *shape);

/* Sums over the targets of a batch: weight * loss (nats) and weight. */
struct model_loss {
    double loss, weight;
};

/* Where model_train lets others act; any of them may be NULL. */
struct model_hooks {
    void *context;
    /* Before the pass uses a block's parameters for the first time: from block 0 to the last. */
    void (*block_needed)(void *context, int64_t block);
    /* Before the first gradient is written. */
    void (*forward_done)(void *context);
    /* As soon as a block's gradient of this pass is complete: from the last block to the first (the tied
     * embedding, block 0, comes last). */
    void (*block_ready)(void *context, int64_t block);
};

/* One forward and backward pass: adds the gradient of sum(weight * loss) to the gradients (the caller zeroes
 * them and divides by the summed weight of the step), and adds to *sums. Dropout is drawn from (seed, step,
 * the batch's sequence numbers). `hooks` may be NULL. */
void model_train(struct model *model, const struct batch *batch, uint64_t seed, uint64_t step,
                 struct model_loss *sums, const struct model_hooks *hooks);

/* Forward only, no dropout. token_loss (sequences, length) gets each target's loss in nats, not weighted;
 * NULL where not wanted. Adds to *sums. */
void model_evaluate(struct model *model, const struct batch *batch, float *token_loss,
                    struct model_loss *sums);

/* Forward only, no dropout, and the head for `count` rows of the batch alone (row = sequence * length +
 * place, in any order): losses[i] is the loss in nats of targets[i] at rows[i], largest[i] tells whether that
 * target is the arg-max of the logits (the first of equal ones). The batch needs no targets. */
void model_score(struct model *model, const struct batch *batch, const int64_t *rows, const uint32_t *targets,
                 int64_t count, float *losses, bool *largest);

/* The logits (vocab_size) that follow the last of `count` tokens (1 <= count <= context_length). */
void model_next_logits(struct model *model, const uint32_t *tokens, int64_t count, float *logits);

#endif
