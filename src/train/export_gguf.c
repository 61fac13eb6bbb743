/* llama.cpp's gpt2: its names, weights with a row for each output, and the tokenizer in the metadata. */
#include "export_tensors.h"
#include "export_tokenizer.h"

#include "llmpi/storage/gguf.h"
#include "llmpi/text/vocabulary.h"

#include <stdio.h>
#include <string.h>

/* --- tensors --- */

struct layer {
    const char *ours, *theirs;
    int outputs; /* times n_embd */
    bool transposed;
};

/* Matrices in the format asked for; vectors stay fp32, which llama.cpp adds them in. */
static enum status add_pair(struct export_tensors *list, const struct model_export *export,
                            const struct layer *layer, const char *ours, const char *theirs)
{
    char from[96], to[96];
    int64_t outputs = layer->outputs * export->config->model.n_embd;
    snprintf(from, sizeof from, "%s.weight", ours);
    snprintf(to, sizeof to, "%s.weight", theirs);
    TRY(export_tensors_add(list, export->state, from, to, layer->transposed ? export->type : NUMBER_F32,
                           layer->transposed, outputs));
    snprintf(from, sizeof from, "%s.bias", ours);
    snprintf(to, sizeof to, "%s.bias", theirs);
    return export_tensors_add(list, export->state, from, to, NUMBER_F32, false, outputs);
}

static enum status add_block(struct export_tensors *list, const struct model_export *export, int64_t block)
{
    static const struct layer layers[] = {
        {"ln_1", "attn_norm", 1, false},         {"attn.c_attn", "attn_qkv", 3, true},
        {"attn.c_proj", "attn_output", 1, true}, {"ln_2", "ffn_norm", 1, false},
        {"mlp.c_fc", "ffn_up", 4, true},         {"mlp.c_proj", "ffn_down", 1, true}};
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        char ours[64], theirs[64];
        snprintf(ours, sizeof ours, "h.%lld.%s", (long long)block, layers[i].ours);
        snprintf(theirs, sizeof theirs, "blk.%lld.%s", (long long)block, layers[i].theirs);
        TRY(add_pair(list, export, &layers[i], ours, theirs));
    }
    return STATUS_OK;
}

static enum status list_tensors(struct export_tensors *list, const struct model_export *export)
{
    static const struct layer last = {"ln_f", "output_norm", 1, false};
    const struct train_state *state = export->state;
    TRY(export_tensors_add(list, state, "wte.weight", "token_embd.weight", export->type, false, 0));
    TRY(export_tensors_add(list, state, "wpe.weight", "position_embd.weight", NUMBER_F32, false, 0));
    for (int64_t block = 0; block < export->config->model.n_layer; block++)
        TRY(add_block(list, export, block));
    TRY(add_pair(list, export, &last, last.ours, last.theirs));
    if (export->config->model.tied_head)
        return STATUS_OK; /* llama.cpp takes the embedding then */
    return export_tensors_add(list, state, "lm_head.weight", "output.weight", export->type, false, 0);
}

/* --- metadata --- */

static enum status add_shape(struct gguf_metadata *metadata, const struct model_export *export)
{
    static const int file_types[NUMBERS] = {[NUMBER_F32] = 0, [NUMBER_F16] = 1, [NUMBER_BF16] = 32};
    const struct model_shape *shape = model_shape(export->state->model);
    const struct {
        const char *key;
        int64_t value;
    } numbers[] = {{"general.file_type", file_types[export->type]}, {"general.alignment", 32},
                   {"gpt2.context_length", shape->context_length},  {"gpt2.embedding_length", shape->n_embd},
                   {"gpt2.feed_forward_length", 4 * shape->n_embd}, {"gpt2.block_count", shape->n_layer},
                   {"gpt2.attention.head_count", shape->n_head}};
    TRY(gguf_add_text(metadata, "general.architecture", "gpt2", 4));
    TRY(gguf_add_text(metadata, "general.name", "llmpi", 5));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        TRY(gguf_add_uint32(metadata, numbers[i].key, numbers[i].value));
    return gguf_add_float32(metadata, "gpt2.attention.layer_norm_epsilon", 1e-5);
}

/* llama.cpp splits words by rules that it knows by name; "dbrx" is cl100k's without more. */
static enum status find_splitting(const struct tokenizer *tokenizer, const char **name)
{
    const char *pattern = tokenizer_pattern(tokenizer);
    if (pattern == NULL)
        return fail(STATUS_FAILED, "GGUF holds byte-level BPE, this tokenizer is of kind %s",
                    tokenizer_kind_name(tokenizer));
    *name = strcmp(pattern, "gpt2") == 0 ? "gpt-2" : strcmp(pattern, "cl100k") == 0 ? "dbrx" : NULL;
    return *name != NULL ? STATUS_OK
                         : fail(STATUS_FAILED, "the tokenizer splits words by a pattern of its own, which "
                                               "llama.cpp cannot be told; gpt2 and cl100k it knows");
}

