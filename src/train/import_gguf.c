/* llama.cpp's gpt2: the shape is in the metadata, linear layers have a row for each output. */
#include "llmpi/train/model_import.h"

#include "import_gguf_tokenizer.h"
#include "import_source.h"
#include "llmpi/base/memory.h"

#include <stdio.h>
#include <string.h>

enum { PIECE = 4096 };

/* --- metadata --- */

static enum status read_size(const struct import_source *source, const struct gguf *file, const char *key,
                             int64_t most, int64_t *out)
{
    int64_t size = 0;
    bool found = gguf_get_integer(gguf_find(file, key), &size);
    return import_set_size(source->path, key, found, size, most, out);
}

static enum status check_kind(const struct import_source *source, const struct gguf *file)
{
    const struct gguf_value *epsilon_value = gguf_find(file, "gpt2.attention.layer_norm_epsilon"),
                            *inner_value = gguf_find(file, "gpt2.feed_forward_length");
    double epsilon = 0;
    int64_t inner = 0;
    if (!gguf_get_number(epsilon_value, &epsilon))
        return fail(STATUS_FAILED, "%s: gpt2.attention.layer_norm_epsilon is no number", source->path);
    if (!gguf_get_integer(inner_value, &inner))
        return fail(STATUS_FAILED, "%s: gpt2.feed_forward_length is no whole number", source->path);
    return import_check_layers(source->path, epsilon, inner, source->config.model.n_embd);
}

static enum status read_shape(struct import_source *source, const struct gguf *file)
{
    struct config *config = &source->config;
    size_t length = 0;
    const char *architecture = gguf_get_text(gguf_find(file, "general.architecture"), &length);
    if (architecture == NULL || length != 4 || memcmp(architecture, "gpt2", 4) != 0)
        return fail(STATUS_FAILED,
                    "%s: general.architecture is '%.*s', gpt2 is the only one that llmpi computes",
                    source->path, length < 40 ? (int)length : 40, architecture != NULL ? architecture : "");
    TRY(read_size(source, file, "gpt2.embedding_length", 1 << 20, &config->model.n_embd));
    TRY(read_size(source, file, "gpt2.block_count", IMPORT_MOST_LAYERS, &config->model.n_layer));
    TRY(read_size(source, file, "gpt2.attention.head_count", 1 << 20, &config->model.n_head));
    TRY(read_size(source, file, "gpt2.context_length", 1 << 24, &config->model.context_length));
    TRY(import_check_heads(source->path, config));
    return check_kind(source, file);
}

/* --- tensors --- */

static const struct {
    const char *theirs, *ours;
} outside[] = {{"token_embd.weight", "wte.weight"},
               {"position_embd.weight", "wpe.weight"},
               {"output_norm.weight", "ln_f.weight"},
               {"output_norm.bias", "ln_f.bias"},
               {"output.weight", "lm_head.weight"}},
  layers[] = {{"attn_norm", "ln_1"}, {"attn_qkv", "attn.c_attn"}, {"attn_output", "attn.c_proj"},
              {"ffn_norm", "ln_2"},  {"ffn_up", "mlp.c_fc"},      {"ffn_down", "mlp.c_proj"}};

/* "blk.BLOCK.LAYER.ENDING" is "h.BLOCK.OURS.ENDING". */
static void rename_tensor(const char *name, char out[IMPORT_NAME])
{
    *out = '\0';
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
        if (strcmp(name, outside[i].theirs) == 0)
            snprintf(out, IMPORT_NAME, "%s", outside[i].ours);
    if (strncmp(name, "blk.", 4) != 0)
        return;
    const char *block = name + 4, *layer = strchr(block, '.'), *ending = strrchr(name, '.');
    for (size_t i = 0; i < sizeof layers / sizeof *layers && layer != NULL && layer < ending; i++)
        if (strlen(layers[i].theirs) == (size_t)(ending - layer) - 1 &&
            strncmp(layer + 1, layers[i].theirs, strlen(layers[i].theirs)) == 0)
            snprintf(out, IMPORT_NAME, "h.%.*s.%s%s", (int)(layer - block), block, layers[i].ours, ending);
}

/* Whether the head holds the same numbers as the embedding: llama.cpp's converter writes GPT-2's twice. */
static enum status compare_head(struct number_reader *file, bool *same)
{
    int64_t first = number_reader_find(file, "token_embd.weight"),
            second = number_reader_find(file, "output.weight");
    const struct stored_tensor *a = first >= 0 ? number_reader_tensor(file, first) : NULL,
                               *b = second >= 0 ? number_reader_tensor(file, second) : NULL;
    float left[PIECE], right[PIECE];
    *same = b == NULL;
    if (a == NULL || b == NULL || a->storage != b->storage || !a->storage->readable || a->count != b->count)
        return STATUS_OK;
    *same = true;
    for (int64_t done = 0; done < a->count && *same; done += PIECE) {
        int64_t count = a->count - done < PIECE ? a->count - done : PIECE;
        TRY(number_reader_read(file, first, done, count, left));
        TRY(number_reader_read(file, second, done, count, right));
        *same = memcmp(left, right, (size_t)count * sizeof *left) == 0;
    }
    return STATUS_OK;
}

static enum status read_model(struct import_source *source, const struct gguf *file)
{
    TRY(read_shape(source, file));
    TRY(import_gguf_tokenizer(file, source->path, &source->tokenizer));
    return compare_head(gguf_tensors(file), &source->config.model.tied_head);
}

enum status import_gguf(const char *file_path, const char *path)
{
    struct gguf *file = NULL;
    struct number_reader *tensors = NULL;
    struct import_source source = {.path = file_path, .outputs_first = true, .rename = rename_tensor};
    enum status status = import_begin(&source);
    if (status == STATUS_OK)
        status = gguf_open(file_path, &file);
    if (status == STATUS_OK) {
        tensors = gguf_tensors(file);
        source.files = &tensors;
        source.file_count = 1;
        status = read_model(&source, file);
    }
    status = import_finish(&source, status, path);
    gguf_close(file);
    return status;
}
