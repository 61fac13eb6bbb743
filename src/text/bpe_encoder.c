/* Text repeats its words, so two tables of fixed size remember the ids of words. Nearly all words have at
 * most 16 bytes and 3 ids: these are compared as two numbers, and their ids are copied without a loop. A
 * bucket is a cache line with two such words, the newer one first. Longer words are in the second table, one
 * per hash value. Everything else is merged. */
#include "llmpi/text/bpe_encoder.h"

#include "llmpi/base/digest.h"
#include "llmpi/base/memory.h"
#include "llmpi/text/pretokenize.h"
#include "llmpi/text/word_merger.h"

#include <string.h>

#define BUCKET_BITS 17 /* 8 MiB of short words */
#define SHORT_TEXT  16 /* bytes */
#define SHORT_IDS   3
#define LONG_BITS   16 /* 4 MiB of long words */
#define LONG_TEXT   38 /* bytes */
#define LONG_IDS    6
#define GROUP       32 /* words that are looked up together */

struct short_word {
    uint64_t text[2]; /* zeros behind the word */
    uint32_t ids[SHORT_IDS];
    uint16_t length, count; /* length 0: empty */
};

struct bucket {
    struct short_word words[2];
};

struct long_word {
    uint8_t length, count; /* length 0: empty */
    char text[LONG_TEXT];
    uint32_t ids[LONG_IDS];
};

struct bpe_encoder {
    const struct vocabulary *vocabulary;
    uint32_t byte_ids[256];
    struct pretokenizer *pretokenizer;
    struct word_merger merger;
    struct bucket *buckets; /* with long_words: NULL before the first text */
    struct long_word *long_words;
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
    enum status status = find_bytes(encoder);
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
    allocator_huge.release(allocator_huge.context, encoder->buckets);
    allocator_huge.release(allocator_huge.context, encoder->long_words);
    memory_free(encoder);
}

static void *create_table(int bits, size_t size)
{
    return allocator_huge.allocate(allocator_huge.context, size << bits, "known words");
}

/* The tables come with the first text, since many tokenizers only decode; and from the system, where they are
 * zero without being written: most texts are short and use little of them. */
