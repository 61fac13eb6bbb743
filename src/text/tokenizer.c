/* A vocabulary with its encoder. Special tokens are found here, the text between them goes to the encoder of
 * its kind.
 * Files are read and written in tokenizer_reader.c and tokenizer_file.c. */
#include "llmpi/text/tokenizer.h"

#include "llmpi/base/digest.h"
#include "llmpi/base/memory.h"
#include "llmpi/text/bpe_encoder.h"
#include "llmpi/text/character_encoder.h"
#include "llmpi/text/vocabulary.h"
#include "llmpi/text/word_encoder.h"

#include <string.h>

/* A special token and where it comes next in the text that is being encoded. */
struct special {
    uint32_t id;
    const char *next; /* NULL: not again */
};

struct tokenizer {
    struct vocabulary vocabulary;
    uint64_t digest;
    struct special *specials;
    int64_t special_count;
    struct bpe_encoder *encoder; /* kind bpe only */
};

static enum status find_specials(struct tokenizer *tokenizer)
{
    const struct vocabulary *vocabulary = &tokenizer->vocabulary;
    for (int64_t id = 0; id < vocabulary->count; id++)
        tokenizer->special_count += vocabulary->tokens[id].special;
    tokenizer->specials =
        memory_allocate(tokenizer->special_count, sizeof *tokenizer->specials, "special tokens");
    if (tokenizer->specials == NULL)
        return STATUS_FAILED;
    struct special *next = tokenizer->specials;
    for (int64_t id = 0; id < vocabulary->count; id++)
        if (vocabulary->tokens[id].special)
            (next++)->id = (uint32_t)id;
    return STATUS_OK;
}

static enum status compute_digest(struct tokenizer *tokenizer)
{
    struct buffer text = {0};
    enum status status = tokenizer_write(tokenizer, &text);
    if (status == STATUS_OK)
        tokenizer->digest = digest_bytes(text.data, text.length);
    buffer_free(&text);
    return status;
}

static enum status prepare(struct tokenizer *tokenizer)
{
    TRY(find_specials(tokenizer));
    if (tokenizer->vocabulary.kind == VOCABULARY_BPE)
        TRY(bpe_encoder_create(&tokenizer->vocabulary, &tokenizer->encoder));
    return compute_digest(tokenizer);
}

enum status tokenizer_create(struct vocabulary *vocabulary, struct tokenizer **out)
{
    *out = NULL;
    struct tokenizer *tokenizer = memory_allocate(1, sizeof *tokenizer, "a tokenizer");
    if (tokenizer == NULL) {
        vocabulary_free(vocabulary);
        return STATUS_FAILED;
    }
    tokenizer->vocabulary = *vocabulary;
    *vocabulary = (struct vocabulary){0};
    enum status status = prepare(tokenizer);
    if (status != STATUS_OK) {
        tokenizer_destroy(tokenizer);
        return status;
    }
    *out = tokenizer;
    return STATUS_OK;
}

enum status tokenizer_extend(const struct tokenizer *tokenizer, const struct string_list *special,
                             struct tokenizer **out)
{
    struct vocabulary vocabulary = {0};
    *out = NULL;
    enum status status = vocabulary_copy(&tokenizer->vocabulary, &vocabulary);
    for (int64_t i = 0; i < special->count && status == STATUS_OK; i++) {
        const char *name = special->items[i];
        if (vocabulary_find_special(&vocabulary, name, strlen(name)) < 0)
            status = vocabulary_add_token(&vocabulary, name, strlen(name), true);
    }
    if (status == STATUS_OK)
        return tokenizer_create(&vocabulary, out);
    vocabulary_free(&vocabulary);
    return status;
}

void tokenizer_destroy(struct tokenizer *tokenizer)
{
    if (tokenizer == NULL)
        return;
    vocabulary_free(&tokenizer->vocabulary);
    bpe_encoder_destroy(tokenizer->encoder);
    memory_free(tokenizer->specials);
    memory_free(tokenizer);
}

/* The special token that comes first in [text, end), the longest of those that start there, or NULL. Each
 * token is searched again only when the text has passed its last place, so that the whole text is read once
 * per token. */
static const struct special *find_next_special(struct tokenizer *tokenizer, const char *text, const char *end)
{
    const struct special *first = NULL;
    size_t first_length = 0;
    for (int64_t i = 0; i < tokenizer->special_count; i++) {
        struct special *special = &tokenizer->specials[i];
        size_t length = 0;
        const char *name = vocabulary_bytes(&tokenizer->vocabulary, special->id, &length);
        if (special->next != NULL && special->next < text)
            special->next = memmem(text, (size_t)(end - text), name, length);
        if (special->next == NULL)
            continue;
        if (first == NULL || special->next < first->next ||
            (special->next == first->next && length > first_length)) {
            first = special;
            first_length = length;
        }
    }
    return first;
}

/* Text without special tokens. */
static enum status encode_text(struct tokenizer *tokenizer, const char *text, size_t length,
                               struct token_list *out)
{
    switch (tokenizer->vocabulary.kind) {
    case VOCABULARY_WORD:
        return word_encoder_run(&tokenizer->vocabulary, text, length, out);
    case VOCABULARY_CHARACTER:
        return character_encoder_run(&tokenizer->vocabulary, text, length, out);
    case VOCABULARY_BPE:
        break;
    }
    return bpe_encoder_run(tokenizer->encoder, text, length, out);
}

