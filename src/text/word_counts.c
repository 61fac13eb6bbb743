/* A hash table of words (open addressing, at most three quarters full) over entries in order of first
 * occurrence; the bytes of all words lie in one buffer. A slot holds half of the digest beside the index, so
 * that entries of other words are hardly ever looked at. */
#include "llmpi/text/word_counts.h"

#include "llmpi/base/digest.h"
#include "llmpi/base/memory.h"
#include "llmpi/text/pretokenize.h"

#include <stdlib.h>
#include <string.h>

#define EMPTY       UINT32_MAX
#define FIRST_SLOTS 1024
#define BATCH       32 /* words whose memory is loaded at the same time */

struct entry {
    uint64_t digest;
    size_t first, length; /* in bytes.data */
    int64_t count;
};

struct slot {
    uint32_t tag;   /* upper half of the digest */
    uint32_t index; /* of an entry, or EMPTY */
};

struct word_counts {
    struct buffer bytes;
    struct entry *entries;
    int64_t size, capacity;
    struct slot *slots; /* NULL before the first word, and after word_counts_trim */
    uint64_t slot_count;
    struct pretokenizer *pretokenizer; /* NULL until it is needed */
};

enum status word_counts_create(struct word_counts **out)
{
    *out = memory_allocate(1, sizeof **out, "word counts");
    return *out != NULL ? STATUS_OK : STATUS_FAILED;
}

void word_counts_destroy(struct word_counts *words)
{
    if (words == NULL)
        return;
    word_counts_clear(words);
    pretokenizer_destroy(words->pretokenizer);
    memory_free(words);
}

void word_counts_clear(struct word_counts *words)
{
    word_counts_trim(words);
    buffer_free(&words->bytes);
    free(words->entries);
    words->entries = NULL;
    words->size = words->capacity = 0;
}

void word_counts_trim(struct word_counts *words)
{
    free(words->slots);
    words->slots = NULL;
    words->slot_count = 0;
}

/* --- the table --- */

static struct slot *find_slot(const struct word_counts *words, uint64_t digest, const char *word,
                              size_t length)
{
    uint32_t tag = (uint32_t)(digest >> 32);
    for (uint64_t at = digest & (words->slot_count - 1);; at = (at + 1) & (words->slot_count - 1)) {
        struct slot *slot = &words->slots[at];
        if (slot->index == EMPTY)
            return slot;
        if (slot->tag != tag)
            continue;
        const struct entry *entry = &words->entries[slot->index];
        if (entry->digest == digest && entry->length == length &&
            memcmp(words->bytes.data + entry->first, word, length) == 0)
            return slot;
    }
}

/* A table of `slot_count` slots over the present entries. */
static enum status make_slots(struct word_counts *words, uint64_t slot_count)
{
    word_counts_trim(words);
    struct slot *slots = memory_resize(NULL, (int64_t)slot_count, sizeof *slots, "word counts");
    if (slots == NULL)
        return STATUS_FAILED;
    memset(slots, 0xFF, slot_count * sizeof *slots);
    for (int64_t i = 0; i < words->size; i++) {
        uint64_t digest = words->entries[i].digest, at = digest & (slot_count - 1);
        while (slots[at].index != EMPTY)
            at = (at + 1) & (slot_count - 1);
        slots[at] = (struct slot){(uint32_t)(digest >> 32), (uint32_t)i};
    }
    words->slots = slots;
    words->slot_count = slot_count;
    return STATUS_OK;
}

/* Room for one more word. */
static enum status make_room(struct word_counts *words)
{
    if (words->size == words->capacity) {
        int64_t capacity = words->capacity + words->capacity / 2 + FIRST_SLOTS;
        struct entry *entries = memory_resize(words->entries, capacity, sizeof *entries, "word counts");
        if (entries == NULL)
            return STATUS_FAILED;
        words->entries = entries;
        words->capacity = capacity;
    }
    if (words->size >= EMPTY)
        return fail(STATUS_FAILED, "more than 2^32 distinct words at once");
    uint64_t wanted = words->slot_count > 0 ? words->slot_count : FIRST_SLOTS;
    while ((uint64_t)words->size + 1 > wanted / 4 * 3)
        wanted *= 2;
    return wanted > words->slot_count ? make_slots(words, wanted) : STATUS_OK;
}

static enum status add_digested(struct word_counts *words, uint64_t digest, const char *word, size_t length,
                                int64_t count)
{
    if ((uint64_t)words->size + 1 > words->slot_count / 4 * 3 || words->size == words->capacity)
        TRY(make_room(words));
    struct slot *slot = find_slot(words, digest, word, length);
    if (slot->index == EMPTY) {
        struct entry entry = {digest, words->bytes.length, length, 0};
        TRY(buffer_append(&words->bytes, word, length));
        words->entries[words->size] = entry;
        *slot = (struct slot){(uint32_t)(digest >> 32), (uint32_t)words->size++};
    }
    struct entry *entry = &words->entries[slot->index];
    if (__builtin_add_overflow(entry->count, count, &entry->count))
        return fail(STATUS_FAILED, "a word is counted more than 2^63 times");
    return STATUS_OK;
}

