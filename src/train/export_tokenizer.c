/* The tokenizer in the files of Hugging Face's tokenizers and of the GPT-2 classes of transformers. */
#include "export_tokenizer.h"

#include "llmpi/base/file.h"
#include "llmpi/base/json.h"
#include "llmpi/text/vocabulary.h"
#include "llmpi/train/chat.h"

#include <stdlib.h>
#include <string.h>

bool export_is_chat(const struct model_export *export)
{
    const struct chat_template template = chat_template_of(export->config);
    return chat_template_check(&template, export->state->tokenizer) == STATUS_OK;
}

int64_t export_end_of_turn(const struct model_export *export)
{
    const struct chat_template template = chat_template_of(export->config);
    return export_is_chat(export) ? chat_template_end(&template, export->state->tokenizer) : -1;
}

int64_t export_end_of_text(const struct model_export *export)
{
    const char *name = export->config->shards.end_token;
    return name[0] != '\0' ? tokenizer_find(export->state->tokenizer, name, strlen(name)) : -1;
}

/* --- the chat template --- */

/* A string in Jinja's quotes. */
static enum status quote(struct buffer *out, const char *text, size_t length)
{
    TRY(buffer_append(out, "'", 1));
    for (size_t i = 0; i < length; i++) {
        const char *escaped = text[i] == '\n'   ? "\\n"
                              : text[i] == '\'' ? "\\'"
                              : text[i] == '\\' ? "\\\\"
                                                : NULL;
        TRY(escaped != NULL ? buffer_append(out, escaped, 2) : buffer_append(out, text + i, 1));
    }
    return buffer_append(out, "'", 1);
}

/* The prefix of a turn, with `role` (Jinja) in place of "{role}". */
static enum status write_prefix(struct buffer *out, const char *prefix, const char *role)
{
    for (const char *at = strstr(prefix, "{role}"); at != NULL; at = strstr(prefix, "{role}")) {
        TRY(quote(out, prefix, (size_t)(at - prefix)));
        TRY(buffer_printf(out, " + %s + ", role));
        prefix = at + strlen("{role}");
    }
    return quote(out, prefix, strlen(prefix));
}

enum status export_chat_template(const struct config *config, struct buffer *out)
{
    TRY(buffer_printf(out, "{%% for message in messages %%}{{ "));
    TRY(write_prefix(out, config->instruct.turn_prefix, "message['role']"));
    TRY(buffer_printf(out, " + message['content'] + "));
    TRY(quote(out, config->instruct.turn_suffix, strlen(config->instruct.turn_suffix)));
    TRY(buffer_printf(out, " }}{%% endfor %%}{%% if add_generation_prompt %%}{{ "));
    TRY(write_prefix(out, config->instruct.turn_prefix, "'assistant'"));
    return buffer_printf(out, " }}{%% endif %%}");
}

/* --- files --- */

static enum status write_file(const char *folder, const char *name, const struct buffer *text)
{
    char *path = path_join(folder, name);
    enum status status = path != NULL ? file_write(path, text->data, text->length) : STATUS_FAILED;
    free(path);
    return status;
}

static enum status make_vocabulary(const struct vocabulary *vocabulary, struct buffer *out)
{
    struct buffer name = {0};
    enum status status = buffer_append(out, "{", 1);
    for (int64_t id = 0; id < vocabulary->count && status == STATUS_OK; id++) {
        buffer_clear(&name);
        status = vocabulary_write_name(vocabulary, (uint32_t)id, &name);
        if (status == STATUS_OK && id > 0)
            status = buffer_append(out, ", ", 2);
        if (status == STATUS_OK)
            status = json_write_text(out, name.length > 0 ? name.data : "", name.length);
        if (status == STATUS_OK)
            status = buffer_printf(out, ": %lld", (long long)id);
    }
    buffer_free(&name);
    return status == STATUS_OK ? buffer_append(out, "}\n", 2) : status;
}

static enum status make_merges(const struct vocabulary *vocabulary, struct buffer *out)
{
    TRY(buffer_printf(out, "#version: 0.2\n"));
    for (int64_t i = 0; i < vocabulary->merge_count; i++) {
        TRY(vocabulary_write_name(vocabulary, vocabulary->merges[i].left, out));
        TRY(buffer_append(out, " ", 1));
        TRY(vocabulary_write_name(vocabulary, vocabulary->merges[i].right, out));
        TRY(buffer_append(out, "\n", 1));
    }
    return STATUS_OK;
}

/* A member with the name of a token; nothing for id -1. */
static enum status add_token(struct buffer *out, const struct tokenizer *tokenizer, const char *member,
                             int64_t id)
{
    size_t length = 0;
    if (id < 0)
        return STATUS_OK;
    const char *name = tokenizer_token(tokenizer, (uint32_t)id, &length);
    TRY(buffer_printf(out, ",\n  \"%s\": ", member));
    return json_write_text(out, name, length);
}

static enum status make_settings(const struct model_export *export, struct buffer *out)
{
    const struct tokenizer *tokenizer = export->state->tokenizer;
    const char *pattern = tokenizer_pattern(tokenizer);
    bool gpt2 = pattern != NULL && strcmp(pattern, "gpt2") == 0, chat = export_is_chat(export);
    int64_t end = export_end_of_text(export);
    TRY(buffer_printf(out, "{\n  \"tokenizer_class\": \"%s\",\n  \"model_max_length\": %lld",
                      gpt2 ? "GPT2Tokenizer" : "PreTrainedTokenizerFast",
                      (long long)export->config->model.context_length));
    TRY(buffer_printf(out, ",\n  \"add_prefix_space\": false,\n  \"clean_up_tokenization_spaces\": false"));
    TRY(add_token(out, tokenizer, "bos_token", end));
    TRY(add_token(out, tokenizer, "eos_token", chat ? export_end_of_turn(export) : end));
    TRY(add_token(out, tokenizer, "unk_token",
                  tokenizer_unknown(tokenizer) >= 0 ? tokenizer_unknown(tokenizer) : end));
    if (chat) {
        struct buffer template = {0};
        enum status status = export_chat_template(export->config, &template);
        if (status == STATUS_OK)
            status = buffer_printf(out, ",\n  \"chat_template\": ");
        if (status == STATUS_OK)
            status = json_write_text(out, template.data, template.length);
        buffer_free(&template);
        TRY(status);
    }
    return buffer_printf(out, "\n}\n");
}

enum status export_tokenizer(const struct model_export *export, const char *folder)
{
    const struct vocabulary *vocabulary = tokenizer_vocabulary(export->state->tokenizer);
    struct buffer json = {0}, settings = {0}, names = {0}, merges = {0};
    bool bpe = vocabulary->kind == VOCABULARY_BPE;
    enum status status = tokenizer_write(export->state->tokenizer, &json);
    if (status == STATUS_OK)
        status = write_file(folder, "tokenizer.json", &json);
    if (status == STATUS_OK)
        status = make_settings(export, &settings);
    if (status == STATUS_OK)
        status = write_file(folder, "tokenizer_config.json", &settings);
    if (status == STATUS_OK && bpe)
        status = make_vocabulary(vocabulary, &names);
    if (status == STATUS_OK && bpe)
        status = write_file(folder, "vocab.json", &names);
    if (status == STATUS_OK && bpe)
        status = make_merges(vocabulary, &merges);
    if (status == STATUS_OK && bpe)
        status = write_file(folder, "merges.txt", &merges);
    buffer_free(&json);
    buffer_free(&settings);
    buffer_free(&names);
    buffer_free(&merges);
    return status;
}
