/* The end of the model: final layernorm, output head and cross-entropy. It works in chunks of rows, so that
 * logits of all tokens never exist together; forward and backward of a chunk follow each other. */
#ifndef LLMPI_MODEL_HEAD_H
#define LLMPI_MODEL_HEAD_H

#include "llmpi/base/status.h"
#include "llmpi/model/layer.h"
#include "llmpi/model/model.h"

#include <stdbool.h>
#include <stdint.h>

struct head {
    struct norm ln_f;
    struct linear logits; /* lm_head, or the token embedding when tied */
};

/* Looks up the head's tensors; `element` and `allocator` as in weight_create. Release with head_destroy, also
 * after a failure. */
enum status head_create(struct head *head, const struct parameter_table *table,
                        const struct model_shape *shape, enum element element,
                        const struct allocator *allocator);
void head_destroy(struct head *head);

/* Takes over changed parameters. */
void head_refresh(const struct head *head, const float *parameters);

/* Loss of the batch and, in activations->gradient, the gradient of the last block's output; adds to the
 * gradients of ln_f and of the head, and to *sums. */
void head_train(const struct head *head, const struct pass *pass, struct model_loss *sums);

/* Loss only; token_loss (rows) may be NULL. */
void head_evaluate(const struct head *head, const struct pass *pass, float *token_loss,
                   struct model_loss *sums);

/* Of some rows of the batch, in any order: losses[i] is that of targets[i] at rows[i], largest[i] whether
 * that target is the arg-max. */
void head_score(const struct head *head, const struct pass *pass, const int64_t *rows,
                const uint32_t *targets, int64_t count, float *losses, bool *largest);

/* Makes the form of the weight for generation; head_destroy drops it too. */
enum status head_prepare_few(struct head *head);
void head_drop_few(struct head *head);

/* The logits (count, vocab_size) of some rows of a pass whose products are of few rows. */
void head_logits_few(const struct head *head, const struct pass *pass, const int64_t *rows, int64_t count,
                     float *logits);

/* The logits (vocab_size) of one row of the batch. */
void head_logits(const struct head *head, const struct pass *pass, int64_t row, float *logits);

#endif
