/* Reading a checkpoint: texts, notes and parameters by whoever has the file, moments by rank 0 for all. */
#include "checkpoint_private.h"

#include "llmpi/base/integer.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum status read_text(struct tensor_file *file, const char *path, const char *name, struct buffer *out)
{
    int64_t index = tensor_file_find(file, name);
    const struct tensor_spec *spec = index >= 0 ? tensor_file_spec(file, index) : NULL;
    if (spec == NULL || spec->type != HDF5_UINT8 || spec->dimensions != 1)
        return fail(STATUS_FAILED, "%s: it has no bytes named '%s': not a training checkpoint", path, name);
    TRY(buffer_reserve(out, (size_t)spec->sizes[0]));
    TRY(tensor_file_read(file, index, 0, out->data, spec->sizes[0]));
    out->length = (size_t)spec->sizes[0];
    out->data[out->length] = '\0';
    return STATUS_OK;
}

static enum status read_text_of(const char *path, const char *name, struct buffer *out)
{
    struct tensor_file *file = NULL;
    TRY(tensor_file_open(path, &file));
    enum status status = read_text(file, path, name, out);
    tensor_file_close(file);
    return status;
}

enum status checkpoint_read_config(const char *path, struct config *config)
{
    struct buffer yaml = {0};
    const struct string_list no_overrides = {0};
    *config = (struct config){0};
    enum status status = read_text_of(path, "config", &yaml);
    if (status == STATUS_OK)
        status = config_parse(config, yaml.data, yaml.length, path, &no_overrides);
    buffer_free(&yaml);
    return status;
}

enum status checkpoint_read_tokenizer(const char *path, struct tokenizer **tokenizer)
{
    struct buffer json = {0};
    *tokenizer = NULL;
    enum status status = read_text_of(path, "tokenizer", &json);
    if (status == STATUS_OK)
        status = tokenizer_parse(json.data, json.length, path, tokenizer);
    buffer_free(&json);
    return status;
}

enum status checkpoint_find(struct tensor_file *file, const char *path, enum series series,
                            const struct parameter *row, int64_t *index)
{
    char name[128];
    snprintf(name, sizeof name, "%s%s", checkpoint_prefix[series], row->name);
    *index = tensor_file_find(file, name);
    if (*index < 0)
        return fail(STATUS_FAILED, "%s: tensor %s is missing", path, name);
    const struct tensor_spec *spec = tensor_file_spec(file, *index);
    int64_t columns = spec->dimensions > 1 ? spec->sizes[1] : 1;
    if (spec->type != HDF5_FLOAT32 || spec->dimensions != row->dimensions ||
        spec->sizes[0] != row->sizes[0] || columns != row->sizes[1])
        return fail(STATUS_FAILED, "%s: tensor %s is %lld x %lld, the model's is %lld x %lld", path, name,
                    (long long)spec->sizes[0], (long long)columns, (long long)row->sizes[0],
                    (long long)row->sizes[1]);
    return STATUS_OK;
}

/* Reads elements [share.first, + share.count) of the parameter array; gaps between tensors stay as they are.
 */
static enum status read_share(struct tensor_file *file, const char *path, const struct parameter_table *table,
                              enum series series, struct share share, float *out)
{
    for (int64_t i = 0; i < table->count; i++) {
        const struct parameter *row = &table->rows[i];
        int64_t first = row->offset > share.first ? row->offset : share.first, index = 0;
        int64_t end = row->offset + row->count, share_end = share.first + share.count;
        end = smaller(end, share_end);
        if (first >= end)
            continue;
        TRY(checkpoint_find(file, path, series, row, &index));
        TRY(tensor_file_read(file, index, (first - row->offset) * (int64_t)sizeof *out,
                             out + (first - share.first), (end - first) * (int64_t)sizeof *out));
    }
    return STATUS_OK;
}

/* Adds the adapters that the file has, if any, to the model's weights. */
static enum status merge_adapters(struct tensor_file *file, const char *path, struct model *model)
{
    struct lora stored;
    TRY(checkpoint_read_lora(file, &stored));
    return checkpoint_merge(file, path, &stored, model_shape(model), model_table(model),
                            model_parameters(model));
}

/* The rows of a matrix from `known` on become the mean of those before. */
static void fill_with_mean(float *matrix, int64_t known, int64_t rows, int64_t columns)
{
    for (int64_t column = 0; column < columns; column++) {
        double sum = 0;
        for (int64_t row = 0; row < known; row++)
            sum += (double)matrix[row * columns + column];
        for (int64_t row = known; row < rows; row++)
            matrix[row * columns + column] = (float)(sum / (double)known);
    }
}

