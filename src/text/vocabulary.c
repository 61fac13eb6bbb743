/* Arrays that grow, a hash table from bytes to ids (open addressing, at most half full), and a table of
 * merges. */
#include "llmpi/text/vocabulary.h"

#include "llmpi/base/digest.h"
#include "llmpi/base/memory.h"
#include "llmpi/text/byte_alphabet.h"

#include <stdlib.h>
#include <string.h>

#define EMPTY_SLOT UINT32_MAX

void vocabulary_free(struct vocabulary *vocabulary)
{
    buffer_free(&vocabulary->bytes);
    free(vocabulary->tokens);
    free(vocabulary->merges);
    pair_table_free(&vocabulary->ranks);
    free(vocabulary->slots);
    free(vocabulary->pattern);
    *vocabulary = (struct vocabulary){0};
}

const char *vocabulary_bytes(const struct vocabulary *vocabulary, uint32_t id, size_t *length)
{
    *length = vocabulary->tokens[id].length;
    return vocabulary->bytes.data + vocabulary->tokens[id].first;
}

static bool is_token(const struct vocabulary *vocabulary, uint32_t id, const char *bytes, size_t length,
                     bool special)
{
    const struct vocabulary_token *token = &vocabulary->tokens[id];
    return token->special == special && token->length == length &&
           memcmp(vocabulary->bytes.data + token->first, bytes, length) == 0;
}

/* The slot of the token with these bytes, or the empty slot where it belongs. */
static uint32_t *find_slot(const struct vocabulary *vocabulary, const char *bytes, size_t length,
                           bool special)
{
    uint64_t slot = (digest_bytes(bytes, length) + special) & (vocabulary->slot_count - 1);
    while (vocabulary->slots[slot] != EMPTY_SLOT &&
           !is_token(vocabulary, vocabulary->slots[slot], bytes, length, special))
        slot = (slot + 1) & (vocabulary->slot_count - 1);
    return &vocabulary->slots[slot];
}

static int64_t find(const struct vocabulary *vocabulary, const char *bytes, size_t length, bool special)
{
    if (vocabulary->slot_count == 0)
        return -1;
    uint32_t id = *find_slot(vocabulary, bytes, length, special);
    return id == EMPTY_SLOT ? -1 : (int64_t)id;
}

int64_t vocabulary_find_ordinary(const struct vocabulary *vocabulary, const char *bytes, size_t length)
{
    return find(vocabulary, bytes, length, false);
}

int64_t vocabulary_find_special(const struct vocabulary *vocabulary, const char *bytes, size_t length)
{
    return find(vocabulary, bytes, length, true);
}

static enum status grow_slots(struct vocabulary *vocabulary)
{
    uint64_t count = vocabulary->slot_count > 0 ? 2 * vocabulary->slot_count : 1024;
    uint32_t *slots = memory_resize(NULL, (int64_t)count, sizeof *slots, "the vocabulary");
    if (slots == NULL)
        return STATUS_FAILED;
    free(vocabulary->slots);
    vocabulary->slots = slots;
    vocabulary->slot_count = count;
    memset(slots, 0xFF, count * sizeof *slots);
    for (int64_t id = 0; id < vocabulary->count; id++) {
        size_t length = 0;
        const char *bytes = vocabulary_bytes(vocabulary, (uint32_t)id, &length);
        *find_slot(vocabulary, bytes, length, vocabulary->tokens[id].special) = (uint32_t)id;
    }
    return STATUS_OK;
}

/* Makes room for one more element; arrays double. */
static enum status grow_array(void **array, int64_t count, int64_t *capacity, size_t size, const char *what)
{
    if (count >= VOCABULARY_MAX)
        return fail(STATUS_FAILED, "%s has more than the %lld entries allowed", what,
                    (long long)VOCABULARY_MAX);
    void *larger = memory_grow(*array, count, capacity, size, what);
    if (larger == NULL)
        return STATUS_FAILED;
    *array = larger;
    return STATUS_OK;
}

enum status vocabulary_add_token(struct vocabulary *vocabulary, const char *bytes, size_t length,
                                 bool special)
{
    int64_t same = find(vocabulary, bytes, length, special);
    if (same >= 0)
        return fail(STATUS_FAILED, "tokens %lld and %lld of the vocabulary are the same: '%.*s'",
                    (long long)same, (long long)vocabulary->count, (int)(length < 64 ? length : 64), bytes);
    TRY(grow_array((void **)&vocabulary->tokens, vocabulary->count, &vocabulary->capacity,
                   sizeof *vocabulary->tokens, "the vocabulary"));
    if (2 * (uint64_t)(vocabulary->count + 1) > vocabulary->slot_count)
        TRY(grow_slots(vocabulary));
    struct vocabulary_token token = {vocabulary->bytes.length, length, special};
    TRY(buffer_append(&vocabulary->bytes, bytes, length));
    *find_slot(vocabulary, bytes, length, special) = (uint32_t)vocabulary->count;
    vocabulary->tokens[vocabulary->count++] = token;
    return STATUS_OK;
}

