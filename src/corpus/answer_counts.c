/* An open hash table of (kind, answer) with linear probing, at most half full; a row is known by the digest
 * of both. */
#include "llmpi/corpus/answer_counts.h"

#include "llmpi/base/digest.h"
#include "llmpi/base/memory.h"

#include <stdlib.h>
#include <string.h>

struct answer_count {
    uint64_t digest;
    int64_t count; /* 0: free */
};

static struct answer_count *find(const struct answer_counts *counts, uint64_t digest)
{
    int64_t mask = counts->capacity - 1, at = (int64_t)(digest & (uint64_t)mask);
    while (counts->rows[at].count > 0 && counts->rows[at].digest != digest)
        at = (at + 1) & mask;
    return &counts->rows[at];
}

static enum status grow(struct answer_counts *counts)
{
    struct answer_counts larger = *counts;
    larger.capacity = counts->capacity > 0 ? counts->capacity * 2 : 1024;
    larger.rows = memory_allocate(larger.capacity, sizeof *larger.rows, "the table of answers");
    if (larger.rows == NULL)
        return STATUS_FAILED;
    for (int64_t i = 0; i < counts->capacity; i++)
        if (counts->rows[i].count > 0)
            *find(&larger, counts->rows[i].digest) = counts->rows[i];
    memory_free(counts->rows);
    *counts = larger;
    return STATUS_OK;
}

static enum status find_kind(struct answer_counts *counts, const char *name, int64_t *number)
{
    for (*number = 0; *number < counts->kind_count; ++*number)
        if (strcmp(counts->kinds[*number].name, name) == 0)
            return STATUS_OK;
    struct answer_kind *kinds =
        memory_resize(counts->kinds, counts->kind_count + 1, sizeof *kinds, "the kinds of questions");
    if (kinds == NULL)
        return STATUS_FAILED;
    counts->kinds = kinds;
    char *copy = memory_allocate((int64_t)strlen(name) + 1, 1, "a kind of question");
    if (copy == NULL)
        return STATUS_FAILED;
    kinds[counts->kind_count++] = (struct answer_kind){.name = strcpy(copy, name)};
    return STATUS_OK;
}

enum status answer_counts_add(struct answer_counts *counts, const char *kind, const char *answer,
                              size_t length, int64_t *number)
{
    int64_t at;
    TRY(find_kind(counts, kind, &at));
    if (2 * (counts->used + 1) > counts->capacity)
        TRY(grow(counts));
    struct answer_kind *row = &counts->kinds[at];
    uint64_t digest = digest_bytes(answer, length) + (uint64_t)at * UINT64_C(0x9e3779b97f4a7c15);
    struct answer_count *count = find(counts, digest);
    count->digest = digest;
    if (count->count++ == 0) {
        counts->used++;
        row->answers++;
    }
    row->questions++;
    counts->questions++;
    if (count->count > row->best) {
        row->best = count->count;
        counts->best++;
    }
    if (number != NULL)
        *number = at;
    return STATUS_OK;
}

void answer_counts_free(struct answer_counts *counts)
{
    for (int64_t i = 0; i < counts->kind_count; i++)
        memory_free(counts->kinds[i].name);
    free(counts->kinds);
    memory_free(counts->rows);
    *counts = (struct answer_counts){0};
}
