/* Reads tokenizer.json of Hugging Face's tokenizers library, and GPT-2's pair encoder.json + vocab.bpe, from
 * their text. What a file asks for and this program does not do (other models, normalizers, ways to split) is
 * an error, since it would give other ids; `truncation`, `padding` and what a
 * `post_processor` puts around a text say nothing about the ids of the text and are not read. */
#include "tokenizer_pipeline.h"

#include "llmpi/base/json.h"
#include "llmpi/base/memory.h"
#include "llmpi/text/tokenizer.h"
#include "llmpi/text/vocabulary.h"

#include <string.h>

#define END_TOKEN "<|endoftext|>" /* GPT-2's only special token: encoder.json does not mark it */

/* A vocabulary on its way from {"name": id, ...} to ids in order. The names are borrowed from the JSON
 * document. */
struct entry {
    const char *name;
    size_t length;
    bool special;
};
struct loading {
    struct entry *entries; /* by id; name NULL: not seen yet */
    int64_t count;         /* tokens in the file, so that ids must be below it */
    struct vocabulary vocabulary;
};

static enum status set_entry(struct loading *loading, int64_t id, const char *name, size_t length,
                             bool special)
{
    if (id < 0 || id >= loading->count)
        return fail(STATUS_FAILED,
                    "token '%.64s' has id %lld, but %lld tokens have the ids 0 to %lld without a gap", name,
                    (long long)id, (long long)loading->count, (long long)loading->count - 1);
    struct entry *entry = &loading->entries[id];
    if (entry->name != NULL && (entry->length != length || memcmp(entry->name, name, length) != 0))
        return fail(STATUS_FAILED, "tokens '%.64s' and '%.64s' have the same id %lld", entry->name, name,
                    (long long)id);
    if (length == 0)
        return fail(STATUS_FAILED, "token %lld is empty", (long long)id);
    *entry = (struct entry){name, length, special};
    return STATUS_OK;
}

static enum status visit_vocabulary(void *context, const char *name, size_t length, const struct json *value)
{
    int64_t id = 0;
    if (!json_get_integer(value, &id))
        return fail(STATUS_FAILED, "the id of token '%.64s' is no integer", name);
    return set_entry(context, id, name, length, false);
}

static enum status count_member(void *context, const char *name, size_t length, const struct json *value)
{
    (void)name;
    (void)length;
    (void)value;
    ++*(int64_t *)context;
    return STATUS_OK;
}

/* Room for every token of the vocabulary and every added token that is not in it. */
static enum status reserve_entries(struct loading *loading, const struct json *vocabulary,
                                   const struct json *added)
{
    TRY(json_each(vocabulary, count_member, &loading->count));
    for (int64_t i = 0; i < json_get_count(added); i++) {
        size_t length = 0;
        const char *content = json_get_text(json_get_member(json_get_element(added, i), "content"), &length);
        if (content != NULL && json_get_member(vocabulary, content) == NULL)
            loading->count++;
    }
    if (loading->count > VOCABULARY_MAX)
        return fail(STATUS_FAILED, "%lld tokens, allowed are %lld", (long long)loading->count,
                    (long long)VOCABULARY_MAX);
    loading->entries = memory_allocate(loading->count, sizeof *loading->entries, "the vocabulary");
    return loading->entries != NULL ? STATUS_OK : STATUS_FAILED;
}

static bool is_true(const struct json *object, const char *name)
{
    bool value = false;
    return json_get_boolean(json_get_member(object, name), &value) && value;
}

static enum status read_added_token(struct loading *loading, const struct json *token)
{
    size_t length = 0;
    int64_t id = 0;
    const char *content = json_get_text(json_get_member(token, "content"), &length);
    if (content == NULL || !json_get_integer(json_get_member(token, "id"), &id))
        return fail(STATUS_FAILED, "an added token has no content or no id");
    if (strlen(content) != length)
        return fail(STATUS_FAILED, "added token '%.64s' contains a NUL character", content);
    if (!is_true(token, "special"))
        return fail(STATUS_FAILED, "added token '%.64s' is not special: only special ones are supported",
                    content);
    static const char *const options[] = {"single_word", "lstrip", "rstrip"};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (is_true(token, options[i]))
            return fail(STATUS_FAILED, "added token '%.64s' has %s, which is not supported", content,
                        options[i]);
    return set_entry(loading, id, content, length, true);
}

static enum status add_token(struct loading *loading, int64_t id)
{
    const struct entry *entry = &loading->entries[id];
    if (entry->name == NULL)
        return fail(STATUS_FAILED, "no token has id %lld, but the ids of %lld tokens must be 0 to %lld",
                    (long long)id, (long long)loading->count, (long long)loading->count - 1);
    return vocabulary_add_name(&loading->vocabulary, entry->name, entry->length, entry->special);
}

static enum status add_tokens(struct loading *loading)
{
    for (int64_t id = 0; id < loading->count; id++)
        TRY(add_token(loading, id));
    return STATUS_OK;
}

