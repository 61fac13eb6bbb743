/* One list of forms describes GPT-2; the table is that list spelled out for a shape. Every tensor begins at a
 * multiple of ALIGNMENT elements, so that vectors are aligned in whatever array is laid out this way; the
 * gaps stay zero and count as nobody's parameters. */
#include "llmpi/model/parameters.h"

#include "llmpi/base/integer.h"
#include "llmpi/base/memory.h"
#include "llmpi/base/random.h"
#include "llmpi/kernels/clear.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define ALIGNMENT 16 /* elements: 64 bytes of fp32 */

enum part { PART_EMBEDDINGS, PART_BLOCK, PART_FINAL };
enum presence {
    PRESENT_ALWAYS,
    PRESENT_WITH_BIAS,
    PRESENT_WITH_FREE_HEAD,
    PRESENT_WITH_LORA,    /* of all targets */
    PRESENT_WITH_LORA_ALL /* only where all layers are targets */
};
enum extent {
    EXTENT_NONE,
    EXTENT_EMBD,
    EXTENT_3_EMBD,
    EXTENT_4_EMBD,
    EXTENT_VOCAB,
    EXTENT_CONTEXT,
    EXTENT_RANK
};

/* A tensor of GPT-2 before its sizes are known. `residual` marks the projections onto the residual stream. */
struct form {
    enum part part;
    const char *name;
    enum extent rows, columns;
    enum parameter_start start;
    enum presence presence;
    bool residual;
};

static const struct form forms[] = {
    {PART_EMBEDDINGS, "wte.weight", EXTENT_VOCAB, EXTENT_EMBD, START_NORMAL, PRESENT_ALWAYS, false},
    {PART_EMBEDDINGS, "wpe.weight", EXTENT_CONTEXT, EXTENT_EMBD, START_NORMAL, PRESENT_ALWAYS, false},
    {PART_BLOCK, "ln_1.weight", EXTENT_EMBD, EXTENT_NONE, START_ONE, PRESENT_ALWAYS, false},
    {PART_BLOCK, "ln_1.bias", EXTENT_EMBD, EXTENT_NONE, START_ZERO, PRESENT_WITH_BIAS, false},
    {PART_BLOCK, "attn.c_attn.weight", EXTENT_EMBD, EXTENT_3_EMBD, START_NORMAL, PRESENT_ALWAYS, false},
    {PART_BLOCK, "attn.c_attn.bias", EXTENT_3_EMBD, EXTENT_NONE, START_ZERO, PRESENT_WITH_BIAS, false},
    {PART_BLOCK, "attn.c_attn.lora_A.weight", EXTENT_EMBD, EXTENT_RANK, START_NORMAL, PRESENT_WITH_LORA,
     false},
    {PART_BLOCK, "attn.c_attn.lora_B.weight", EXTENT_RANK, EXTENT_3_EMBD, START_ZERO, PRESENT_WITH_LORA,
     false},
    {PART_BLOCK, "attn.c_proj.weight", EXTENT_EMBD, EXTENT_EMBD, START_NORMAL, PRESENT_ALWAYS, true},
    {PART_BLOCK, "attn.c_proj.bias", EXTENT_EMBD, EXTENT_NONE, START_ZERO, PRESENT_WITH_BIAS, false},
    {PART_BLOCK, "attn.c_proj.lora_A.weight", EXTENT_EMBD, EXTENT_RANK, START_NORMAL, PRESENT_WITH_LORA,
     false},
    {PART_BLOCK, "attn.c_proj.lora_B.weight", EXTENT_RANK, EXTENT_EMBD, START_ZERO, PRESENT_WITH_LORA, false},
    {PART_BLOCK, "ln_2.weight", EXTENT_EMBD, EXTENT_NONE, START_ONE, PRESENT_ALWAYS, false},
    {PART_BLOCK, "ln_2.bias", EXTENT_EMBD, EXTENT_NONE, START_ZERO, PRESENT_WITH_BIAS, false},
    {PART_BLOCK, "mlp.c_fc.weight", EXTENT_EMBD, EXTENT_4_EMBD, START_NORMAL, PRESENT_ALWAYS, false},
    {PART_BLOCK, "mlp.c_fc.bias", EXTENT_4_EMBD, EXTENT_NONE, START_ZERO, PRESENT_WITH_BIAS, false},
    {PART_BLOCK, "mlp.c_fc.lora_A.weight", EXTENT_EMBD, EXTENT_RANK, START_NORMAL, PRESENT_WITH_LORA_ALL,
     false},
    {PART_BLOCK, "mlp.c_fc.lora_B.weight", EXTENT_RANK, EXTENT_4_EMBD, START_ZERO, PRESENT_WITH_LORA_ALL,
     false},
    {PART_BLOCK, "mlp.c_proj.weight", EXTENT_4_EMBD, EXTENT_EMBD, START_NORMAL, PRESENT_ALWAYS, true},
    {PART_BLOCK, "mlp.c_proj.bias", EXTENT_EMBD, EXTENT_NONE, START_ZERO, PRESENT_WITH_BIAS, false},
    {PART_BLOCK, "mlp.c_proj.lora_A.weight", EXTENT_4_EMBD, EXTENT_RANK, START_NORMAL, PRESENT_WITH_LORA_ALL,
     false},
    {PART_BLOCK, "mlp.c_proj.lora_B.weight", EXTENT_RANK, EXTENT_EMBD, START_ZERO, PRESENT_WITH_LORA_ALL,
     false},
    {PART_FINAL, "ln_f.weight", EXTENT_EMBD, EXTENT_NONE, START_ONE, PRESENT_ALWAYS, false},
    {PART_FINAL, "ln_f.bias", EXTENT_EMBD, EXTENT_NONE, START_ZERO, PRESENT_WITH_BIAS, false},
    {PART_FINAL, "lm_head.weight", EXTENT_VOCAB, EXTENT_EMBD, START_NORMAL, PRESENT_WITH_FREE_HEAD, false},
};

