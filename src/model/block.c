/* Forward saves the residual stream, query/key/value, attention's output and what enters GELU, or less, as
 * activations.h says. Backward computes the layernorms' and GELU's outputs again right where a weight
 * gradient wants them, so that three buffers of scratch serve every block: `narrow` (a layernorm's output,
 * then a gradient of that size), `wide` (a gradient of the MLP's or of query/key/value), `branch` (the
 * gradient as it enters a branch). Recomputed values have the same bits as before. */
#include "llmpi/model/block.h"

#include "llmpi/kernels/attention.h"
#include "llmpi/kernels/gelu.h"
#include "llmpi/kernels/residual.h"

#include <stdio.h>

enum status block_create(struct block *block, const struct parameter_table *table, int64_t number,
                         enum element element, const struct allocator *allocator)
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
        TRY(linear_create(parts[i].linear, table, name, false, element, allocator));
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

enum status block_prepare_few(struct block *block)
{
    TRY(linear_prepare_few(&block->attention_in));
    TRY(linear_prepare_few(&block->attention_out));
    TRY(linear_prepare_few(&block->mlp_in));
    return linear_prepare_few(&block->mlp_out);
}

void block_drop_few(struct block *block)
{
    linear_drop_few(&block->attention_in);
    linear_drop_few(&block->attention_out);
    linear_drop_few(&block->mlp_in);
    linear_drop_few(&block->mlp_out);
}

void block_refresh(const struct block *block, const float *parameters, bool all)
{
    linear_refresh(&block->attention_in, parameters, all);
    linear_refresh(&block->attention_out, parameters, all);
    linear_refresh(&block->mlp_in, parameters, all);
    linear_refresh(&block->mlp_out, parameters, all);
}

/* Where an array of the element begins `count` elements further on. */
static void *beside(const struct pass *pass, void *values, int64_t count)
{
    return (char *)values + (size_t)count * element_size(pass->activations->element);
}

/* out = in + dropout(branch); branch is overwritten. */
static void add_branch(const struct block *block, const struct pass *pass, enum dropout_kind kind, float *out,
                       const float *in, void *branch)
{
    const struct dropout dropout = pass_dropout(pass, block->number, kind);
    int64_t per_sequence = pass->batch->length * pass->shape->n_embd;
    if (dropout.probability > 0)
        dropout_forward(branch, branch, pass->activations->element, pass->batch->sequences, per_sequence,
                        &dropout);
    residual_forward(out, in, branch, pass->activations->element, pass->rows * pass->shape->n_embd);
}

/* The stream's gradient as it enters a branch: behind the residual dropout, and of the element; the stream's
 * own where both change nothing. */
static const void *branch_gradient(const struct block *block, const struct pass *pass, enum dropout_kind kind)
{
    const struct activations *scratch = pass->activations;
    const struct dropout dropout = pass_dropout(pass, block->number, kind);
    if (dropout.probability <= 0 && scratch->element == ELEMENT_FP32)
        return scratch->gradient;
    dropout_backward(scratch->branch, scratch->gradient, scratch->element, pass->batch->sequences,
                     pass->batch->length * pass->shape->n_embd, &dropout);
    return scratch->branch;
}

static struct attention_shape attention_of(const struct pass *pass)
{
    return activations_attention(pass->shape, pass->activations->element, pass->batch->sequences,
                                 pass->batch->length, pass->batch->first_visible);
}

/* From the block's input to attention's output. */
static void attend(const struct block *block, const struct pass *pass)
{
    const struct block_activations *saved = &pass->activations->blocks[block->number - 1];
    const struct attention_shape shape = attention_of(pass);
    const struct dropout dropout = pass_dropout(pass, block->number, DROPOUT_ATTENTION);
    void *narrow = pass->activations->narrow, *qkv = saved->qkv;
    int64_t width = pass->shape->n_embd;
    norm_forward(&block->ln_1, pass, narrow, saved->mean_1, saved->rstd_1, saved->input, pass->rows);
    linear_forward(&block->attention_in, pass, qkv, narrow, pass->rows);
    if (pass->cached != NULL)
        kv_cache_attend(pass->cached, block->number - 1, saved->attention, saved->lse, qkv);
    else
        attention_forward(saved->attention, saved->lse, qkv, beside(pass, qkv, width),
                          beside(pass, qkv, 2 * width), &shape, &dropout, pass->activations->workspace);
}

