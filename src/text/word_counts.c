/* A hash table of words (open addressing, at most half full) over entries in order of first occurrence; the
 * bytes of all words lie in one buffer. */
#include "llmpi/text/word_counts.h"

#include "llmpi/base/digest.h"
#include "llmpi/base/memory.h"
#include "llmpi/text/pretokenize.h"

#include <stdlib.h>
#include <string.h>

struct entry {
    uint64_t digest;
    size_t first, length; /* in bytes.data */
    int64_t count;
};

struct word_counts {
    struct buffer bytes;
    struct entry *entries;
    int64_t size, capacity;
    int64_t *slots; /* index of an entry, -1: empty */
    uint64_t slot_count;
    struct pretokenizer *pretokenizer; /* NULL until text is added */
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
    pretokenizer_destroy(words->pretokenizer);
    buffer_free(&words->bytes);
    free(words->entries);
    free(words->slots);
    memory_free(words);
}

/* Words of one owner share the remainder of their digests (word_counts_pack), so the upper half is mixed in.
 */
static int64_t *find_slot(const struct word_counts *words, uint64_t digest, const char *word, size_t length)
{
    for (uint64_t slot = (digest ^ digest >> 32) & (words->slot_count - 1);;
         slot = (slot + 1) & (words->slot_count - 1)) {
        if (words->slots[slot] < 0)
            return &words->slots[slot];
        const struct entry *entry = &words->entries[words->slots[slot]];
        if (entry->digest == digest && entry->length == length &&
            memcmp(words->bytes.data + entry->first, word, length) == 0)
            return &words->slots[slot];
    }
}

static enum status grow(struct word_counts *words)
{
    int64_t capacity = words->capacity > 0 ? 2 * words->capacity : 1024;
    struct entry *entries = memory_resize(words->entries, capacity, sizeof *entries, "word counts");
    if (entries == NULL)
        return STATUS_FAILED;
    words->entries = entries;
    int64_t *slots = memory_resize(NULL, 2 * capacity, sizeof *slots, "word counts");
    if (slots == NULL)
        return STATUS_FAILED;
    free(words->slots);
    words->slots = slots;
    words->slot_count = 2 * (uint64_t)capacity;
    words->capacity = capacity;
    memset(slots, 0xFF, words->slot_count * sizeof *slots);
    for (int64_t i = 0; i < words->size; i++) {
        const struct entry *entry = &entries[i];
        *find_slot(words, entry->digest, words->bytes.data + entry->first, entry->length) = i;
    }
    return STATUS_OK;
}

enum status word_counts_add(struct word_counts *words, const char *word, size_t length, int64_t count)
{
    if (length == 0 || count <= 0)
        return fail(STATUS_FAILED, "a word of %zu bytes counted %lld times, both must be positive", length,
                    (long long)count);
    if (words->size == words->capacity)
        TRY(grow(words));
    uint64_t digest = digest_bytes(word, length);
    int64_t *slot = find_slot(words, digest, word, length);
    if (*slot < 0) {
        struct entry entry = {digest, words->bytes.length, length, 0};
        TRY(buffer_append(&words->bytes, word, length));
        words->entries[words->size] = entry;
        *slot = words->size++;
    }
    if (__builtin_add_overflow(words->entries[*slot].count, count, &words->entries[*slot].count))
        return fail(STATUS_FAILED, "a word is counted more than 2^63 times");
    return STATUS_OK;
}

enum status word_counts_add_text(struct word_counts *words, const char *text, size_t length)
{
    if (words->pretokenizer == NULL)
        TRY(pretokenizer_create(NULL, &words->pretokenizer));
    pretokenizer_begin(words->pretokenizer, text, length);
    for (;;) {
        const char *word = NULL;
        bool more = false;
        TRY(pretokenizer_next(words->pretokenizer, &word, &length, &more));
        if (!more)
            return STATUS_OK;
        TRY(word_counts_add(words, word, length, 1));
    }
}

int64_t word_counts_size(const struct word_counts *words)
{
    return words->size;
}

const char *word_counts_get(const struct word_counts *words, int64_t index, size_t *length, int64_t *count)
{
    const struct entry *entry = &words->entries[index];
    *length = entry->length;
    *count = entry->count;
    return words->bytes.data + entry->first;
}

/* Packed: for each word its length and its count (8 bytes each, in the order of this machine: ranks of one
 * job are alike), then its bytes. */
enum status word_counts_pack(const struct word_counts *words, int64_t part, int64_t parts, struct buffer *out)
{
    for (int64_t i = 0; i < words->size; i++) {
        const struct entry *entry = &words->entries[i];
        if (entry->digest % (uint64_t)parts != (uint64_t)part)
            continue;
        int64_t head[2] = {(int64_t)entry->length, entry->count};
        TRY(buffer_append(out, head, sizeof head));
        TRY(buffer_append(out, words->bytes.data + entry->first, entry->length));
    }
    return STATUS_OK;
}

enum status word_counts_unpack(struct word_counts *words, const char *packed, size_t length)
{
    for (size_t at = 0; at < length;) {
        int64_t head[2] = {0, 0};
        if (length - at > sizeof head)
            memcpy(head, packed + at, sizeof head);
        if (head[0] <= 0 || (uint64_t)head[0] > length - at - sizeof head)
            return fail(STATUS_FAILED, "packed word counts are damaged at byte %zu of %zu", at, length);
        TRY(word_counts_add(words, packed + at + sizeof head, (size_t)head[0], head[1]));
        at += sizeof head + (size_t)head[0];
    }
    return STATUS_OK;
}
