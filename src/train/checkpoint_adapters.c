/* What a checkpoint says of adapters, in attributes beside their tensors, and making plain weights of them.
 */
#include "checkpoint_private.h"

#include "llmpi/base/memory.h"
#include "llmpi/model/adapter.h"

#include <stdio.h>
#include <string.h>

static const char *const target_names[] = {[LORA_ALL] = "all", [LORA_ATTENTION] = "attention"};

int checkpoint_lora_attributes(const struct lora *lora, struct tensor_attribute out[CHECKPOINT_LORA])
{
    if (lora->rank == 0)
        return 0;
    out[0] = (struct tensor_attribute){.name = "lora_rank", .kind = TENSOR_INT64, .integer = lora->rank};
    out[1] = (struct tensor_attribute){.name = "lora_alpha", .kind = TENSOR_DOUBLE, .number = lora->alpha};
    out[2] = (struct tensor_attribute){
        .name = "lora_targets", .kind = TENSOR_TEXT, .text = target_names[lora->targets]};
    out[3] = (struct tensor_attribute){
        .name = "lora_embeddings", .kind = TENSOR_INT64, .integer = lora->embeddings};
    return CHECKPOINT_LORA;
}

static enum status note_lora(void *context, const struct tensor_attribute *attribute)
{
    struct lora *lora = context;
    if (attribute->kind == TENSOR_INT64 && strcmp(attribute->name, "lora_rank") == 0)
        lora->rank = attribute->integer;
    if (attribute->kind == TENSOR_DOUBLE && strcmp(attribute->name, "lora_alpha") == 0)
        lora->alpha = attribute->number;
    if (attribute->kind == TENSOR_TEXT && strcmp(attribute->name, "lora_targets") == 0)
        lora->targets =
            strcmp(attribute->text, target_names[LORA_ATTENTION]) == 0 ? LORA_ATTENTION : LORA_ALL;
    if (attribute->kind == TENSOR_INT64 && strcmp(attribute->name, "lora_embeddings") == 0)
        lora->embeddings = attribute->integer != 0;
    return STATUS_OK;
}

enum status checkpoint_read_lora(struct tensor_file *file, struct lora *out)
{
    *out = (struct lora){0};
    return tensor_file_each_attribute(file, note_lora, out);
}

static const char *describe(const struct lora *lora, char text[128])
{
    if (lora->rank == 0)
        return "finetune.lora_rank 0";
    snprintf(text, 128, "finetune.lora_rank %lld, lora_alpha %g, lora_targets %s, lora_embeddings %s",
             (long long)lora->rank, lora->alpha, target_names[lora->targets],
             lora->embeddings ? "true" : "false");
    return text;
}

enum status checkpoint_check_lora(const char *path, const struct lora *stored, const struct lora *now)
{
    char old_text[128], new_text[128];
    bool same = stored->rank == now->rank &&
                (now->rank == 0 || (stored->alpha == now->alpha && stored->targets == now->targets &&
                                    stored->embeddings == now->embeddings));
    if (same)
        return STATUS_OK;
    return fail(STATUS_USAGE,
                "%s was trained with %s, but this run has %s: set that back, or start over with --fresh",
                path, describe(stored, old_text), describe(now, new_text));
}

/* The row of the layer that an adapter belongs to. */
static const struct parameter *find_layer(const struct parameter_table *table, const struct parameter *a)
{
    static const char part[] = "lora_A.";
    char name[sizeof a->name];
    const char *at = strstr(a->name, part);
    snprintf(name, sizeof name, "%.*s%s", (int)(at - a->name), a->name, at + strlen(part));
    return parameter_find(table, name);
}

static enum status read_whole(struct tensor_file *file, const char *path, const struct parameter *row,
                              float **out)
{
    int64_t index;
    TRY(checkpoint_find(file, path, SERIES_PARAMETERS, row, &index));
    *out = memory_allocate(row->count, sizeof **out, "an adapter");
    if (*out == NULL)
        return STATUS_FAILED;
    return tensor_file_read(file, index, 0, *out, row->count * (int64_t)sizeof **out);
}

static enum status merge_row(struct tensor_file *file, const char *path, const struct parameter *a,
                             const struct parameter *b, double alpha, float *weight)
{
    float *a_values = NULL, *b_values = NULL;
    enum status status = read_whole(file, path, a, &a_values);
    if (status == STATUS_OK)
        status = read_whole(file, path, b, &b_values);
    if (status == STATUS_OK)
        adapter_merge(weight, a_values, b_values, a->sizes[0], b->sizes[1], a->sizes[1],
                      alpha / (double)a->sizes[1]);
    memory_free(a_values);
    memory_free(b_values);
    return status;
}

/* The table of a model with these adapters says which they are and what shapes they have. */
enum status checkpoint_merge(struct tensor_file *file, const char *path, const struct lora *lora,
                             const struct model_shape *shape, const struct parameter_table *table,
                             float *parameters)
{
    struct model_shape with = *shape;
    struct parameter_table adapted;
    with.lora = *lora;
    TRY(parameter_table_create(&with, &adapted));
    enum status status = STATUS_OK;
    for (int64_t i = 0; i < adapted.count && status == STATUS_OK; i++) {
        const struct parameter *a = &adapted.rows[i];
        if (!a->adapter)
            continue;
        i++; /* its B follows */
        status = merge_row(file, path, a, a + 1, lora->alpha, parameters + find_layer(table, a)->offset);
    }
    parameter_table_free(&adapted);
    return status;
}
