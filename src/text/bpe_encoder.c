/* Text repeats its words, so a table of fixed size remembers the ids of short ones: one entry per hash value,
 * the newest word wins. */
#include "llmpi/text/bpe_encoder.h"

#include "llmpi/base/digest.h"
#include "llmpi/base/memory.h"
#include "llmpi/text/pretokenize.h"
#include "llmpi/text/word_merger.h"

#include <string.h>

#define CACHE_SIZE  ((uint64_t)1 << 16) /* entries of 64 bytes */
#define CACHED_TEXT 26                  /* longest word that is remembered, in bytes */
#define CACHED_IDS  9                   /* most ids of such a word */

struct cached_word {
    uint8_t length, count; /* length 0: empty */
    char text[CACHED_TEXT];
    uint32_t ids[CACHED_IDS];
};

struct bpe_encoder {
    const struct vocabulary *vocabulary;
    uint32_t byte_ids[256];
    struct pretokenizer *pretokenizer;
    struct word_merger merger;
    struct cached_word *cache;
};

static enum status find_bytes(struct bpe_encoder *encoder)
{
    for (int byte = 0; byte < 256; byte++) {
        char text = (char)byte;
        int64_t id = vocabulary_find_ordinary(encoder->vocabulary, &text, 1);
        if (id < 0)
            return fail(STATUS_FAILED,
                        "the vocabulary has no token for byte 0x%02X: a byte-level one has all 256",
                        (unsigned)byte);
        encoder->byte_ids[byte] = (uint32_t)id;
    }
    return STATUS_OK;
}

enum status bpe_encoder_create(const struct vocabulary *vocabulary, struct bpe_encoder **out)
{
    *out = NULL;
    struct bpe_encoder *encoder = memory_allocate(1, sizeof *encoder, "a tokenizer");
    if (encoder == NULL)
        return STATUS_FAILED;
    encoder->vocabulary = vocabulary;
    encoder->cache = memory_allocate((int64_t)CACHE_SIZE, sizeof *encoder->cache, "the tokenizer's cache");
    enum status status = encoder->cache != NULL ? find_bytes(encoder) : STATUS_FAILED;
    if (status == STATUS_OK)
        status = pretokenizer_create(vocabulary->pattern, &encoder->pretokenizer);
    if (status != STATUS_OK) {
        bpe_encoder_destroy(encoder);
        return status;
    }
    *out = encoder;
    return STATUS_OK;
}

void bpe_encoder_destroy(struct bpe_encoder *encoder)
{
    if (encoder == NULL)
        return;
    pretokenizer_destroy(encoder->pretokenizer);
    word_merger_free(&encoder->merger);
    memory_free(encoder->cache);
    memory_free(encoder);
}

/* Writes the ids of a word at the end of `out`, without the cache. */
static enum status merge_word(struct bpe_encoder *encoder, const char *word, size_t length,
                              struct token_list *out)
{
    if (encoder->vocabulary->ignore_merges) {
        int64_t whole = vocabulary_find_ordinary(encoder->vocabulary, word, length);
        if (whole >= 0)
            return token_list_add(out, (uint32_t)whole);
    }
    TRY(token_list_reserve(out, (int64_t)length));
    uint32_t *ids = out->ids + out->count;
    for (size_t i = 0; i < length; i++)
        ids[i] = encoder->byte_ids[(uint8_t)word[i]];
    TRY(word_merger_run(&encoder->merger, encoder->vocabulary, ids, &length));
    out->count += (int64_t)length;
    return STATUS_OK;
}

static enum status encode_word(struct bpe_encoder *encoder, const char *word, size_t length,
                               struct token_list *out)
{
    if (length > CACHED_TEXT)
        return merge_word(encoder, word, length, out);
    struct cached_word *cached = &encoder->cache[digest_bytes(word, length) & (CACHE_SIZE - 1)];
    if (cached->length == length && memcmp(cached->text, word, length) == 0) {
        TRY(token_list_reserve(out, CACHED_IDS));
        memcpy(out->ids + out->count, cached->ids,
               sizeof cached->ids); /* as many as fit: no loop over the count */
        out->count += cached->count;
        return STATUS_OK;
    }
    int64_t first = out->count;
    TRY(merge_word(encoder, word, length, out));
    if (out->count - first <= CACHED_IDS) {
        cached->length = (uint8_t)length;
        cached->count = (uint8_t)(out->count - first);
        memcpy(cached->text, word, length);
        memcpy(cached->ids, out->ids + first, cached->count * sizeof *cached->ids);
    }
    return STATUS_OK;
}

enum status bpe_encoder_run(struct bpe_encoder *encoder, const char *text, size_t length,
                            struct token_list *out)
{
    pretokenizer_begin(encoder->pretokenizer, text, length);
    for (;;) {
        const char *word = NULL;
        bool more = false;
        TRY(pretokenizer_next(encoder->pretokenizer, &word, &length, &more));
        if (!more)
            return STATUS_OK;
        TRY(encode_word(encoder, word, length, out));
    }
}
