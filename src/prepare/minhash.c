/* Each shingle gets one 32-bit hash; the hashes of a signature are made of it by exclusive or with a constant
 * each and the finaliser of MurmurHash3 (A. Appleby, public domain) without its last step, which moves no
 * high bits: a bijection, so that distinct shingles stay distinct and each is the least one with the same
 * probability. This is the loop that takes the time, and it is made for vector registers. */
#include "llmpi/prepare/minhash.h"

#include "llmpi/base/clones.h"
#include "llmpi/base/digest.h"
#include "llmpi/base/memory.h"
#include "llmpi/base/utf8.h"
#include "llmpi/prepare/text_shape.h"

#include <string.h>

enum { SHINGLES = 256 }; /* hashed in one go */

struct minhash {
    int64_t bands, rows, words;
    uint32_t *constants, *signature;
    uint64_t *last;     /* hashes of the last `words` words, a ring */
    int64_t next;       /* place of the next one */
    int64_t word_count; /* of the text so far */
    struct buffer word;
    uint32_t shingles[SHINGLES];
    int shingle_count; /* that wait */
    unsigned char normal_forms[128];
};

/* What an ASCII character adds to a word: itself as a small letter, nothing (0), or its end (' '). */
static void fill_normal_forms(unsigned char forms[128])
{
    for (unsigned char byte = 0; byte < 128; byte++) {
        bool counts = character_is_letter(byte) || (byte >= '0' && byte <= '9');
        forms[byte] = character_is_space(byte) ? ' ' : counts ? (unsigned char)character_lower(byte) : 0;
    }
}

enum status minhash_create(int64_t bands, int64_t rows, int64_t words, struct minhash **out)
{
    *out = NULL;
    struct minhash *minhash = memory_allocate(1, sizeof *minhash, "MinHash");
    if (minhash == NULL)
        return STATUS_FAILED;
    *minhash = (struct minhash){.bands = bands, .rows = rows, .words = words};
    minhash->constants = memory_allocate(bands * rows, sizeof *minhash->constants, "MinHash");
    minhash->signature = memory_allocate(bands * rows, sizeof *minhash->signature, "a MinHash signature");
    minhash->last = memory_allocate(words, sizeof *minhash->last, "MinHash");
    if (minhash->constants == NULL || minhash->signature == NULL || minhash->last == NULL) {
        minhash_destroy(minhash);
        return STATUS_FAILED;
    }
    fill_normal_forms(minhash->normal_forms);
    for (int64_t i = 0; i < bands * rows; i++) {
        const unsigned char number[] = {(unsigned char)i, (unsigned char)(i >> 8), (unsigned char)(i >> 16)};
        minhash->constants[i] = (uint32_t)digest_bytes(number, sizeof number);
    }
    *out = minhash;
    return STATUS_OK;
}

void minhash_destroy(struct minhash *minhash)
{
    if (minhash == NULL)
        return;
    memory_free(minhash->constants);
    memory_free(minhash->signature);
    memory_free(minhash->last);
    buffer_free(&minhash->word);
    memory_free(minhash);
}

/* Lowers each hash of the signature to the least that these shingles give. */
CLONED(void, lower_signature,
       (uint32_t * signature, const uint32_t *constants, int64_t count, const uint32_t *shingles,
        int shingle_count),
       (signature, constants, count, shingles, shingle_count))
{
    for (int s = 0; s < shingle_count; s++)
        for (int64_t i = 0; i < count; i++) {
            uint32_t hash = shingles[s] ^ constants[i];
            hash = (hash ^ (hash >> 16)) * 0x85EBCA6Bu;
            hash = (hash ^ (hash >> 13)) * 0xC2B2AE35u;
            signature[i] = hash < signature[i] ? hash : signature[i];
        }
}

static void flush(struct minhash *minhash)
{
    lower_signature(minhash->signature, minhash->constants, minhash->bands * minhash->rows, minhash->shingles,
                    minhash->shingle_count);
    minhash->shingle_count = 0;
}

/* The shingle of the last `count` words, the first of which is last[first]. */
static void add_shingle(struct minhash *minhash, int64_t first, int64_t count)
{
    uint64_t hash = 0;
    for (int64_t i = 0, at = first; i < count; i++) {
        hash = (hash ^ minhash->last[at]) * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 32;
        at = at + 1 < minhash->words ? at + 1 : 0;
    }
    if (minhash->shingle_count == SHINGLES)
        flush(minhash);
    minhash->shingles[minhash->shingle_count++] = (uint32_t)hash;
}

static void end_word(struct minhash *minhash)
{
    if (minhash->word.length == 0)
        return;
    minhash->last[minhash->next] = digest_bytes(minhash->word.data, minhash->word.length);
    minhash->next = minhash->next + 1 < minhash->words ? minhash->next + 1 : 0;
    if (++minhash->word_count >= minhash->words)
        add_shingle(minhash, minhash->next, minhash->words);
    minhash->word.length = 0;
}

/* Appends a character that is not ASCII to the word, or ends the word. */
static enum status add_character(struct minhash *minhash, const char *text, size_t length, size_t *bytes)
{
    uint32_t character = 0;
    char lower[4];
    int read = utf8_decode(text, length, &character);
    *bytes = read > 0 ? (size_t)read : 1;
    if (character_is_space(character))
        end_word(minhash);
    else if (character_is_letter(character))
        return buffer_append(&minhash->word, lower, (size_t)utf8_encode(character_lower(character), lower));
    return STATUS_OK;
}

/* The words of the text, one after the other. Room in the word for all of the text makes appending ASCII
 * cheap. */
static enum status add_words(struct minhash *minhash, const char *text, size_t length)
{
    struct buffer *word = &minhash->word;
    buffer_clear(word);
    TRY(buffer_reserve(word, length));
    for (size_t at = 0; at < length;) {
        unsigned char byte = (unsigned char)text[at];
        size_t bytes = 1;
        if (byte >= 0x80) {
            TRY(add_character(minhash, text + at, length - at, &bytes));
        } else if (minhash->normal_forms[byte] == ' ') {
            end_word(minhash);
        } else {
            word->data[word->length] = (char)minhash->normal_forms[byte];
            word->length += minhash->normal_forms[byte] != 0;
        }
        at += bytes;
    }
    end_word(minhash);
    return STATUS_OK;
}

enum status minhash_sign(struct minhash *minhash, const char *text, size_t length, const uint32_t **signature)
{
    memset(minhash->signature, 0xFF, (size_t)(minhash->bands * minhash->rows) * sizeof *minhash->signature);
    minhash->word_count = minhash->next = 0;
    minhash->shingle_count = 0;
    TRY(add_words(minhash, text, length));
    if (minhash->word_count < minhash->words)
        add_shingle(minhash, 0, minhash->word_count);
    flush(minhash);
    *signature = minhash->word_count > 0 ? minhash->signature : NULL;
    return STATUS_OK;
}

void minhash_keys(const struct minhash *minhash, uint64_t *keys)
{
    for (int64_t band = 0; band < minhash->bands; band++)
        keys[band] = digest_bytes(minhash->signature + band * minhash->rows,
                                  (size_t)minhash->rows * sizeof *minhash->signature);
}