#define FORMS ((int64_t)(sizeof forms / sizeof forms[0]))

static int64_t extent_size(enum extent extent, const struct model_shape *shape)
{
    switch (extent) {
    case EXTENT_NONE:
        return 1;
    case EXTENT_EMBD:
        return shape->n_embd;
    case EXTENT_3_EMBD:
        return 3 * shape->n_embd;
    case EXTENT_4_EMBD:
        return 4 * shape->n_embd;
    case EXTENT_VOCAB:
        return shape->vocab_size;
    case EXTENT_CONTEXT:
        return shape->context_length;
    case EXTENT_RANK:
        return shape->lora.rank;
    }
    return 0;
}

static bool is_present(const struct form *form, const struct model_shape *shape)
{
    switch (form->presence) {
    case PRESENT_ALWAYS:
        return true;
    case PRESENT_WITH_BIAS:
        return shape->bias;
    case PRESENT_WITH_FREE_HEAD:
        return !shape->tied_head;
    case PRESENT_WITH_LORA:
        return shape->lora.rank > 0;
    case PRESENT_WITH_LORA_ALL:
        return shape->lora.rank > 0 && shape->lora.targets == LORA_ALL;
    }
    return false;
}

static bool is_adapter(const struct form *form)
{
    return form->presence == PRESENT_WITH_LORA || form->presence == PRESENT_WITH_LORA_ALL;
}

static bool is_trained(const struct form *form, const struct model_shape *shape)
{
    return shape->lora.rank == 0 || is_adapter(form) ||
           (form->rows == EXTENT_VOCAB && shape->lora.embeddings);
}

/* Adapters: the variance of the paper's own program, 1/3 over the inputs. */
static double deviation_of(const struct form *form, const struct model_shape *shape)
{
    if (is_adapter(form))
        return 1 / sqrt(3.0 * (double)extent_size(form->rows, shape));
    return form->residual ? 0.02 / sqrt(2.0 * (double)shape->n_layer) : 0.02;
}

static enum status check_bound(const char *name, int64_t value, int64_t largest)
{
    if (value >= 1 && value <= largest)
        return STATUS_OK;
    return fail(STATUS_USAGE, "model.%s is %lld, allowed is 1 to %lld", name, (long long)value,
                (long long)largest);
}

/* The bounds keep every count and byte count of the table within 64 bits. */
static enum status check_shape(const struct model_shape *shape)
{
    TRY(check_bound("n_layer", shape->n_layer, 1 << 16));
    TRY(check_bound("n_embd", shape->n_embd, 1 << 20));
    TRY(check_bound("n_head", shape->n_head, shape->n_embd));
    TRY(check_bound("context_length", shape->context_length, INT32_MAX));
    TRY(check_bound("vocab_size", shape->vocab_size, INT32_MAX));
    if (shape->n_embd % shape->n_head != 0)
        return fail(STATUS_USAGE, "model.n_embd is %lld, which is no multiple of model.n_head (%lld)",
                    (long long)shape->n_embd, (long long)shape->n_head);
    if (!(shape->dropout >= 0 && shape->dropout < 1))
        return fail(STATUS_USAGE, "model.dropout is %g, allowed is 0 or more and below 1", shape->dropout);
    if (shape->lora.rank < 0 || shape->lora.rank > shape->n_embd)
        return fail(STATUS_USAGE, "finetune.lora_rank is %lld, allowed is 0 to model.n_embd (%lld)",
                    (long long)shape->lora.rank, (long long)shape->n_embd);
    if (shape->lora.rank > 0 && !(isfinite(shape->lora.alpha) && shape->lora.alpha > 0))
        return fail(STATUS_USAGE, "finetune.lora_alpha is %g, allowed is more than 0", shape->lora.alpha);
    return STATUS_OK;
}