/* A tensor with a row for each token may have fewer of them in the file. */
static enum status read_grown(struct tensor_file *file, const char *path, const struct parameter *row,
                              float *out)
{
    struct parameter stored = *row;
    int64_t index = tensor_file_find(file, row->name);
    bool by_token = strcmp(row->name, "wte.weight") == 0 || strcmp(row->name, "lm_head.weight") == 0;
    int64_t known = index >= 0 ? tensor_file_spec(file, index)->sizes[0] : 0;
    if (by_token && known > 0 && known < row->sizes[0]) {
        stored.sizes[0] = known;
        stored.count = known * row->sizes[1];
    }
    TRY(checkpoint_find(file, path, SERIES_PARAMETERS, &stored, &index));
    TRY(tensor_file_read(file, index, 0, out, stored.count * (int64_t)sizeof *out));
    if (stored.count < row->count)
        fill_with_mean(out, known, row->sizes[0], row->sizes[1]);
    return STATUS_OK;
}

static enum status read_base(struct tensor_file *file, const char *path, struct model *model)
{
    const struct parameter_table *table = model_table(model);
    for (int64_t i = 0; i < table->count; i++) {
        const struct parameter *row = &table->rows[i];
        if (!row->adapter)
            TRY(read_grown(file, path, row, model_parameters(model) + row->offset));
    }
    return merge_adapters(file, path, model);
}

enum status checkpoint_load_base(const char *path, struct model *model)
{
    struct tensor_file *file = NULL;
    TRY(tensor_file_open(path, &file));
    enum status status = read_base(file, path, model);
    tensor_file_close(file);
    return status;
}

/* A run that continues must have the file's adapters; a model for use has none. */
static enum status read_parameters(struct tensor_file *file, const char *path, struct train_state *state)
{
    const struct parameter_table *table = model_table(state->model);
    struct lora stored;
    TRY(checkpoint_read_lora(file, &stored));
    if (state->exchange != NULL)
        TRY(checkpoint_check_lora(path, &stored, &table->lora));
    TRY(read_share(file, path, table, SERIES_PARAMETERS, (struct share){0, table->total},
                   model_parameters(state->model)));
    return state->exchange != NULL ? STATUS_OK : merge_adapters(file, path, state->model);
}

/* What older files do not say. */
static enum status note_optional(void *context, const struct tensor_attribute *attribute)
{
    struct checkpoint_notes *notes = context;
    if (attribute->kind == TENSOR_INT64 && strcmp(attribute->name, "owed") == 0)
        notes->owed = attribute->integer;
    if (attribute->kind == TENSOR_INT64 && strcmp(attribute->name, "train_tokens") == 0)
        notes->train_tokens = attribute->integer;
    if (attribute->kind == TENSOR_DOUBLE && strcmp(attribute->name, "validation_loss") == 0)
        notes->validation_loss = attribute->number;
    if (attribute->kind != TENSOR_TEXT)
        return STATUS_OK;
    if (strcmp(attribute->name, "precision") == 0)
        snprintf(notes->precision, sizeof notes->precision, "%s", attribute->text);
    else if (strcmp(attribute->name, "products") == 0)
        snprintf(notes->products, sizeof notes->products, "%s", attribute->text);
    else if (strcmp(attribute->name, "instructions") == 0)
        snprintf(notes->instructions, sizeof notes->instructions, "%s", attribute->text);
    return STATUS_OK;
}

static enum status read_digest(struct tensor_file *file, const char *name, uint64_t *digest)
{
    struct buffer text = {0};
    enum status status = tensor_file_attribute_text(file, name, &text);
    if (status == STATUS_OK)
        *digest = strtoull(text.data, NULL, 16);
    buffer_free(&text);
    return status;
}

static enum status read_notes(struct tensor_file *file, struct checkpoint_notes *notes)
{
    *notes = (struct checkpoint_notes){.validation_loss = NAN};
    enum status status = tensor_file_attribute_int64(file, "metrics_bytes", &notes->metrics_bytes);
    if (status == STATUS_OK)
        status = tensor_file_attribute_int64(file, "samples_bytes", &notes->samples_bytes);
    if (status == STATUS_OK)
        status = tensor_file_attribute_int64(file, "ranks", &notes->ranks);
    if (status == STATUS_OK)
        status = read_digest(file, "dataset_digest", &notes->dataset_digest);
    if (status == STATUS_OK)
        status = read_digest(file, "tokenizer_digest", &notes->tokenizer_digest);
    if (status == STATUS_OK)
        status = tensor_file_each_attribute(file, note_optional, notes);
    return status;
}

enum status checkpoint_read_notes(const char *path, struct checkpoint_notes *notes)
{
    struct tensor_file *file = NULL;
    TRY(tensor_file_open(path, &file));
    enum status status = read_notes(file, notes);
    tensor_file_close(file);
    return status;
}