enum status vocabulary_add_merge(struct vocabulary *vocabulary, uint32_t left, uint32_t right)
{
    if (pair_table_find(&vocabulary->ranks, left, right) != PAIR_ABSENT)
        return STATUS_OK;
    struct buffer joined = {0};
    size_t length = 0;
    const char *bytes = vocabulary_bytes(vocabulary, left, &length);
    enum status status = buffer_append(&joined, bytes, length);
    bytes = vocabulary_bytes(vocabulary, right, &length);
    if (status == STATUS_OK)
        status = buffer_append(&joined, bytes, length);
    int64_t result =
        status == STATUS_OK ? vocabulary_find_ordinary(vocabulary, joined.data, joined.length) : -1;
    buffer_free(&joined);
    TRY(status);
    if (result < 0)
        return fail(STATUS_FAILED,
                    "merge %lld joins tokens %u and %u, but the vocabulary has no token of both together",
                    (long long)vocabulary->merge_count, left, right);
    TRY(grow_array((void **)&vocabulary->merges, vocabulary->merge_count, &vocabulary->merge_capacity,
                   sizeof *vocabulary->merges, "the list of merges"));
    TRY(pair_table_add(&vocabulary->ranks, left, right, (uint32_t)vocabulary->merge_count));
    vocabulary->merges[vocabulary->merge_count++] = (struct vocabulary_merge){left, right, (uint32_t)result};
    return STATUS_OK;
}

enum status vocabulary_write_name(const struct vocabulary *vocabulary, uint32_t id, struct buffer *out)
{
    size_t length = 0;
    const char *bytes = vocabulary_bytes(vocabulary, id, &length);
    bool raw = vocabulary->tokens[id].special || vocabulary->kind != VOCABULARY_BPE;
    return raw ? buffer_append(out, bytes, length) : byte_alphabet_write(out, bytes, length);
}

/* --- names: how tokens are written in files --- */

enum status vocabulary_add_name(struct vocabulary *vocabulary, const char *name, size_t length, bool special)
{
    struct buffer bytes = {0};
    int64_t invalid = -1;
    if (special || vocabulary->kind != VOCABULARY_BPE)
        return vocabulary_add_token(vocabulary, name, length, special);
    enum status status = byte_alphabet_read(&bytes, name, length, &invalid);
    if (status == STATUS_OK && invalid >= 0)
        status = fail(
            STATUS_FAILED, "token %lld, '%.*s', has a character (at its byte %lld) that stands for no byte",
            (long long)vocabulary->count, (int)(length < 64 ? length : 64), name, (long long)invalid);
    if (status == STATUS_OK)
        status = vocabulary_add_token(vocabulary, bytes.data, bytes.length, false);
    buffer_free(&bytes);
    return status;
}

/* The id of one side of a merge, given in the byte alphabet. */
static enum status find_part(const struct vocabulary *vocabulary, const char *name, size_t length,
                             uint32_t *id)
{
    struct buffer bytes = {0};
    int64_t invalid = 0, found = -1;
    enum status status = byte_alphabet_read(&bytes, name, length, &invalid);
    if (status == STATUS_OK && invalid < 0 && bytes.length > 0)
        found = vocabulary_find_ordinary(vocabulary, bytes.data, bytes.length);
    buffer_free(&bytes);
    TRY(status);
    if (found < 0)
        return fail(STATUS_FAILED, "merge %lld has the part '%.*s', which is not in the vocabulary",
                    (long long)vocabulary->merge_count, (int)(length < 64 ? length : 64), name);
    *id = (uint32_t)found;
    return STATUS_OK;
}

enum status vocabulary_add_named_merge(struct vocabulary *vocabulary, const char *left, size_t left_length,
                                       const char *right, size_t right_length)
{
    uint32_t left_id = 0, right_id = 0;
    TRY(find_part(vocabulary, left, left_length, &left_id));
    TRY(find_part(vocabulary, right, right_length, &right_id));
    return vocabulary_add_merge(vocabulary, left_id, right_id);
}

enum status vocabulary_add_merge_line(struct vocabulary *vocabulary, const char *line, size_t length)
{
    const char *space = memchr(line, ' ', length);
    if (space == NULL)
        return fail(STATUS_FAILED, "merge %lld is '%.*s', allowed are two tokens with a space between",
                    (long long)vocabulary->merge_count, (int)(length < 64 ? length : 64), line);
    return vocabulary_add_named_merge(vocabulary, line, (size_t)(space - line), space + 1,
                                      length - (size_t)(space + 1 - line));
}

enum status vocabulary_copy(const struct vocabulary *vocabulary, struct vocabulary *out)
{
    out->kind = vocabulary->kind;
    out->unknown = vocabulary->unknown;
    out->ignore_merges = vocabulary->ignore_merges;
    if (vocabulary->pattern != NULL) {
        out->pattern = memory_copy_text(vocabulary->pattern, strlen(vocabulary->pattern));
        if (out->pattern == NULL)
            return STATUS_FAILED;
    }
    for (int64_t id = 0; id < vocabulary->count; id++) {
        size_t length = 0;
        const char *bytes = vocabulary_bytes(vocabulary, (uint32_t)id, &length);
        TRY(vocabulary_add_token(out, bytes, length, vocabulary->tokens[id].special));
    }
    for (int64_t i = 0; i < vocabulary->merge_count; i++)
        TRY(vocabulary_add_merge(out, vocabulary->merges[i].left, vocabulary->merges[i].right));
    return STATUS_OK;
}
