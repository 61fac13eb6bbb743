/* One block of GPT-2: x + attention(ln_1(x)), then the same with the MLP and ln_2. */
#ifndef LLMPI_MODEL_BLOCK_H
#define LLMPI_MODEL_BLOCK_H

#include "llmpi/base/status.h"
#include "llmpi/model/layer.h"
#include "llmpi/model/parameters.h"

#include <stdint.h>

struct block {
    int64_t number; /* 1 .. n_layer, as in parameter_table */
    struct norm ln_1, ln_2;
    struct linear attention_in, attention_out, mlp_in, mlp_out;
};

/* Looks up the block's tensors; `element` and `allocator` as in weight_create. Release with block_destroy,
 * also after a failure. */
enum status block_create(struct block *block, const struct parameter_table *table, int64_t number,
                         enum element element, const struct allocator *allocator);
void block_destroy(struct block *block);

/* Takes over changed parameters. */
void block_refresh(const struct block *block, const float *parameters);

/* Makes the forms of the weights for generation; block_destroy drops them too. */
enum status block_prepare_few(struct block *block);
void block_drop_few(struct block *block);

/* From the `input` to the `output` of the block's activations. */
void block_forward(const struct block *block, const struct pass *pass);

/* Turns activations->gradient from that of the output into that of the input, and adds to the gradients of
 * the block's parameters. */
void block_backward(const struct block *block, const struct pass *pass);

#endif
