/* Nothing of the folder is trusted: what config.json says is checked against what we compute, and every
 * tensor of the model against the shape that follows from it, before memory is taken for the model. */
#include "llmpi/train/model_import.h"

#include "checkpoint_private.h"
#include "llmpi/base/file.h"
#include "llmpi/base/json.h"
#include "llmpi/base/memory.h"
#include "llmpi/storage/safetensors_folder.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct import {
    const char *folder;
    struct config config;
    struct tokenizer *tokenizer;
    struct safetensors_folder files;
    struct train_state state;
};

/* --- config.json --- */

static enum status read_size(const struct json *root, const char *name, const char *other, int64_t most,
                             int64_t *out)
{
    const struct json *value = json_get_member(root, name);
    if (value == NULL && other != NULL)
        value = json_get_member(root, other);
    if (!json_get_integer(value, out) || *out < 1 || *out > most)
        return fail(STATUS_FAILED, "config.json: %s is no whole number from 1 to %lld", name,
                    (long long)most);
    return STATUS_OK;
}

static bool is_text(const struct json *value, const char *text)
{
    size_t length = 0;
    const char *found = json_get_text(value, &length);
    return found != NULL && strlen(text) == length && memcmp(found, text, length) == 0;
}

/* What our GPT-2 computes otherwise than a model with another value of this. */
static enum status check_kind(const struct json *root, int64_t n_embd)
{
    double epsilon = 1e-5;
    int64_t inner = 4 * n_embd;
    bool flag = false;
    const struct json *activation = json_get_member(root, "activation_function");
    if (!is_text(json_get_member(root, "model_type"), "gpt2"))
        return fail(STATUS_FAILED, "config.json: model_type is not gpt2, the only one that llmpi computes");
    if (activation != NULL && !is_text(activation, "gelu_new") && !is_text(activation, "gelu_pytorch_tanh"))
        return fail(STATUS_FAILED,
                    "config.json: activation_function is not gelu_new, the only one that llmpi "
                    "computes");
    json_get_number(json_get_member(root, "layer_norm_epsilon"), &epsilon);
    if (fabs(epsilon - 1e-5) > 1e-9)
        return fail(STATUS_FAILED, "config.json: layer_norm_epsilon is %g, llmpi computes with 1e-05",
                    epsilon);
    json_get_integer(json_get_member(root, "n_inner"), &inner);
    if (inner != 4 * n_embd)
        return fail(STATUS_FAILED, "config.json: n_inner is %lld, 4 n_embd = %lld allowed", (long long)inner,
                    (long long)(4 * n_embd));
    static const char *const others[] = {"scale_attn_by_inverse_layer_idx", "add_cross_attention"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (json_get_boolean(json_get_member(root, others[i]), &flag) && flag)
            return fail(STATUS_FAILED, "config.json: %s is true, which llmpi does not compute", others[i]);
    flag = true;
    json_get_boolean(json_get_member(root, "scale_attn_weights"), &flag);
    return flag ? STATUS_OK
                : fail(STATUS_FAILED,
                       "config.json: scale_attn_weights is false, which llmpi does not compute");
}

static enum status read_config(struct import *import)
{
    const struct string_list none = {0};
    struct config *config = &import->config;
    struct json *root = NULL;
    TRY(config_load(config, NULL, &none));
    char *path = path_join(import->folder, "config.json");
    enum status status = path != NULL ? json_read_file(path, &root) : STATUS_FAILED;
    free(path);
    if (status == STATUS_OK)
        status = read_size(root, "n_embd", NULL, 1 << 20, &config->model.n_embd);
    if (status == STATUS_OK)
        status = check_kind(root, config->model.n_embd);
    if (status == STATUS_OK)
        status = read_size(root, "n_layer", NULL, 10000, &config->model.n_layer);
    if (status == STATUS_OK)
        status = read_size(root, "n_head", NULL, 1 << 20, &config->model.n_head);
    if (status == STATUS_OK)
        status = read_size(root, "n_positions", "n_ctx", 1 << 24, &config->model.context_length);
    if (status == STATUS_OK && config->model.n_embd % config->model.n_head != 0)
        status = fail(STATUS_FAILED,
                      "config.json: n_embd is %lld but must be a multiple of n_head, which is "
                      "%lld",
                      (long long)config->model.n_embd, (long long)config->model.n_head);
    config->model.bias = true;
    config->model.dropout = 0;
    config->model.tied_head = true;
    json_get_boolean(json_get_member(root, "tie_word_embeddings"), &config->model.tied_head);
    json_free(root);
    return status;
}

/* --- tensors --- */

/* Finds a tensor by our name, with or without "transformer.". */
static bool find_tensor(const struct import *import, const char *name, struct number_reader **file,
                        int64_t *index)
{
    char longer[96];
    snprintf(longer, sizeof longer, "transformer.%s", name);
    for (int64_t i = 0; i < import->files.count; i++) {
        *file = import->files.files[i];
        *index = number_reader_find(*file, name);
        if (*index < 0)
            *index = number_reader_find(*file, longer);
        if (*index >= 0)
            return true;
    }
    return false;
}

static enum status check_tensor(const struct import *import, const struct parameter *row)
{
    struct number_reader *file;
    int64_t index;
    if (!find_tensor(import, row->name, &file, &index))
        return fail(STATUS_FAILED, "%s: tensor %s is missing", import->folder, row->name);
    const struct stored_tensor *tensor = number_reader_tensor(file, index);
    bool by_token = strcmp(row->name, "wte.weight") == 0 || strcmp(row->name, "lm_head.weight") == 0;
    int64_t columns = tensor->dimensions > 1 ? tensor->sizes[1] : 1;
    bool rows_fit = by_token ? tensor->sizes[0] >= row->sizes[0] : tensor->sizes[0] == row->sizes[0];
    if (!tensor->storage->readable)
        return fail(STATUS_FAILED, "%s: tensor %s is of a type other than F32, F16 and BF16", import->folder,
                    row->name);
    if (tensor->dimensions != row->dimensions || !rows_fit || columns != row->sizes[1])
        return fail(STATUS_FAILED,
                    "%s: tensor %s is %lld x %lld, config.json and tokenizer make it %lld x %lld",
                    import->folder, row->name, (long long)tensor->sizes[0], (long long)columns,
                    (long long)row->sizes[0], (long long)row->sizes[1]);
    return STATUS_OK;
}

/* Buffers that older versions of transformers stored beside the parameters, and a head that is tied. */
static bool is_passed_over(const char *name, bool tied)
{
    return path_has_suffix(name, ".attn.bias") || path_has_suffix(name, ".attn.masked_bias") ||
           (tied && strcmp(name, "lm_head.weight") == 0);
}

static enum status check_unexpected(const struct import *import, const struct parameter_table *table)
{
    for (int64_t i = 0; i < import->files.count; i++)
        for (int64_t j = 0; j < number_reader_count(import->files.files[i]); j++) {
            const char *name = number_reader_tensor(import->files.files[i], j)->name;
            const char *ours = strncmp(name, "transformer.", 12) == 0 ? name + 12 : name;
            if (parameter_find(table, ours) == NULL && !is_passed_over(name, import->config.model.tied_head))
                return fail(STATUS_FAILED, "%s: tensor %.80s is none of GPT-2's with %lld layers",
                            import->folder, name, (long long)import->config.model.n_layer);
        }
    return STATUS_OK;
}

/* All shapes, before memory is taken. */
static enum status check_tensors(const struct import *import)
{
    struct parameter_table table;
    struct model_shape shape = state_model_shape(&import->config, tokenizer_vocab_size(import->tokenizer));
    TRY(parameter_table_create(&shape, &table));
    enum status status = STATUS_OK;
    for (int64_t i = 0; i < table.count && status == STATUS_OK; i++)
        status = check_tensor(import, &table.rows[i]);
    if (status == STATUS_OK)
        status = check_unexpected(import, &table);
    parameter_table_free(&table);
    return status;
}

static enum status read_tensors(struct import *import)
{
    const struct parameter_table *table = model_table(import->state.model);
    for (int64_t i = 0; i < table->count; i++) {
        const struct parameter *row = &table->rows[i];
        struct number_reader *file = NULL;
        int64_t index = -1;
        if (find_tensor(import, row->name, &file, &index))
            TRY(number_reader_read(file, index, 0, row->count,
                                   model_parameters(import->state.model) + row->offset));
    }
    return STATUS_OK;
}

/* --- the checkpoint --- */

static enum status write_checkpoint(const struct import *import, const char *path)
{
    const struct checkpoint_notes notes = {.ranks = 1, .validation_loss = NAN};
    const struct parameter_table *table = model_table(import->state.model);
    struct tensor_file *file = NULL;
    enum status status = checkpoint_lay_out(path, &import->config, &import->state, &notes, &file);
    for (int64_t i = 0; i < table->count && status == STATUS_OK; i++)
        status = tensor_file_write(file, i, 0, model_parameters(import->state.model) + table->rows[i].offset,
                                   table->rows[i].count * (int64_t)sizeof(float));
    if (status == STATUS_OK)
        return tensor_file_publish(file, NAN);
    tensor_file_close(file);
    return status;
}

static enum status run(struct import *import, struct comm *comm, const char *path)
{
    const struct model_use use = {.sequences = 1, .element = ELEMENT_FP32};
    TRY(read_config(import));
    TRY(tokenizer_load(import->folder, &import->tokenizer));
    TRY(safetensors_folder_open(import->folder, &import->files));
    TRY(check_tensors(import));
    struct tokenizer *tokenizer = import->tokenizer;
    import->tokenizer = NULL; /* taken over */
    TRY(state_create(&import->config, tokenizer, &use, comm, &import->state));
    TRY(read_tensors(import));
    return write_checkpoint(import, path);
}

enum status import_safetensors(const char *folder, const char *path)
{
    struct comm *comm = comm_alone();
    struct import *import = comm != NULL ? memory_allocate(1, sizeof *import, "an import") : NULL;
    if (import == NULL) {
        comm_end(comm);
        return STATUS_FAILED;
    }
    import->folder = folder;
    enum status status = run(import, comm, path);
    safetensors_folder_close(&import->files);
    state_destroy(&import->state);
    tokenizer_destroy(import->tokenizer);
    config_free(&import->config);
    memory_free(import);
    comm_end(comm);
    return status;
}
