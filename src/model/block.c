/* Forward saves the residual stream, query/key/value, attention's output and what enters GELU. Backward
 * computes the layernorms' and GELU's outputs again right where a weight gradient wants them, so that three
 * buffers of scratch serve every block: `narrow` (a layernorm's output, then a gradient of that size), `wide`
 * (a gradient of the MLP's or of query/key/value), `branch` (the gradient behind a residual dropout). */
#include "llmpi/model/block.h"

#include "llmpi/kernels/attention.h"
#include "llmpi/kernels/gelu.h"
#include "llmpi/kernels/residual.h"

#include <stdio.h>

enum status block_create(struct block *block, const struct parameter_table *table, int64_t number)
{
    struct {
        struct linear *linear;
        const char *name;
    } parts[] = {{&block->attention_in, "attn.c_attn"},
                 {&block->attention_out, "attn.c_proj"},
                 {&block->mlp_in, "mlp.c_fc"},
                 {&block->mlp_out, "mlp.c_proj"}};
    char name[64];
    block->number = number;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        snprintf(name, sizeof name, "h.%lld.%s", (long long)number - 1, parts[i].name);
        TRY(linear_create(parts[i].linear, table, name, false));
    }
    snprintf(name, sizeof name, "h.%lld.ln_1", (long long)number - 1);
    block->ln_1 = norm_find(table, name);
    snprintf(name, sizeof name, "h.%lld.ln_2", (long long)number - 1);
    block->ln_2 = norm_find(table, name);
    return STATUS_OK;
}

void block_destroy(struct block *block)
{
    linear_destroy(&block->attention_in);
    linear_destroy(&block->attention_out);
    linear_destroy(&block->mlp_in);
    linear_destroy(&block->mlp_out);
}

void block_refresh(const struct block *block, const float *parameters)
{
    linear_refresh(&block->attention_in, parameters);
    linear_refresh(&block->attention_out, parameters);
    linear_refresh(&block->mlp_in, parameters);
    linear_refresh(&block->mlp_out, parameters);
}

/* out = in + dropout(branch); branch is overwritten. */
static void add_branch(const struct block *block, const struct pass *pass, enum dropout_kind kind, float *out,
                       const float *in, float *branch)
{
    const struct dropout dropout = pass_dropout(pass, block->number, kind);
    int64_t per_sequence = pass->batch->length * pass->shape->n_embd;
    if (dropout.probability > 0)
        dropout_forward(branch, branch, pass->batch->sequences, per_sequence, &dropout);
    residual_forward(out, in, branch, pass->rows * pass->shape->n_embd);
}

/* The gradient behind the residual dropout: the stream's own where nothing is dropped. */
static const float *branch_gradient(const struct block *block, const struct pass *pass,
                                    enum dropout_kind kind)
{
    const struct dropout dropout = pass_dropout(pass, block->number, kind);
    if (dropout.probability <= 0)
        return pass->activations->gradient;
    dropout_backward(pass->activations->branch, pass->activations->gradient, pass->batch->sequences,
                     pass->batch->length * pass->shape->n_embd, &dropout);
    return pass->activations->branch;
}

static struct attention_shape attention_of(const struct pass *pass)
{
    return activations_attention(pass->shape, pass->batch->sequences, pass->batch->length,
                                 pass->batch->first_visible);
}

void block_forward(const struct block *block, const struct pass *pass)
{
    const struct block_activations *saved = &pass->activations->blocks[block->number - 1];
    const struct attention_shape shape = attention_of(pass);
    const struct dropout dropout = pass_dropout(pass, block->number, DROPOUT_ATTENTION);
    float *narrow = pass->activations->narrow, *wide = pass->activations->wide;
    int64_t rows = pass->rows, width = pass->shape->n_embd;

    norm_forward(&block->ln_1, pass, narrow, saved->mean_1, saved->rstd_1, saved->input, rows);
    linear_forward(&block->attention_in, pass, saved->qkv, narrow, rows);
    attention_forward(saved->attention, saved->lse, saved->qkv, saved->qkv + width, saved->qkv + 2 * width,
                      &shape, &dropout, pass->activations->attention_workspace);
    linear_forward(&block->attention_out, pass, narrow, saved->attention, rows);
    add_branch(block, pass, DROPOUT_ATTENTION_BRANCH, saved->middle, saved->input, narrow);

    norm_forward(&block->ln_2, pass, narrow, saved->mean_2, saved->rstd_2, saved->middle, rows);
    linear_forward(&block->mlp_in, pass, saved->fc, narrow, rows);
    gelu_forward(wide, saved->fc, rows * 4 * width);
    linear_forward(&block->mlp_out, pass, narrow, wide, rows);
    add_branch(block, pass, DROPOUT_MLP_BRANCH, saved->output, saved->middle, narrow);
}

static void mlp_backward(const struct block *block, const struct pass *pass)
{
    const struct block_activations *saved = &pass->activations->blocks[block->number - 1];
    float *narrow = pass->activations->narrow, *wide = pass->activations->wide;
    int64_t rows = pass->rows, width = pass->shape->n_embd;
    const float *branch = branch_gradient(block, pass, DROPOUT_MLP_BRANCH);

    gelu_forward(wide, saved->fc, rows * 4 * width);
    linear_backward_parameters(&block->mlp_out, pass, wide, branch, rows);
    linear_backward_input(&block->mlp_out, wide, branch, rows);
    gelu_backward(wide, saved->fc, wide, rows * 4 * width);
    norm_forward(&block->ln_2, pass, narrow, saved->mean_2, saved->rstd_2, saved->middle, rows);
    linear_backward_parameters(&block->mlp_in, pass, narrow, wide, rows);
    linear_backward_input(&block->mlp_in, narrow, wide, rows);
    norm_backward(&block->ln_2, pass, narrow, saved->middle, saved->mean_2, saved->rstd_2, rows);
    residual_backward(pass->activations->gradient, narrow, rows * width);
}

static void self_attention_backward(const struct block *block, const struct pass *pass)
{
    const struct block_activations *saved = &pass->activations->blocks[block->number - 1];
    const struct attention_shape shape = attention_of(pass);
    const struct dropout dropout = pass_dropout(pass, block->number, DROPOUT_ATTENTION);
    float *narrow = pass->activations->narrow, *wide = pass->activations->wide;
    int64_t rows = pass->rows, width = pass->shape->n_embd;
    const float *branch = branch_gradient(block, pass, DROPOUT_ATTENTION_BRANCH);

    linear_backward_parameters(&block->attention_out, pass, saved->attention, branch, rows);
    linear_backward_input(&block->attention_out, narrow, branch, rows);
    attention_backward(wide, wide + width, wide + 2 * width, narrow, saved->qkv, saved->qkv + width,
                       saved->qkv + 2 * width, saved->attention, saved->lse, &shape, &dropout,
                       pass->activations->attention_workspace);
    norm_forward(&block->ln_1, pass, narrow, saved->mean_1, saved->rstd_1, saved->input, rows);
    linear_backward_parameters(&block->attention_in, pass, narrow, wide, rows);
    linear_backward_input(&block->attention_in, narrow, wide, rows);
    norm_backward(&block->ln_1, pass, narrow, saved->input, saved->mean_1, saved->rstd_1, rows);
    residual_backward(pass->activations->gradient, narrow, rows * width);
}

void block_backward(const struct block *block, const struct pass *pass)
{
    mlp_backward(block, pass);
    self_attention_backward(block, pass);
}
