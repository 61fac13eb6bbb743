/* Hugging Face's folder. Our tensors have its names and shapes already, without "transformer.". */
#include "export_tensors.h"
#include "export_tokenizer.h"

#include "llmpi/base/file.h"
#include "llmpi/storage/safetensors.h"

#include <stdio.h>
#include <stdlib.h>

/* Adds a weight and its bias, which transformers' GPT-2 always has. */
static enum status add_pair(struct export_tensors *list, const struct model_export *export, const char *name,
                            int64_t outputs)
{
    static const char *const endings[] = {"weight", "bias"};
    for (int i = 0; i < 2; i++) {
        char ours[64], theirs[96];
        snprintf(ours, sizeof ours, "%s.%s", name, endings[i]);
        snprintf(theirs, sizeof theirs, "transformer.%s", ours);
        TRY(export_tensors_add(list, export->state, ours, theirs, export->type, false, outputs));
    }
    return STATUS_OK;
}

static enum status add_block(struct export_tensors *list, const struct model_export *export, int64_t block)
{
    static const struct {
        const char *name;
        int outputs; /* times n_embd */
    } layers[] = {{"ln_1", 1}, {"attn.c_attn", 3}, {"attn.c_proj", 1},
                  {"ln_2", 1}, {"mlp.c_fc", 4},    {"mlp.c_proj", 1}};
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        char name[48];
        snprintf(name, sizeof name, "h.%lld.%s", (long long)block, layers[i].name);
        TRY(add_pair(list, export, name, layers[i].outputs * export->config->model.n_embd));
    }
    return STATUS_OK;
}

static enum status list_tensors(struct export_tensors *list, const struct model_export *export)
{
    const struct train_state *state = export->state;
    TRY(export_tensors_add(list, state, "wte.weight", "transformer.wte.weight", export->type, false, 0));
    TRY(export_tensors_add(list, state, "wpe.weight", "transformer.wpe.weight", export->type, false, 0));
    for (int64_t block = 0; block < export->config->model.n_layer; block++)
        TRY(add_block(list, export, block));
    TRY(add_pair(list, export, "ln_f", export->config->model.n_embd));
    if (export->config->model.tied_head)
        return STATUS_OK;
    return export_tensors_add(list, state, "lm_head.weight", "lm_head.weight", export->type, false, 0);
}

static enum status write_tensors(const struct model_export *export, const char *folder)
{
    struct export_tensors list = {0};
    struct number_file *file = NULL;
    char *path = path_join(folder, "model.safetensors");
    enum status status = path != NULL ? list_tensors(&list, export) : STATUS_FAILED;
    if (status == STATUS_OK)
        status = safetensors_create(path, list.tensors, list.count, &file);
    if (status == STATUS_OK)
        status = export_tensors_write(&list, file);
    export_tensors_free(&list);
    free(path);
    return status;
}

/* Ids that begin and end texts, as members; of a tuned model either end token ends an answer. */
static enum status add_ends(const struct model_export *export, struct buffer *out)
{
    int64_t text = export_end_of_text(export), turn = export_end_of_turn(export);
    if (text < 0 && turn < 0)
        return STATUS_OK;
    if (text < 0)
        return buffer_printf(out, ",\n  \"eos_token_id\": %lld", (long long)turn);
    TRY(buffer_printf(out, ",\n  \"bos_token_id\": %lld", (long long)text));
    return turn < 0
               ? buffer_printf(out, ",\n  \"eos_token_id\": %lld", (long long)text)
               : buffer_printf(out, ",\n  \"eos_token_id\": [%lld, %lld]", (long long)turn, (long long)text);
}

static enum status make_config(const struct model_export *export, struct buffer *out)
{
    static const char *const types[NUMBERS] = {"float32", "float16", "bfloat16"};
    const struct model_shape *shape = model_shape(export->state->model);
    double dropout = export->config->model.dropout;
    TRY(buffer_printf(out,
                      "{\n  \"architectures\": [\"GPT2LMHeadModel\"],\n  \"model_type\": \"gpt2\",\n  "
                      "\"vocab_size\": %lld,\n  \"n_positions\": %lld,\n  \"n_ctx\": %lld,\n  \"n_embd\": "
                      "%lld,\n  \"n_layer\": %lld,\n  \"n_head\": %lld,\n  \"n_inner\": null",
                      (long long)shape->vocab_size, (long long)shape->context_length,
                      (long long)shape->context_length, (long long)shape->n_embd, (long long)shape->n_layer,
                      (long long)shape->n_head));
    TRY(buffer_printf(out,
                      ",\n  \"activation_function\": \"gelu_new\",\n  \"layer_norm_epsilon\": 1e-05,\n  "
                      "\"initializer_range\": 0.02,\n  \"resid_pdrop\": %g,\n  \"embd_pdrop\": %g,\n  "
                      "\"attn_pdrop\": %g,\n  \"scale_attn_weights\": true,\n  \"tie_word_embeddings\": "
                      "%s,\n  \"torch_dtype\": \"%s\"",
                      dropout, dropout, dropout, shape->tied_head ? "true" : "false", types[export->type]));
    TRY(add_ends(export, out));
    return buffer_printf(out, "\n}\n");
}

static enum status make_generation_config(const struct model_export *export, struct buffer *out)
{
    TRY(buffer_printf(out, "{\n  \"_from_model_config\": true"));
    TRY(add_ends(export, out));
    return buffer_printf(out, "\n}\n");
}

static enum status write_text(const char *folder, const char *name, const struct model_export *export,
                              enum status (*make)(const struct model_export *, struct buffer *))
{
    struct buffer text = {0};
    char *path = path_join(folder, name);
    enum status status = path != NULL ? make(export, &text) : STATUS_FAILED;
    if (status == STATUS_OK)
        status = file_write(path, text.data, text.length);
    free(path);
    buffer_free(&text);
    return status;
}

/* What an earlier export left there is not whole from now on. */
static enum status withdraw(const char *folder)
{
    char *path = path_join(folder, "config.json");
    enum status status = path != NULL ? file_remove(path) : STATUS_FAILED;
    free(path);
    return status;
}

enum status export_safetensors(const struct model_export *export, const char *folder)
{
    TRY(directory_create(folder));
    TRY(withdraw(folder));
    TRY(write_tensors(export, folder));
    TRY(export_tokenizer(export, folder));
    TRY(write_text(folder, "generation_config.json", export, make_generation_config));
    return write_text(folder, "config.json", export, make_config);
}
