/* Hugging Face's folder: config.json says what the model is. Its tensors have our names, mostly with
 * "transformer." before them. */
#include "llmpi/train/model_import.h"

#include "import_source.h"
#include "llmpi/base/file.h"
#include "llmpi/base/json.h"
#include "llmpi/storage/safetensors_folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum status read_size(const struct json *root, const char *name, const char *other, int64_t most,
                             int64_t *out)
{
    const struct json *value = json_get_member(root, name);
    int64_t size = 0;
    if (value == NULL && other != NULL)
        value = json_get_member(root, other);
    bool found = json_get_integer(value, &size);
    return import_set_size("config.json", name, found, size, most, out);
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
                    "config.json: activation_function is not gelu_new, the only one that llmpi computes");
    json_get_number(json_get_member(root, "layer_norm_epsilon"), &epsilon);
    json_get_integer(json_get_member(root, "n_inner"), &inner);
    TRY(import_check_layers("config.json", epsilon, inner, n_embd));
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

static enum status read_config(struct import_source *source)
{
    struct config *config = &source->config;
    struct json *root = NULL;
    char *path = path_join(source->path, "config.json");
    enum status status = path != NULL ? json_read_file(path, &root) : STATUS_FAILED;
    free(path);
    if (status == STATUS_OK)
        status = read_size(root, "n_embd", NULL, 1 << 20, &config->model.n_embd);
    if (status == STATUS_OK)
        status = check_kind(root, config->model.n_embd);
    if (status == STATUS_OK)
        status = read_size(root, "n_layer", NULL, IMPORT_MOST_LAYERS, &config->model.n_layer);
    if (status == STATUS_OK)
        status = read_size(root, "n_head", NULL, 1 << 20, &config->model.n_head);
    if (status == STATUS_OK)
        status = read_size(root, "n_positions", "n_ctx", 1 << 24, &config->model.context_length);
    if (status == STATUS_OK)
        status = import_check_heads("config.json", config);
    json_get_boolean(json_get_member(root, "tie_word_embeddings"), &config->model.tied_head);
    json_free(root);
    return status;
}

static void rename_tensor(const char *name, char out[IMPORT_NAME])
{
    snprintf(out, IMPORT_NAME, "%s", strncmp(name, "transformer.", 12) == 0 ? name + 12 : name);
}

enum status import_safetensors(const char *folder, const char *path)
{
    struct safetensors_folder files = {0};
    struct import_source source = {.path = folder, .rename = rename_tensor};
    enum status status = import_begin(&source);
    if (status == STATUS_OK)
        status = read_config(&source);
    if (status == STATUS_OK)
        status = tokenizer_load(folder, &source.tokenizer);
    if (status == STATUS_OK)
        status = safetensors_folder_open(folder, &files);
    source.files = files.files;
    source.file_count = files.count;
    status = import_finish(&source, status, path);
    safetensors_folder_close(&files);
    return status;
}
