/* Laying out a checkpoint: the list of its tensors, its attributes and its texts. */
#include "checkpoint_private.h"

#include "llmpi/base/memory.h"
#include "llmpi/base/version.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void text_spec(struct tensor_spec *spec, const char *name, const struct buffer *text)
{
    *spec = (struct tensor_spec){.type = HDF5_UINT8, .dimensions = 1, .sizes = {(int64_t)text->length}};
    snprintf(spec->name, sizeof spec->name, "%s", name);
}

bool checkpoint_has_row(enum series series, const struct parameter *row)
{
    return series == SERIES_PARAMETERS || row->trainable;
}

int64_t checkpoint_index(const struct parameter_table *table, int series, int64_t row)
{
    int64_t before = 0;
    for (int earlier = 0; earlier <= series; earlier++)
        for (int64_t i = 0; i < (earlier < series ? table->count : row); i++)
            before += checkpoint_has_row((enum series)earlier, &table->rows[i]);
    return before;
}

/* The list of tensors: `all` series, then tokenizer and config. */
static struct tensor_spec *make_specs(const struct parameter_table *table, int all,
                                      const struct buffer *tokenizer, const struct buffer *config,
                                      int64_t *count)
{
    *count = checkpoint_index(table, all - 1, table->count) + 2;
    struct tensor_spec *specs = memory_allocate(*count, sizeof *specs, "the list of tensors");
    if (specs == NULL)
        return NULL;
    for (int series = 0; series < all; series++) {
        for (int64_t i = 0; i < table->count; i++) {
            const struct parameter *row = &table->rows[i];
            if (!checkpoint_has_row((enum series)series, row))
                continue;
            struct tensor_spec *spec = &specs[checkpoint_index(table, series, i)];
            *spec = (struct tensor_spec){.type = HDF5_FLOAT32, .dimensions = row->dimensions};
            memcpy(spec->sizes, row->sizes, sizeof row->sizes);
            snprintf(spec->name, sizeof spec->name, "%s%s", checkpoint_prefix[series], row->name);
        }
    }
    text_spec(&specs[*count - 2], "tokenizer", tokenizer);
    text_spec(&specs[*count - 1], "config", config);
    return specs;
}

/* The text at place `i` after all tensors. */
static enum status write_text(struct tensor_file *file, const struct train_state *state, int64_t i,
                              const struct buffer *text)
{
    const struct parameter_table *table = model_table(state->model);
    int64_t first = checkpoint_index(table, checkpoint_series(state) - 1, table->count);
    return tensor_file_write(file, first + i, 0, text->data, (int64_t)text->length);
}

enum { ATTRIBUTES_MOST = 18 + CHECKPOINT_LORA };

/* Digests as text: attributes point into it. */
struct digest_texts {
    char tokenizer[24], dataset[24];
};

/* Fills the attributes, which last as long as notes and texts; returns how many there are. */
static int64_t list_attributes(const struct config *config, const struct train_state *state,
                               const struct checkpoint_notes *notes, struct digest_texts *texts,
                               struct tensor_attribute out[ATTRIBUTES_MOST])
{
    snprintf(texts->tokenizer, sizeof texts->tokenizer, "%016" PRIx64, tokenizer_digest(state->tokenizer));
    snprintf(texts->dataset, sizeof texts->dataset, "%016" PRIx64, notes->dataset_digest);
    const struct tensor_attribute fixed[] = {
        {.name = "format_version", .kind = TENSOR_INT64, .integer = CHECKPOINT_FORMAT_VERSION},
        {.name = "llmpi_version", .kind = TENSOR_TEXT, .text = version_number()},
        {.name = "llmpi_commit", .kind = TENSOR_TEXT, .text = version_commit()},
        {.name = "step", .kind = TENSOR_INT64, .integer = state->step},
        {.name = "sequences", .kind = TENSOR_INT64, .integer = state->sequences},
        {.name = "tokens", .kind = TENSOR_INT64, .integer = state->tokens},
        {.name = "seed", .kind = TENSOR_INT64, .integer = config->run.seed},
        {.name = "ranks", .kind = TENSOR_INT64, .integer = notes->ranks},
        {.name = "precision", .kind = TENSOR_TEXT, .text = notes->precision},
        {.name = "products", .kind = TENSOR_TEXT, .text = notes->products},
        {.name = "instructions", .kind = TENSOR_TEXT, .text = notes->instructions},
        {.name = "tokenizer_digest", .kind = TENSOR_TEXT, .text = texts->tokenizer},
        {.name = "dataset_digest", .kind = TENSOR_TEXT, .text = texts->dataset},
        {.name = "train_tokens", .kind = TENSOR_INT64, .integer = notes->train_tokens},
        {.name = "metrics_bytes", .kind = TENSOR_INT64, .integer = notes->metrics_bytes},
        {.name = "samples_bytes", .kind = TENSOR_INT64, .integer = notes->samples_bytes},
        {.name = "owed", .kind = TENSOR_INT64, .integer = notes->owed}};
    _Static_assert(sizeof fixed / sizeof *fixed + 1 + CHECKPOINT_LORA <= ATTRIBUTES_MOST, "room for all");
    int64_t count = sizeof fixed / sizeof *fixed;
    memcpy(out, fixed, sizeof fixed);
    if (!isnan(notes->validation_loss))
        out[count++] = (struct tensor_attribute){
            .name = "validation_loss", .kind = TENSOR_DOUBLE, .number = notes->validation_loss};
    return count + checkpoint_lora_attributes(&model_table(state->model)->lora, out + count);
}

enum status checkpoint_lay_out(const char *path, const struct config *config, const struct train_state *state,
                               const struct checkpoint_notes *notes, struct tensor_file **file)
{
    struct buffer tokenizer = {0}, yaml = {0};
    struct tensor_spec *specs = NULL;
    int64_t count = 0;
    struct digest_texts texts;
    struct tensor_attribute attributes[ATTRIBUTES_MOST];
    int64_t attribute_count = list_attributes(config, state, notes, &texts, attributes);
    enum status status = tokenizer_write(state->tokenizer, &tokenizer);
    if (status == STATUS_OK)
        status = config_write(config, false, &yaml);
    if (status != STATUS_OK)
        goto cleanup;
    specs = make_specs(model_table(state->model), checkpoint_series(state), &tokenizer, &yaml, &count);
    status = specs == NULL ? STATUS_FAILED
                           : tensor_file_create(path, specs, count, attributes, attribute_count, file);
    if (status == STATUS_OK)
        status = write_text(*file, state, 0, &tokenizer);
    if (status == STATUS_OK)
        status = write_text(*file, state, 1, &yaml);
cleanup:
    memory_free(specs);
    buffer_free(&tokenizer);
    buffer_free(&yaml);
    return status;
}
