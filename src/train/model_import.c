/* Nothing of a model from outside is trusted: what it says of itself is checked against what we compute, and
 * every tensor against the shape that follows from it, before memory is taken for the model. */
#include "import_source.h"

#include "checkpoint_private.h"
#include "llmpi/base/file.h"
#include "llmpi/base/memory.h"

#include <math.h>
#include <string.h>

/* Where a parameter lies. */
struct place {
    struct number_reader *file; /* NULL: nowhere */
    int64_t index;
};

/* --- the shape --- */

enum status import_begin(struct import_source *source)
{
    const struct string_list none = {0};
    TRY(config_load(&source->config, NULL, &none));
    source->config.model.bias = true;
    source->config.model.dropout = 0;
    source->config.model.tied_head = true;
    return STATUS_OK;
}

enum status import_set_size(const char *where, const char *name, bool found, int64_t value, int64_t most,
                            int64_t *out)
{
    if (!found || value < 1 || value > most)
        return fail(STATUS_FAILED, "%s: %s is no whole number from 1 to %lld", where, name, (long long)most);
    *out = value;
    return STATUS_OK;
}

enum status import_check_layers(const char *where, double epsilon, int64_t inner, int64_t n_embd)
{
    if (!(fabs(epsilon - 1e-5) <= 1e-9))
        return fail(STATUS_FAILED, "%s: the epsilon of layer norms is %g, llmpi computes with 1e-05", where,
                    epsilon);
    if (inner != 4 * n_embd)
        return fail(STATUS_FAILED,
                    "%s: n_inner, the width inside of an MLP, is %lld, 4 n_embd = %lld allowed", where,
                    (long long)inner, (long long)(4 * n_embd));
    return STATUS_OK;
}

enum status import_check_heads(const char *where, const struct config *config)
{
    if (config->model.n_embd % config->model.n_head != 0)
        return fail(STATUS_FAILED, "%s: n_embd is %lld but must be a multiple of n_head, which is %lld",
                    where, (long long)config->model.n_embd, (long long)config->model.n_head);
    return STATUS_OK;
}

/* --- tensors --- */

/* Buffers that older versions of transformers stored beside the parameters, and a head that is tied. */
static bool is_passed_over(const char *ours, bool tied)
{
    return path_has_suffix(ours, ".attn.bias") || path_has_suffix(ours, ".attn.masked_bias") ||
           (tied && strcmp(ours, "lm_head.weight") == 0);
}

static enum status find_places(const struct import_source *source, const struct parameter_table *table,
                               struct place *places)
{
    for (int64_t i = 0; i < source->file_count; i++)
        for (int64_t j = 0; j < number_reader_count(source->files[i]); j++) {
            const char *name = number_reader_tensor(source->files[i], j)->name;
            char ours[IMPORT_NAME];
            source->rename(name, ours);
            if (is_passed_over(ours, source->config.model.tied_head))
                continue;
            const struct parameter *row = parameter_find(table, ours);
            if (row == NULL)
                return fail(STATUS_FAILED, "%s: tensor %.80s is none of GPT-2's with %lld layers",
                            source->path, name, (long long)source->config.model.n_layer);
            struct place *place = &places[row - table->rows];
            if (place->file != NULL)
                return fail(STATUS_FAILED, "%s: tensor %.80s comes twice", source->path, name);
            *place = (struct place){source->files[i], j};
        }
    return STATUS_OK;
}

/* Whether the columns of a parameter are the rows of its tensor. */
static bool is_transposed(const struct import_source *source, const struct parameter *row)
{
    return source->outputs_first && row->dimensions == 2 && strncmp(row->name, "h.", 2) == 0;
}

static enum status check_tensor(const struct import_source *source, const struct parameter *row,
                                const struct place *place)
{
    if (place->file == NULL)
        return fail(STATUS_FAILED, "%s: tensor %s is missing", source->path, row->name);
    const struct stored_tensor *tensor = number_reader_tensor(place->file, place->index);
    bool by_token = strcmp(row->name, "wte.weight") == 0 || strcmp(row->name, "lm_head.weight") == 0;
    bool transposed = is_transposed(source, row);
    int64_t rows = row->sizes[transposed], columns = row->sizes[!transposed];
    bool rows_fit = by_token ? tensor->sizes[0] >= rows : tensor->sizes[0] == rows;
    if (!tensor->storage->readable)
        return fail(STATUS_FAILED, "%s: tensor %.80s is of type %s, F32, F16 and BF16 are read", source->path,
                    tensor->name, tensor->storage->name);
    if (tensor->dimensions != row->dimensions)
        return fail(STATUS_FAILED, "%s: tensor %.80s has %d dimensions, GPT-2's has %d", source->path,
                    tensor->name, tensor->dimensions, row->dimensions);
    if (!rows_fit || tensor->sizes[1] != columns)
        return fail(STATUS_FAILED,
                    "%s: tensor %.80s is %lld x %lld, its other sizes and its tokenizer make it %lld x %lld",
                    source->path, tensor->name, (long long)tensor->sizes[0], (long long)tensor->sizes[1],
                    (long long)rows, (long long)columns);
    return STATUS_OK;
}