static enum status add_tokens(struct gguf_metadata *metadata, const struct vocabulary *vocabulary)
{
    enum { NORMAL = 1, CONTROL = 3 };
    struct buffer name = {0};
    enum status status = gguf_begin_texts(metadata, "tokenizer.ggml.tokens", vocabulary->count);
    for (int64_t id = 0; id < vocabulary->count && status == STATUS_OK; id++) {
        buffer_clear(&name);
        status = vocabulary_write_name(vocabulary, (uint32_t)id, &name);
        if (status == STATUS_OK)
            status = gguf_add_element_text(metadata, name.length > 0 ? name.data : "", name.length);
    }
    buffer_free(&name);
    TRY(status);
    TRY(gguf_begin_int32s(metadata, "tokenizer.ggml.token_type", vocabulary->count));
    for (int64_t id = 0; id < vocabulary->count; id++)
        TRY(gguf_add_element_int32(metadata, vocabulary->tokens[id].special ? CONTROL : NORMAL));
    return STATUS_OK;
}

static enum status add_merges(struct gguf_metadata *metadata, const struct vocabulary *vocabulary)
{
    struct buffer line = {0};
    enum status status = gguf_begin_texts(metadata, "tokenizer.ggml.merges", vocabulary->merge_count);
    for (int64_t i = 0; i < vocabulary->merge_count && status == STATUS_OK; i++) {
        buffer_clear(&line);
        status = vocabulary_write_name(vocabulary, vocabulary->merges[i].left, &line);
        if (status == STATUS_OK)
            status = buffer_append(&line, " ", 1);
        if (status == STATUS_OK)
            status = vocabulary_write_name(vocabulary, vocabulary->merges[i].right, &line);
        if (status == STATUS_OK)
            status = gguf_add_element_text(metadata, line.data, line.length);
    }
    buffer_free(&line);
    return status;
}

static enum status add_chat_template(struct gguf_metadata *metadata, const struct config *config)
{
    struct buffer text = {0};
    enum status status = export_chat_template(config, &text);
    if (status == STATUS_OK)
        status = gguf_add_text(metadata, "tokenizer.chat_template", text.data, text.length);
    buffer_free(&text);
    return status;
}

static enum status add_tokenizer(struct gguf_metadata *metadata, const struct model_export *export)
{
    const struct vocabulary *vocabulary = tokenizer_vocabulary(export->state->tokenizer);
    int64_t text = export_end_of_text(export), turn = export_end_of_turn(export);
    const char *splitting = "";
    TRY(find_splitting(export->state->tokenizer, &splitting));
    TRY(gguf_add_text(metadata, "tokenizer.ggml.model", "gpt2", 4));
    TRY(gguf_add_text(metadata, "tokenizer.ggml.pre", splitting, strlen(splitting)));
    TRY(add_tokens(metadata, vocabulary));
    TRY(add_merges(metadata, vocabulary));
    if (text >= 0)
        TRY(gguf_add_uint32(metadata, "tokenizer.ggml.bos_token_id", text));
    if (text >= 0 || turn >= 0)
        TRY(gguf_add_uint32(metadata, "tokenizer.ggml.eos_token_id", turn >= 0 ? turn : text));
    if (turn >= 0)
        TRY(gguf_add_uint32(metadata, "tokenizer.ggml.eot_token_id", turn));
    TRY(gguf_add_boolean(metadata, "tokenizer.ggml.add_bos_token", false));
    return turn >= 0 ? add_chat_template(metadata, export->config) : STATUS_OK;
}

enum status export_gguf(const struct model_export *export, const char *path)
{
    struct export_tensors list = {0};
    struct gguf_metadata metadata = {0};
    struct number_file *file = NULL;
    enum status status = add_shape(&metadata, export);
    if (status == STATUS_OK)
        status = add_tokenizer(&metadata, export);
    if (status == STATUS_OK)
        status = list_tensors(&list, export);
    if (status == STATUS_OK)
        status = gguf_create(path, &metadata, list.tensors, list.count, &file);
    if (status == STATUS_OK)
        status = export_tensors_write(&list, file);
    export_tensors_free(&list);
    gguf_metadata_free(&metadata);
    return status;
}