static enum status read_merges(struct vocabulary *vocabulary, const struct json *merges)
{
    for (int64_t i = 0; i < json_get_count(merges); i++) {
        const struct json *merge = json_get_element(merges, i);
        size_t length = 0, right_length = 0;
        const char *text = json_get_text(merge, &length);
        if (text != NULL) {
            TRY(vocabulary_add_merge_line(vocabulary, text, length));
            continue;
        }
        text = json_get_text(json_get_element(merge, 0), &length);
        const char *right = json_get_text(json_get_element(merge, 1), &right_length);
        if (text == NULL || right == NULL || json_get_count(merge) != 2)
            return fail(STATUS_FAILED, "merge %lld is neither \"left right\" nor [\"left\", \"right\"]",
                        (long long)i);
        TRY(vocabulary_add_named_merge(vocabulary, text, length, right, right_length));
    }
    return STATUS_OK;
}

static enum status find_unknown(const struct json *model, struct vocabulary *vocabulary)
{
    size_t length = 0;
    const char *name = json_get_text(json_get_member(model, "unk_token"), &length);
    if (name == NULL)
        return fail(STATUS_FAILED, "it has no model.unk_token");
    int64_t id = vocabulary_find_special(vocabulary, name, length);
    if (id < 0)
        id = vocabulary_find_ordinary(vocabulary, name, length);
    if (id < 0)
        return fail(STATUS_FAILED, "model.unk_token is '%.64s', which is not in the vocabulary", name);
    vocabulary->unknown = (uint32_t)id;
    return STATUS_OK;
}

static enum status read_tokenizer(const struct json *root, struct loading *loading)
{
    TRY(pipeline_read(root, &loading->vocabulary));
    const struct json *model = json_get_member(root, "model");
    const struct json *vocabulary = json_get_member(model, "vocab"),
                      *added = json_get_member(root, "added_tokens");
    TRY(reserve_entries(loading, vocabulary, added));
    TRY(json_each(vocabulary, visit_vocabulary, loading));
    for (int64_t i = 0; i < json_get_count(added); i++)
        TRY(read_added_token(loading, json_get_element(added, i)));
    TRY(add_tokens(loading));
    return loading->vocabulary.kind == VOCABULARY_BPE
               ? read_merges(&loading->vocabulary, json_get_member(model, "merges"))
               : find_unknown(model, &loading->vocabulary);
}

/* Puts the file in front of the message of a failure. */
static enum status name_failure(enum status status, const char *name)
{
    char message[2048];
    if (status == STATUS_OK)
        return STATUS_OK;
    size_t length = strnlen(status_message(), sizeof message - 1);
    memcpy(message, status_message(), length);
    message[length] = '\0';
    return fail(status, "%s: %s", name, message);
}

static enum status finish(struct loading *loading, enum status status, struct tokenizer **out)
{
    memory_free(loading->entries);
    if (status == STATUS_OK)
        return tokenizer_create(&loading->vocabulary, out);
    vocabulary_free(&loading->vocabulary);
    return status;
}

enum status tokenizer_parse(const char *json, size_t length, const char *name, struct tokenizer **out)
{
    *out = NULL;
    struct json *root = NULL;
    struct loading loading = {0};
    enum status status = json_parse(json, length, &root);
    if (status == STATUS_OK)
        status = read_tokenizer(root, &loading);
    status = finish(&loading, status, out);
    json_free(root);
    return name_failure(status, name);
}

/* vocab.bpe: an optional line "#version: ...", then one merge per line. */
static enum status read_merge_lines(struct vocabulary *vocabulary, const char *text, size_t text_length)
{
    const char *line = text, *end = text + text_length;
    if (text_length >= 8 && memcmp(text, "#version", 8) == 0)
        line = memchr(text, '\n', text_length);
    for (; line != NULL && line < end; line++) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        size_t length = (size_t)((stop != NULL ? stop : end) - line);
        if (length > 0 && line[length - 1] == '\r')
            length--;
        if (length > 0)
            TRY(vocabulary_add_merge_line(vocabulary, line, length));
        line += length;
    }
    return STATUS_OK;
}

/* encoder.json has the tokens and their ids. It does not mark the end token as special. CLIP has files of the
 * same form whose tokens end in "</w>" where a word does; read as GPT-2's they would give other ids. */
static enum status read_encoder(const struct json *root, struct loading *loading)
{
    if (json_kind(root) != KIND_OBJECT)
        return fail(STATUS_FAILED, "it is no JSON object of tokens and ids");
    if (json_get_member(root, "a</w>") != NULL)
        return fail(STATUS_FAILED,
                    "a token ends in </w>, which stands for the end of a word in other tokenizers than "
                    "GPT-2's: this is not supported");
    TRY(reserve_entries(loading, root, NULL));
    TRY(json_each(root, visit_vocabulary, loading));
    int64_t end_token = 0;
    if (json_get_integer(json_get_member(root, END_TOKEN), &end_token))
        TRY(set_entry(loading, end_token, END_TOKEN, strlen(END_TOKEN), true));
    return add_tokens(loading);
}

enum status tokenizer_parse_gpt2(const char *encoder, size_t encoder_length, const char *merges,
                                 size_t merges_length, const char *name, struct tokenizer **out)
{
    *out = NULL;
    struct json *root = NULL;
    struct loading loading = {0};
    enum status status = json_parse(encoder, encoder_length, &root);
    if (status == STATUS_OK)
        status = read_encoder(root, &loading);
    if (status == STATUS_OK)
        status = read_merge_lines(&loading.vocabulary, merges, merges_length);
    status = finish(&loading, status, out);
    json_free(root);
    return name_failure(status, name);
}