static enum status create_tables(struct bpe_encoder *encoder)
{
    if (encoder->buckets == NULL)
        encoder->buckets = create_table(BUCKET_BITS, sizeof *encoder->buckets);
    if (encoder->buckets != NULL && encoder->long_words == NULL)
        encoder->long_words = create_table(LONG_BITS, sizeof *encoder->long_words);
    return encoder->long_words != NULL ? STATUS_OK : STATUS_FAILED;
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

static enum status encode_long_word(struct bpe_encoder *encoder, const char *word, size_t length,
                                    struct token_list *out)
{
    if (length > LONG_TEXT)
        return merge_word(encoder, word, length, out);
    struct long_word *cached = &encoder->long_words[digest_bytes(word, length) >> (64 - LONG_BITS)];
    if (cached->length == length && memcmp(cached->text, word, length) == 0) {
        TRY(token_list_reserve(out, LONG_IDS));
        memcpy(out->ids + out->count, cached->ids, sizeof cached->ids);
        out->count += cached->count;
        return STATUS_OK;
    }
    int64_t first = out->count;
    TRY(merge_word(encoder, word, length, out));
    if (out->count - first <= LONG_IDS) {
        cached->length = (uint8_t)length;
        cached->count = (uint8_t)(out->count - first);
        memcpy(cached->text, word, length);
        memcpy(cached->ids, out->ids + first, cached->count * sizeof *cached->ids);
    }
    return STATUS_OK;
}

/* Encodes a short word that is not in its bucket, and puts it there. */
static enum status encode_new_word(struct bpe_encoder *encoder, const char *word,
                                   const struct short_word *key, struct bucket *bucket,
                                   struct token_list *out)
{
    int64_t first = out->count;
    TRY(merge_word(encoder, word, key->length, out));
    size_t count = (size_t)(out->count - first);
    bucket->words[1] = bucket->words[0];
    bucket->words[0] = *key;
    bucket->words[0].count = (uint16_t)count;
    memcpy(bucket->words[0].ids, out->ids + first,
           (count < SHORT_IDS ? count : SHORT_IDS) * sizeof *out->ids);
    return STATUS_OK;
}

/* The text of a word of at most SHORT_TEXT bytes as numbers; SHORT_TEXT bytes are read if the text has them.
 */
static inline void read_short_word(const char *word, size_t length, const char *end, struct short_word *out)
{
    static const unsigned char ones_zeros[2 * SHORT_TEXT] = {255, 255, 255, 255, 255, 255, 255, 255,
                                                             255, 255, 255, 255, 255, 255, 255, 255};
    out->length = (uint16_t)length;
    if (end - word < SHORT_TEXT) {
        out->text[0] = out->text[1] = 0;
        memcpy(out->text, word, length);
        return;
    }
    uint64_t mask[2];
    memcpy(mask, ones_zeros + SHORT_TEXT - length, sizeof mask);
    memcpy(out->text, word, sizeof out->text);
    out->text[0] &= mask[0];
    out->text[1] &= mask[1];
}

static inline struct bucket *find_bucket(const struct bpe_encoder *encoder, const struct short_word *key)
{
    uint64_t hash = key->text[0] * 0x9E3779B97F4A7C15u;
    hash = (hash ^ hash >> 32 ^ key->text[1]) * 0xD6E8FEB86659FD93u;
    return &encoder->buckets[hash >> (64 - BUCKET_BITS)];
}

/* Zero when both are the same word. */
static inline uint64_t difference(const struct short_word *a, const struct short_word *b)
{
    return (a->text[0] ^ b->text[0]) | (a->text[1] ^ b->text[1]) | (uint64_t)(a->length ^ b->length);
}

struct lookup {
    struct short_word key;
    struct bucket *bucket; /* NULL: the word is long */
};

/* Encodes a word that is long, or has more ids than its bucket holds, or is new. */
static enum status encode_rare_word(struct bpe_encoder *encoder, const char *word, size_t length,
                                    const struct lookup *lookup, const struct short_word *known,
                                    struct token_list *out)
{
    TRY(lookup->bucket == NULL || known != NULL
            ? encode_long_word(encoder, word, length, out)
            : encode_new_word(encoder, word, &lookup->key, lookup->bucket, out));
    return token_list_reserve(out, GROUP * (SHORT_IDS + 1));
}

/* Looks up to GROUP words up in the buckets; all are fetched before the first is needed. */
static void find_buckets(const struct bpe_encoder *encoder, const char *word, const char *const *ends,
                         size_t count, const char *end, struct lookup *lookups)
{
    for (size_t i = 0; i < count; word = ends[i++]) {
        size_t length = (size_t)(ends[i] - word);
        lookups[i].bucket = NULL;
        if (length > SHORT_TEXT)
            continue;
        read_short_word(word, length, end, &lookups[i].key);
        lookups[i].bucket = find_bucket(encoder, &lookups[i].key);
        __builtin_prefetch(lookups[i].bucket);
    }
}

/* The word in its bucket, or NULL. */
static inline const struct short_word *find_word(const struct lookup *lookup)
{
    if (lookup->bucket == NULL)
        return NULL;
    const struct short_word *words = lookup->bucket->words;
    uint64_t first = difference(&words[0], &lookup->key), second = difference(&words[1], &lookup->key);
    return first != 0 && second != 0 ? NULL : &words[first != 0];
}

static enum status encode_group(struct bpe_encoder *encoder, const char *word, const char *const *ends,
                                size_t count, const char *end, struct token_list *out)
{
    struct lookup lookups[GROUP];
    find_buckets(encoder, word, ends, count, end, lookups);
    TRY(token_list_reserve(out, GROUP * (SHORT_IDS + 1)));
    for (size_t i = 0; i < count; word = ends[i++]) {
        const struct short_word *known = find_word(&lookups[i]);
        if (known == NULL || known->count > SHORT_IDS) {
            TRY(encode_rare_word(encoder, word, (size_t)(ends[i] - word), &lookups[i], known, out));
            continue;
        }
        memcpy(out->ids + out->count, known->ids, sizeof known->ids);
        out->count += known->count;
    }
    return STATUS_OK;
}

enum status bpe_encoder_run(struct bpe_encoder *encoder, const char *text, size_t length,
                            struct token_list *out)
{
    const char *word = NULL, *const *ends = NULL;
    TRY(create_tables(encoder));
    pretokenizer_begin(encoder->pretokenizer, text, length);
    for (size_t count = 1; count > 0;) {
        TRY(pretokenizer_next_words(encoder->pretokenizer, &word, &ends, &count));
        for (size_t i = 0; i < count; i += GROUP) {
            size_t group = count - i < GROUP ? count - i : GROUP;
            TRY(encode_group(encoder, word, ends + i, group, text + length, out));
            word = ends[i + group - 1];
        }
    }
    return STATUS_OK;
}