/* All names and shapes. The caller frees *places. */
static enum status check_tensors(const struct import_source *source, struct place **places)
{
    struct parameter_table table;
    struct model_shape shape = state_model_shape(&source->config, tokenizer_vocab_size(source->tokenizer));
    TRY(parameter_table_create(&shape, &table));
    *places = memory_allocate(table.count, sizeof **places, "places of tensors");
    enum status status = *places != NULL ? find_places(source, &table, *places) : STATUS_FAILED;
    for (int64_t i = 0; i < table.count && status == STATUS_OK; i++)
        status = check_tensor(source, &table.rows[i], &(*places)[i]);
    parameter_table_free(&table);
    return status;
}

/* Row by row of the file, each a column here. */
static enum status read_transposed(const struct place *place, const struct parameter *row, float *out)
{
    int64_t rows = row->sizes[1], columns = row->sizes[0];
    float *room = memory_allocate(columns, sizeof *room, "a row of a tensor");
    enum status status = room != NULL ? STATUS_OK : STATUS_FAILED;
    for (int64_t i = 0; i < rows && status == STATUS_OK; i++) {
        status = number_reader_read(place->file, place->index, i * columns, columns, room);
        for (int64_t j = 0; j < columns && status == STATUS_OK; j++)
            out[j * rows + i] = room[j];
    }
    memory_free(room);
    return status;
}

static enum status read_tensors(const struct import_source *source, const struct place *places,
                                struct train_state *state)
{
    const struct parameter_table *table = model_table(state->model);
    for (int64_t i = 0; i < table->count; i++) {
        const struct parameter *row = &table->rows[i];
        float *out = model_parameters(state->model) + row->offset;
        TRY(is_transposed(source, row)
                ? read_transposed(&places[i], row, out)
                : number_reader_read(places[i].file, places[i].index, 0, row->count, out));
    }
    return STATUS_OK;
}

/* --- the checkpoint --- */

static enum status write_checkpoint(const struct import_source *source, const struct train_state *state,
                                    const char *path)
{
    const struct checkpoint_notes notes = {.ranks = 1, .validation_loss = NAN};
    const struct parameter_table *table = model_table(state->model);
    struct tensor_file *file = NULL;
    enum status status = checkpoint_lay_out(path, &source->config, state, &notes, &file);
    for (int64_t i = 0; i < table->count && status == STATUS_OK; i++)
        status = tensor_file_write(file, i, 0, model_parameters(state->model) + table->rows[i].offset,
                                   table->rows[i].count * (int64_t)sizeof(float));
    if (status == STATUS_OK)
        return tensor_file_publish(file, NAN);
    tensor_file_close(file);
    return status;
}

static enum status make_checkpoint(struct import_source *source, const struct place *places,
                                   struct train_state *state, struct comm *comm, const char *path)
{
    const struct model_use use = {.sequences = 1, .element = ELEMENT_FP32};
    struct tokenizer *tokenizer = source->tokenizer;
    source->tokenizer = NULL; /* taken over */
    TRY(state_create(&source->config, tokenizer, &use, comm, state));
    TRY(read_tensors(source, places, state));
    return write_checkpoint(source, state, path);
}

enum status import_finish(struct import_source *source, enum status status, const char *path)
{
    struct train_state state = {0};
    struct place *places = NULL;
    if (status == STATUS_OK)
        status = check_tensors(source, &places);
    struct comm *comm = status == STATUS_OK ? comm_alone() : NULL;
    if (status == STATUS_OK)
        status = comm != NULL ? make_checkpoint(source, places, &state, comm, path) : STATUS_FAILED;
    memory_free(places);
    state_destroy(&state);
    tokenizer_destroy(source->tokenizer);
    config_free(&source->config);
    comm_end(comm);
    return status;
}
