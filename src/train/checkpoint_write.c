/* Writing a checkpoint: rank 0 lays out the file and writes, the other ranks send it what they own. A rank
 * that cannot go on still attends, so that nobody waits for it. */
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

/* The list of tensors: `all` times the table, then tokenizer and config. */
static struct tensor_spec *make_specs(const struct parameter_table *table, int all,
                                      const struct buffer *tokenizer, const struct buffer *config,
                                      int64_t *count)
{
    *count = all * table->count + 2;
    struct tensor_spec *specs = memory_allocate(*count, sizeof *specs, "the list of tensors");
    if (specs == NULL)
        return NULL;
    for (int series = 0; series < all; series++) {
        for (int64_t i = 0; i < table->count; i++) {
            const struct parameter *row = &table->rows[i];
            struct tensor_spec *spec = &specs[series * table->count + i];
            *spec = (struct tensor_spec){.type = HDF5_FLOAT32, .dimensions = row->dimensions};
            memcpy(spec->sizes, row->sizes, sizeof row->sizes);
            snprintf(spec->name, sizeof spec->name, "%s%s", checkpoint_prefix[series], row->name);
        }
    }
    text_spec(&specs[*count - 2], "tokenizer", tokenizer);
    text_spec(&specs[*count - 1], "config", config);
    return specs;
}

/* Where what is written comes from, and goes to. */
struct writing {
    struct tensor_file *file; /* NULL on all ranks but 0 */
    const struct train_state *state;
    struct comm *comm;
    float *room;        /* rank 0: for the largest part of a block */
    enum status status; /* rank 0: of what has been written so far */
};

/* Writes elements [share.first, + share.count) of the parameter array, tensor by tensor. */
static enum status write_share(struct writing *writing, enum series series, struct share share,
                               const float *values)
{
    const struct parameter_table *table = model_table(writing->state->model);
    for (int64_t i = 0; i < table->count; i++) {
        const struct parameter *row = &table->rows[i];
        int64_t first = row->offset > share.first ? row->offset : share.first;
        int64_t end = row->offset + row->count, share_end = share.first + share.count;
        end = end < share_end ? end : share_end;
        if (first < end)
            TRY(tensor_file_write(writing->file, series * table->count + i,
                                  (first - row->offset) * (int64_t)sizeof *values,
                                  values + (first - share.first), (end - first) * (int64_t)sizeof *values));
    }
    return STATUS_OK;
}

/* A block of a series that the ranks own in parts. */
static void write_block(struct writing *writing, enum series series, int64_t block)
{
    const struct ownership *ownership = checkpoint_ownership(writing->state, series);
    float *packed = checkpoint_packed(writing->state, series);
    int rank = comm_rank(writing->comm);
    for (int owner = 0; owner < ownership->ranks; owner++) {
        struct share part = ownership_part(ownership, block, owner);
        float *values = rank == owner ? packed + ownership->packed[block] : writing->room;
        comm_pass(writing->comm, values, (size_t)part.count * sizeof *values, owner, 0);
        if (rank == 0 && writing->status == STATUS_OK)
            writing->status = write_share(writing, series, part, values);
    }
}

static void write_series(struct writing *writing, enum series series)
{
    const struct ownership *ownership = checkpoint_ownership(writing->state, series);
    for (int64_t block = 0; block < ownership->blocks; block++) {
        struct share share = ownership->block[block];
        if (checkpoint_packed(writing->state, series) != NULL)
            write_block(writing, series, block);
        else if (writing->file != NULL && writing->status == STATUS_OK)
            writing->status =
                write_share(writing, series, share, model_parameters(writing->state->model) + share.first);
    }
}

/* The text at place `i` after all tensors. */
static enum status write_text(struct tensor_file *file, const struct train_state *state, int64_t i,
                              const struct buffer *text)
{
    int64_t index = checkpoint_series(state) * model_table(state->model)->count + i;
    return tensor_file_write(file, index, 0, text->data, (int64_t)text->length);
}

/* Rank 0: the file with its attributes and texts. */
static enum status begin_file(const char *path, const struct config *config, const struct train_state *state,
                              const struct checkpoint_notes *notes, struct tensor_file **file)
{
    struct buffer tokenizer = {0}, yaml = {0};
    struct tensor_spec *specs = NULL;
    int64_t count = 0;
    char tokenizer_text[24], dataset_text[24];
    snprintf(tokenizer_text, sizeof tokenizer_text, "%016" PRIx64, tokenizer_digest(state->tokenizer));
    snprintf(dataset_text, sizeof dataset_text, "%016" PRIx64, notes->dataset_digest);
    const struct tensor_attribute attributes[] = {
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
        {.name = "tokenizer_digest", .kind = TENSOR_TEXT, .text = tokenizer_text},
        {.name = "dataset_digest", .kind = TENSOR_TEXT, .text = dataset_text},
        {.name = "metrics_bytes", .kind = TENSOR_INT64, .integer = notes->metrics_bytes},
        {.name = "samples_bytes", .kind = TENSOR_INT64, .integer = notes->samples_bytes}};
    enum status status = tokenizer_write(state->tokenizer, &tokenizer);
    if (status == STATUS_OK)
        status = config_write(config, false, &yaml);
    if (status != STATUS_OK)
        goto cleanup;
    specs = make_specs(model_table(state->model), checkpoint_series(state), &tokenizer, &yaml, &count);
    status = specs == NULL ? STATUS_FAILED
                           : tensor_file_create(path, specs, count, attributes,
                                                (int64_t)(sizeof attributes / sizeof *attributes), file);
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

enum status checkpoint_write(const char *path, const struct config *config, const struct train_state *state,
                             const struct checkpoint_notes *notes, struct comm *comm)
{
    struct writing writing = {.state = state, .comm = comm, .status = STATUS_OK};
    bool root = comm_rank(comm) == 0;
    if (root) {
        writing.room =
            memory_allocate(checkpoint_foreign_part(state), sizeof *writing.room, "a part of a block");
        writing.status =
            writing.room != NULL ? begin_file(path, config, state, notes, &writing.file) : STATUS_FAILED;
    }
    enum status status = comm_agree(comm, writing.status);
    for (int series = 0; series < checkpoint_series(state) && status == STATUS_OK; series++)
        write_series(&writing, (enum series)series);
    if (root && status == STATUS_OK && writing.status == STATUS_OK) {
        writing.status = tensor_file_publish(writing.file, NAN);
        writing.file = NULL;
    }
    tensor_file_close(writing.file);
    memory_free(writing.room);
    return status != STATUS_OK ? status : writing.status;
}