enum status tokenizer_encode(struct tokenizer *tokenizer, const char *text, size_t length, bool special,
                             struct token_list *out)
{
    if (length == 0)
        return STATUS_OK;
    if (!special || tokenizer->special_count == 0)
        return encode_text(tokenizer, text, length, out);
    const char *end = text + length;
    for (int64_t i = 0; i < tokenizer->special_count; i++) {
        size_t name_length = 0;
        const char *name = vocabulary_bytes(&tokenizer->vocabulary, tokenizer->specials[i].id, &name_length);
        tokenizer->specials[i].next = memmem(text, length, name, name_length);
    }
    while (text < end) {
        const struct special *found = find_next_special(tokenizer, text, end);
        TRY(encode_text(tokenizer, text, (size_t)((found != NULL ? found->next : end) - text), out));
        if (found == NULL)
            return STATUS_OK;
        TRY(token_list_add(out, found->id));
        text = found->next + tokenizer->vocabulary.tokens[found->id].length;
    }
    return STATUS_OK;
}

enum status tokenizer_decode_next(const struct tokenizer *tokenizer, uint32_t id, bool first,
                                  struct buffer *out)
{
    size_t length = 0;
    const char *bytes = tokenizer_token(tokenizer, id, &length);
    if (bytes == NULL)
        return fail(STATUS_FAILED, "a token has id %u, but the vocabulary ends at %lld", id,
                    (long long)tokenizer->vocabulary.count - 1);
    if (tokenizer->vocabulary.kind == VOCABULARY_WORD && !first && !word_joins(bytes, length))
        TRY(buffer_append(out, " ", 1));
    return buffer_append(out, bytes, length);
}

enum status tokenizer_decode(const struct tokenizer *tokenizer, const uint32_t *ids, int64_t count,
                             struct buffer *out)
{
    for (int64_t i = 0; i < count; i++)
        if (ids[i] >= tokenizer->vocabulary.count)
            return fail(STATUS_FAILED, "token %lld has id %u, but the vocabulary ends at %lld", (long long)i,
                        ids[i], (long long)tokenizer->vocabulary.count - 1);
    for (int64_t i = 0; i < count; i++)
        TRY(tokenizer_decode_next(tokenizer, ids[i], i == 0, out));
    return STATUS_OK;
}

bool tokenizer_may_follow(const struct tokenizer *tokenizer, const char *text, size_t length)
{
    return tokenizer->vocabulary.kind != VOCABULARY_WORD || word_may_follow(text, length);
}

const struct vocabulary *tokenizer_vocabulary(const struct tokenizer *tokenizer)
{
    return &tokenizer->vocabulary;
}

int64_t tokenizer_vocab_size(const struct tokenizer *tokenizer)
{
    return tokenizer->vocabulary.count;
}

int64_t tokenizer_merge_count(const struct tokenizer *tokenizer)
{
    return tokenizer->vocabulary.merge_count;
}

const char *tokenizer_kind_name(const struct tokenizer *tokenizer)
{
    static const char *const names[] = {
        [VOCABULARY_BPE] = "bpe", [VOCABULARY_WORD] = "word", [VOCABULARY_CHARACTER] = "character"};
    return names[tokenizer->vocabulary.kind];
}

const char *tokenizer_pattern(const struct tokenizer *tokenizer)
{
    if (tokenizer->vocabulary.kind != VOCABULARY_BPE)
        return NULL;
    return tokenizer->vocabulary.pattern != NULL ? tokenizer->vocabulary.pattern : "gpt2";
}

int64_t tokenizer_unknown(const struct tokenizer *tokenizer)
{
    return tokenizer->vocabulary.kind != VOCABULARY_BPE ? (int64_t)tokenizer->vocabulary.unknown : -1;
}

uint64_t tokenizer_digest(const struct tokenizer *tokenizer)
{
    return tokenizer->digest;
}

int64_t tokenizer_find(const struct tokenizer *tokenizer, const char *text, size_t length)
{
    int64_t id = vocabulary_find_special(&tokenizer->vocabulary, text, length);
    return id >= 0 ? id : vocabulary_find_ordinary(&tokenizer->vocabulary, text, length);
}

const char *tokenizer_token(const struct tokenizer *tokenizer, uint32_t id, size_t *length)
{
    *length = 0;
    return id < tokenizer->vocabulary.count ? vocabulary_bytes(&tokenizer->vocabulary, id, length) : NULL;
}

bool tokenizer_is_special(const struct tokenizer *tokenizer, uint32_t id)
{
    return id < tokenizer->vocabulary.count && tokenizer->vocabulary.tokens[id].special;
}

int64_t tokenizer_text_bytes(const struct tokenizer *tokenizer, const uint32_t *ids, int64_t count)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < count; i++) {
        size_t length = 0;
        if (!tokenizer_is_special(tokenizer, ids[i]) && tokenizer_token(tokenizer, ids[i], &length) != NULL)
            sum += (int64_t)length;
    }
    return sum;
}
