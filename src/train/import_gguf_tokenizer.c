/* llama.cpp's vocabulary of kind "gpt2" (its LLAMA_VOCAB_TYPE_BPE): names in GPT-2's byte alphabet, but for
 * tokens that its converter marks as control, user-defined or unused, which are written as they are. */
#include "import_gguf_tokenizer.h"

#include "llmpi/base/memory.h"
#include "llmpi/base/utf8.h"
#include "llmpi/text/vocabulary.h"

#include <string.h>

enum token_type { NORMAL = 1, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE };

static bool is_text(const struct gguf_value *value, const char *text)
{
    size_t length = 0;
    const char *found = gguf_get_text(value, &length);
    return found != NULL && length == strlen(text) && memcmp(found, text, length) == 0;
}

/* An array of the metadata whose elements are of this type. */
static enum status find_array(const struct gguf *file, const char *path, const char *key, enum gguf_type type,
                              const struct gguf_value **out)
{
    *out = gguf_find(file, key);
    if (*out == NULL || (*out)->type != GGUF_ARRAY || (*out)->element != type)
        return fail(STATUS_FAILED, "%s: %s is no array of %s", path, key, gguf_type_name(type));
    return STATUS_OK;
}

static enum status read_splitting(const struct gguf *file, const char *path, struct vocabulary *out)
{
    const struct gguf_value *pre = gguf_find(file, "tokenizer.ggml.pre");
    if (!is_text(gguf_find(file, "tokenizer.ggml.model"), "gpt2"))
        return fail(STATUS_FAILED, "%s: tokenizer.ggml.model is not gpt2, byte-level BPE", path);
    if (is_text(pre, "gpt-2"))
        return STATUS_OK;
    if (!is_text(pre, "dbrx"))
        return fail(STATUS_FAILED,
                    "%s: tokenizer.ggml.pre is neither gpt-2 nor dbrx: how words are split is not known",
                    path);
    out->pattern = memory_copy_text("cl100k", strlen("cl100k"));
    return out->pattern != NULL ? STATUS_OK : STATUS_FAILED;
}

static enum status add_token(struct vocabulary *vocabulary, const char *path, const struct gguf_value *token,
                             int64_t type)
{
    size_t length = 0;
    const char *name = gguf_get_text(token, &length);
    bool special = type != NORMAL;
    if (type < NORMAL || type >= BYTE)
        return fail(STATUS_FAILED, "%s: token %lld is of type %lld, allowed are %d to %d", path,
                    (long long)vocabulary->count, (long long)type, NORMAL, UNUSED);
    if (length == 0 ||
        (special && (utf8_find_invalid(name, length) >= 0 || memchr(name, '\0', length) != NULL)))
        return fail(STATUS_FAILED, "%s: the name of token %lld is %s", path, (long long)vocabulary->count,
                    length == 0 ? "empty" : "no text in UTF-8 without NUL");
    if (vocabulary_add_name(vocabulary, name, length, special) != STATUS_OK)
        return fail(STATUS_FAILED, "%s: %s", path, status_message());
    return STATUS_OK;
}

/* How many tokens stand before the unused ones at the end. */
static int64_t count_used(const struct gguf_value *types)
{
    struct gguf_value element = {0};
    int64_t used = 0, type = 0;
    while (gguf_next(types, &element))
        if (gguf_get_integer(&element, &type) && type != UNUSED)
            used = element.count;
    return used;
}

static enum status read_tokens(const struct gguf *file, const char *path, struct vocabulary *out)
{
    const struct gguf_value *tokens, *types;
    struct gguf_value token = {0}, type = {0};
    int64_t number = 0;
    TRY(find_array(file, path, "tokenizer.ggml.tokens", GGUF_TEXT, &tokens));
    TRY(find_array(file, path, "tokenizer.ggml.token_type", GGUF_INT32, &types));
    if (tokens->count != types->count)
        return fail(STATUS_FAILED, "%s: it has %lld tokens, but %lld types of tokens", path,
                    (long long)tokens->count, (long long)types->count);
    for (int64_t used = count_used(types); used > 0 && gguf_next(tokens, &token); used--) {
        gguf_next(types, &type);
        gguf_get_integer(&type, &number);
        TRY(add_token(out, path, &token, number));
    }
    return STATUS_OK;
}

static enum status read_merges(const struct gguf *file, const char *path, struct vocabulary *out)
{
    const struct gguf_value *merges;
    struct gguf_value merge = {0};
    TRY(find_array(file, path, "tokenizer.ggml.merges", GGUF_TEXT, &merges));
    while (gguf_next(merges, &merge)) {
        size_t length = 0;
        const char *line = gguf_get_text(&merge, &length);
        if (vocabulary_add_merge_line(out, line, length) != STATUS_OK)
            return fail(STATUS_FAILED, "%s: %s", path, status_message());
    }
    return STATUS_OK;
}

enum status import_gguf_tokenizer(const struct gguf *file, const char *path, struct tokenizer **out)
{
    struct vocabulary vocabulary = {0};
    *out = NULL;
    enum status status = read_splitting(file, path, &vocabulary);
    if (status == STATUS_OK)
        status = read_tokens(file, path, &vocabulary);
    if (status == STATUS_OK)
        status = read_merges(file, path, &vocabulary);
    if (status != STATUS_OK) {
        vocabulary_free(&vocabulary);
        return status;
    }
    if (tokenizer_create(&vocabulary, out) != STATUS_OK)
        return fail(STATUS_FAILED, "%s: %s", path, status_message());
    return STATUS_OK;
}