enum status word_counts_add(struct word_counts *words, const char *word, size_t length, int64_t count)
{
    if (length == 0 || count <= 0)
        return fail(STATUS_FAILED, "a word of %zu bytes counted %lld times, both must be positive", length,
                    (long long)count);
    return add_digested(words, digest_bytes(word, length), word, length, count);
}

/* Starts loading what add_digested will look at: the slots, then their entries, then the bytes of those. */
static void prefetch(const struct word_counts *words, const uint64_t *digests, int count)
{
    if (words->slot_count == 0)
        return;
    const struct entry *entries[BATCH];
    for (int i = 0; i < count; i++)
        __builtin_prefetch(&words->slots[digests[i] & (words->slot_count - 1)], 1);
    for (int i = 0; i < count; i++) {
        struct slot slot = words->slots[digests[i] & (words->slot_count - 1)];
        entries[i] = slot.index != EMPTY ? &words->entries[slot.index] : words->entries;
        __builtin_prefetch(entries[i], 1);
    }
    for (int i = 0; i < count; i++)
        __builtin_prefetch(words->bytes.data + entries[i]->first);
}

/* --- text --- */

enum status word_counts_use_pattern(struct word_counts *words, const char *pattern)
{
    pretokenizer_destroy(words->pretokenizer);
    words->pretokenizer = NULL;
    return pretokenizer_create(pattern, &words->pretokenizer);
}

enum status word_counts_begin_text(struct word_counts *words, const char *text, size_t length)
{
    if (words->pretokenizer == NULL)
        TRY(word_counts_use_pattern(words, NULL));
    pretokenizer_begin(words->pretokenizer, text, length);
    return STATUS_OK;
}

enum status word_counts_continue(struct word_counts *words, size_t memory, bool *more)
{
    const char *word[BATCH];
    size_t length[BATCH];
    uint64_t digests[BATCH];
    do {
        int count = 0;
        for (*more = true; *more && count < BATCH; count += *more) {
            TRY(pretokenizer_next(words->pretokenizer, &word[count], &length[count], more));
            if (*more)
                digests[count] = digest_bytes(word[count], length[count]);
        }
        prefetch(words, digests, count);
        for (int i = 0; i < count; i++)
            TRY(add_digested(words, digests[i], word[i], length[i], 1));
    } while (*more && word_counts_memory(words) < memory);
    return STATUS_OK;
}

enum status word_counts_add_text(struct word_counts *words, const char *text, size_t length)
{
    bool more = true;
    TRY(word_counts_begin_text(words, text, length));
    return word_counts_continue(words, SIZE_MAX, &more);
}

/* --- reading --- */

int64_t word_counts_size(const struct word_counts *words)
{
    return words->size;
}

size_t word_counts_memory(const struct word_counts *words)
{
    return (size_t)words->size * sizeof *words->entries + words->slot_count * sizeof *words->slots +
           words->bytes.length;
}

const char *word_counts_get(const struct word_counts *words, int64_t index, size_t *length, int64_t *count)
{
    const struct entry *entry = &words->entries[index];
    *length = entry->length;
    *count = entry->count;
    return words->bytes.data + entry->first;
}

uint64_t word_counts_digest(const struct word_counts *words, int64_t index)
{
    return words->entries[index].digest;
}

/* --- records --- */

static size_t write_number(char *out, uint64_t number)
{
    size_t length = 0;
    for (; number >= 128; number >>= 7)
        out[length++] = (char)(number | 128);
    out[length++] = (char)number;
    return length;
}

static bool read_number(const struct buffer *packed, size_t *at, uint64_t *number)
{
    *number = 0;
    for (unsigned shift = 0; shift < 64 && *at < packed->length; shift += 7) {
        unsigned char byte = (unsigned char)packed->data[(*at)++];
        *number |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return true;
    }
    return false;
}

enum status word_record_append(struct buffer *packed, const char *word, size_t length, int64_t count)
{
    char head[20];
    size_t head_length = write_number(head, length);
    head_length += write_number(head + head_length, (uint64_t)count);
    TRY(buffer_append(packed, head, head_length));
    return buffer_append(packed, word, length);
}

enum status word_record_read(const struct buffer *packed, size_t *at, struct word_record *record)
{
    uint64_t length = 0, count = 0;
    size_t begin = *at;
    if (!read_number(packed, at, &length) || !read_number(packed, at, &count) || length == 0 || count == 0 ||
        count > INT64_MAX || length > packed->length - *at)
        return fail(STATUS_FAILED, "packed word counts are damaged at byte %zu of %zu", begin,
                    packed->length);
    *record = (struct word_record){packed->data + *at, length, (int64_t)count};
    *at += length;
    return STATUS_OK;
}

enum status word_counts_unpack(struct word_counts *words, const struct buffer *packed)
{
    for (size_t at = 0; at < packed->length;) {
        struct word_record record = {0};
        TRY(word_record_read(packed, &at, &record));
        TRY(word_counts_add(words, record.word, record.length, record.count));
    }
    return STATUS_OK;
}