/* From attention's output to what enters GELU. */
static void expand(const struct block *block, const struct pass *pass)
{
    const struct block_activations *saved = &pass->activations->blocks[block->number - 1];
    void *narrow = pass->activations->narrow;
    linear_forward(&block->attention_out, pass, narrow, saved->attention, pass->rows);
    add_branch(block, pass, DROPOUT_ATTENTION_BRANCH, saved->middle, saved->input, narrow);
    norm_forward(&block->ln_2, pass, narrow, saved->mean_2, saved->rstd_2, saved->middle, pass->rows);
    linear_forward(&block->mlp_in, pass, saved->fc, narrow, pass->rows);
}

void block_forward(const struct block *block, const struct pass *pass)
{
    const struct block_activations *saved = &pass->activations->blocks[block->number - 1];
    void *narrow = pass->activations->narrow, *wide = pass->activations->wide;
    attend(block, pass);
    expand(block, pass);
    gelu_forward(wide, saved->fc, pass->activations->element, pass->rows * 4 * pass->shape->n_embd);
    linear_forward(&block->mlp_out, pass, narrow, wide, pass->rows);
    add_branch(block, pass, DROPOUT_MLP_BRANCH, saved->output, saved->middle, narrow);
}

static void mlp_backward(const struct block *block, const struct pass *pass)
{
    const struct block_activations *saved = &pass->activations->blocks[block->number - 1];
    const void *branch = branch_gradient(block, pass, DROPOUT_MLP_BRANCH);
    void *narrow = pass->activations->narrow, *wide = pass->activations->wide;
    enum element element = pass->activations->element;
    int64_t rows = pass->rows, expanded = rows * 4 * pass->shape->n_embd;

    gelu_forward(wide, saved->fc, element, expanded);
    linear_backward(&block->mlp_out, pass, wide, wide, branch, rows);
    gelu_backward(wide, saved->fc, wide, element, expanded);
    norm_again(&block->ln_2, pass, narrow, saved->mean_2, saved->rstd_2, saved->middle, rows);
    linear_backward(&block->mlp_in, pass, narrow, narrow, wide, rows);
    norm_backward(&block->ln_2, pass, pass->activations->gradient, narrow, saved->middle, saved->mean_2,
                  saved->rstd_2, rows);
}

static void self_attention_backward(const struct block *block, const struct pass *pass)
{
    const struct block_activations *saved = &pass->activations->blocks[block->number - 1];
    const struct attention_shape shape = attention_of(pass);
    const struct dropout dropout = pass_dropout(pass, block->number, DROPOUT_ATTENTION);
    const void *branch = branch_gradient(block, pass, DROPOUT_ATTENTION_BRANCH);
    void *narrow = pass->activations->narrow, *wide = pass->activations->wide, *qkv = saved->qkv;
    int64_t rows = pass->rows, width = pass->shape->n_embd;

    linear_backward(&block->attention_out, pass, narrow, saved->attention, branch, rows);
    attention_backward(wide, beside(pass, wide, width), beside(pass, wide, 2 * width), narrow, qkv,
                       beside(pass, qkv, width), beside(pass, qkv, 2 * width), saved->attention, saved->lse,
                       &shape, &dropout, pass->activations->workspace);
    norm_again(&block->ln_1, pass, narrow, saved->mean_1, saved->rstd_1, saved->input, rows);
    linear_backward(&block->attention_in, pass, narrow, narrow, wide, rows);
    norm_backward(&block->ln_1, pass, pass->activations->gradient, narrow, saved->input, saved->mean_1,
                  saved->rstd_1, rows);
}

void block_backward(const struct block *block, const struct pass *pass)
{
    if (pass->activations->recompute != RECOMPUTE_NONE)
        attend(block, pass);
    if (pass->activations->recompute == RECOMPUTE_BLOCK)
        expand(block, pass);
    mlp_backward(block, pass);
    self_attention_backward(block, pass);
}