static void append_row(struct parameter_table *table, const struct form *form, int64_t block,
                       const struct model_shape *shape)
{
    struct parameter *row = &table->rows[table->count++];
    if (form->part == PART_BLOCK)
        snprintf(row->name, sizeof row->name, "h.%lld.%s", (long long)block - 1, form->name);
    else
        snprintf(row->name, sizeof row->name, "%s", form->name);
    row->dimensions = form->columns == EXTENT_NONE ? 1 : 2;
    row->sizes[0] = extent_size(form->rows, shape);
    row->sizes[1] = extent_size(form->columns, shape);
    row->count = row->sizes[0] * row->sizes[1];
    row->block = block;
    row->start = form->start;
    if (form->start == START_NORMAL)
        row->deviation = deviation_of(form, shape);
    row->decay = row->dimensions == 2;
    row->adapter = is_adapter(form);
    row->trainable = is_trained(form, shape);
}

static void append_part(struct parameter_table *table, enum part part, int64_t block,
                        const struct model_shape *shape)
{
    for (int64_t i = 0; i < FORMS; i++)
        if (forms[i].part == part && is_present(&forms[i], shape))
            append_row(table, &forms[i], block, shape);
}

/* The rows that are trained, or those that are not, get places behind what has one. */
static void place_rows(struct parameter_table *table, bool trainable)
{
    for (int64_t i = 0; i < table->count; i++) {
        struct parameter *row = &table->rows[i];
        if (row->trainable != trainable)
            continue;
        row->offset = table->total;
        table->total += round_up(row->count, ALIGNMENT);
    }
}

enum status parameter_table_create(const struct model_shape *shape, struct parameter_table *out)
{
    *out = (struct parameter_table){.lora = shape->lora};
    TRY(check_shape(shape));
    out->rows = memory_allocate(FORMS * shape->n_layer, sizeof *out->rows, "the parameter table");
    if (out->rows == NULL)
        return STATUS_FAILED;
    out->blocks = shape->n_layer + 2;
    append_part(out, PART_EMBEDDINGS, 0, shape);
    for (int64_t block = 1; block <= shape->n_layer; block++)
        append_part(out, PART_BLOCK, block, shape);
    append_part(out, PART_FINAL, shape->n_layer + 1, shape);
    place_rows(out, true);
    out->trainable = out->total;
    place_rows(out, false);
    return STATUS_OK;
}

void parameter_table_free(struct parameter_table *table)
{
    memory_free(table->rows);
    *table = (struct parameter_table){0};
}

/* Where what is trained of `block` or a later one begins. */
static int64_t block_start(const struct parameter_table *table, int64_t block)
{
    for (int64_t i = 0; i < table->count; i++)
        if (table->rows[i].trainable && table->rows[i].block >= block)
            return table->rows[i].offset;
    return table->trainable;
}

void parameter_block(const struct parameter_table *table, int64_t block, int64_t *first, int64_t *count)
{
    *first = block_start(table, block);
    *count = block_start(table, block + 1) - *first;
}

const struct parameter *parameter_find(const struct parameter_table *table, const char *name)
{
    for (int64_t i = 0; i < table->count; i++)
        if (strcmp(table->rows[i].name, name) == 0)
            return &table->rows[i];
    return NULL;
}

/* Element e is number e % 4 of random block e / 4 of the tensor's stream, whoever computes it. */
static void fill_normal(float *values, int64_t count, double deviation, uint64_t seed, uint64_t stream)
{
#pragma omp parallel for schedule(static)
    for (int64_t first = 0; first < count; first += 4) {
        double normals[4];
        random_normals(seed, stream, (uint64_t)first / 4, normals);
        for (int64_t i = 0; i < 4 && first + i < count; i++)
            values[first + i] = (float)(deviation * normals[i]);
    }
}

void parameter_initialise(const struct parameter_table *table, uint64_t seed, float *parameters)
{
    clear_floats(parameters, table->total);
    for (int64_t i = 0; i < table->count; i++) {
        const struct parameter *row = &table->rows[i];
        float *values = parameters + row->offset;
        if (row->start == START_ONE)
            for (int64_t e = 0; e < row->count; e++)
                values[e] = 1;
        if (row->start == START_NORMAL)
            fill_normal(values, row->count, row->deviation, seed,
                        RANDOM_INITIALISATION + ((uint64_t)i << 32));
    }
}