/* Moments are read later, by all ranks together, when it is too late to take another file. */
static enum status check_moments(struct tensor_file *file, const char *path, const struct train_state *state)
{
    const struct parameter_table *table = model_table(state->model);
    int64_t index;
    for (int series = SERIES_EXP_AVG; state->exchange != NULL && series <= SERIES_EXP_AVG_SQ; series++)
        for (int64_t i = 0; i < table->count; i++)
            if (table->rows[i].trainable)
                TRY(checkpoint_find(file, path, (enum series)series, &table->rows[i], &index));
    return STATUS_OK;
}

enum status checkpoint_load(const char *path, struct train_state *state, struct checkpoint_notes *notes)
{
    struct tensor_file *file = NULL;
    int64_t version = 0;
    TRY(tensor_file_open(path, &file));
    enum status status = tensor_file_attribute_int64(file, "format_version", &version);
    if (status == STATUS_OK && version != CHECKPOINT_FORMAT_VERSION)
        status = fail(version > CHECKPOINT_FORMAT_VERSION ? STATUS_USAGE : STATUS_FAILED,
                      "%s: format version %lld, this program reads %d", path, (long long)version,
                      CHECKPOINT_FORMAT_VERSION);
    if (status == STATUS_OK)
        status = tensor_file_attribute_int64(file, "step", &state->step);
    if (status == STATUS_OK)
        status = tensor_file_attribute_int64(file, "sequences", &state->sequences);
    if (status == STATUS_OK)
        status = tensor_file_attribute_int64(file, "tokens", &state->tokens);
    if (status == STATUS_OK && notes != NULL)
        status = read_notes(file, notes);
    if (status == STATUS_OK)
        status = read_parameters(file, path, state);
    if (status == STATUS_OK)
        status = check_moments(file, path, state);
    tensor_file_close(file);
    return status;
}

/* Every owner's part of a block goes through rank 0's `room`. */
static enum status read_block(struct tensor_file *file, const char *path, const struct train_state *state,
                              enum series series, int64_t block, float *room, struct comm *comm)
{
    const struct ownership *ownership = exchange_ownership(state->exchange); /* `updated` is still that */
    float *packed = checkpoint_packed(state, series) + ownership->packed[block];
    enum status status = STATUS_OK;
    for (int owner = 0; owner < ownership->ranks; owner++) {
        struct share part = ownership_part(ownership, block, owner);
        float *values = owner == comm_rank(comm) ? packed : room;
        if (file != NULL && status == STATUS_OK)
            status = read_share(file, path, model_table(state->model), series, part, values);
        comm_pass(comm, values, (size_t)part.count * sizeof *values, 0, owner);
    }
    return comm_agree(comm, status);
}

/* Where every rank owns everything, all get what rank 0 has. */
static void share_whole(const struct train_state *state, enum series series, struct comm *comm)
{
    const struct ownership *ownership = exchange_ownership(state->exchange);
    if (ownership->ranks < comm_size(comm))
        comm_broadcast(comm, checkpoint_packed(state, series), (size_t)ownership->total * sizeof(float), 0);
}

/* A run without local steps has left no momentum of outer steps; all other series must be there. */
static bool has_series(struct tensor_file *file, const struct train_state *state, enum series series,
                       struct comm *comm)
{
    char name[128];
    const struct parameter *row = model_table(state->model)->rows;
    while (!row->trainable)
        row++;
    snprintf(name, sizeof name, "%s%s", checkpoint_prefix[series], row->name);
    int64_t missing = series == SERIES_OUTER_MOMENTUM && file != NULL && tensor_file_find(file, name) < 0;
    comm_max_int64(comm, &missing, 1);
    if (missing != 0)
        log_info("the checkpoint is of a run without local steps: the outer momentum starts from zero");
    return missing == 0;
}

enum status checkpoint_load_moments(const char *path, struct train_state *state, struct comm *comm)
{
    struct tensor_file *file = NULL;
    float *room = NULL;
    int64_t wanted = path != NULL;
    comm_max_int64(comm, &wanted, 1);
    if (wanted == 0)
        return STATUS_OK;
    enum status status = STATUS_OK;
    if (comm_rank(comm) == 0) {
        room = memory_allocate(checkpoint_foreign_part(state), sizeof *room, "a part of a block");
        status = room != NULL ? tensor_file_open(path, &file) : STATUS_FAILED;
    }
    status = comm_agree(comm, status);
    for (int series = SERIES_EXP_AVG; series < checkpoint_series(state) && status == STATUS_OK; series++) {
        if (!has_series(file, state, (enum series)series, comm))
            continue;
        for (int64_t block = 0; block < state->updated.blocks && status == STATUS_OK; block++)
            status = read_block(file, path, state, (enum series)series, block, room, comm);
        if (status == STATUS_OK)
            share_whole(state, (enum series)series, comm);
    }
    tensor_file_close(file);
    memory_free(room);
    return status;
}
