/* All runs lie one after another in a spool, each followed by the places where its buckets begin, so that a
 * run takes 8 bytes of memory. */
#include "llmpi/text/word_runs.h"

#include "llmpi/base/memory.h"
#include "llmpi/base/spool.h"

#include <stdlib.h>
#include <string.h>

#define BUCKET(digest) ((digest) >> 52)

struct word_runs {
    struct spool *spool;
    int64_t *indices; /* of each run: where its list of WORD_BUCKETS + 1 offsets is */
    int64_t count;
    int64_t records;
};

enum status word_runs_create(const char *folder, size_t memory, struct word_runs **out)
{
    struct word_runs *runs = memory_allocate(1, sizeof *runs, "word counts");
    enum status status = runs != NULL ? spool_create(folder, memory, &runs->spool) : STATUS_FAILED;
    *out = status == STATUS_OK ? runs : NULL;
    if (status != STATUS_OK)
        word_runs_destroy(runs);
    return status;
}

void word_runs_destroy(struct word_runs *runs)
{
    if (runs == NULL)
        return;
    spool_destroy(runs->spool);
    free(runs->indices);
    memory_free(runs);
}

/* The words in order of their buckets; first[b] becomes the place in `order` where those of bucket b begin.
 * The caller frees. NULL after fail(). */
static uint32_t *sort_by_bucket(const struct word_counts *words, int64_t first[WORD_BUCKETS + 1])
{
    int64_t size = word_counts_size(words);
    uint32_t *order = memory_resize(NULL, size, sizeof *order, "word counts");
    if (order == NULL)
        return NULL;
    memset(first, 0, (WORD_BUCKETS + 1) * sizeof *first);
    for (int64_t i = 0; i < size; i++)
        first[BUCKET(word_counts_digest(words, i)) + 1]++;
    for (int64_t bucket = 0; bucket < WORD_BUCKETS; bucket++)
        first[bucket + 1] += first[bucket];
    for (int64_t i = 0; i < size; i++) /* first[b] moves to the end of b, which is the start of b + 1 */
        order[first[BUCKET(word_counts_digest(words, i))]++] = (uint32_t)i;
    memmove(first + 1, first, WORD_BUCKETS * sizeof *first);
    first[0] = 0;
    return order;
}

/* Writes the words order[begin .. end-1]. */
static enum status write_words(struct word_runs *runs, const struct word_counts *words, const uint32_t *order,
                               int64_t begin, int64_t end, struct buffer *packed)
{
    buffer_clear(packed);
    for (int64_t i = begin; i < end; i++) {
        size_t length = 0;
        int64_t count = 0;
        const char *word = word_counts_get(words, order[i], &length, &count);
        TRY(word_record_append(packed, word, length, count));
    }
    return spool_append(runs->spool, packed->data, packed->length);
}

static enum status write_run(struct word_runs *runs, const struct word_counts *words,
                             int64_t offsets[WORD_BUCKETS + 1])
{
    struct buffer packed = {0};
    uint32_t *order = sort_by_bucket(words, offsets);
    enum status status = order != NULL ? STATUS_OK : STATUS_FAILED;
    for (int64_t bucket = 0, begin = 0; bucket < WORD_BUCKETS && status == STATUS_OK; bucket++) {
        int64_t end = offsets[bucket + 1];
        offsets[bucket] = spool_length(runs->spool);
        status = write_words(runs, words, order, begin, end, &packed);
        begin = end;
    }
    offsets[WORD_BUCKETS] = spool_length(runs->spool);
    if (status == STATUS_OK)
        status = spool_append(runs->spool, offsets, (WORD_BUCKETS + 1) * sizeof *offsets);
    buffer_free(&packed);
    free(order);
    return status;
}

enum status word_runs_add(struct word_runs *runs, struct word_counts *words)
{
    int64_t offsets[WORD_BUCKETS + 1];
    if (word_counts_size(words) == 0)
        return STATUS_OK;
    int64_t *indices = memory_resize(runs->indices, runs->count + 1, sizeof *indices, "word counts");
    if (indices == NULL)
        return STATUS_FAILED;
    runs->indices = indices;
    word_counts_trim(words);
    TRY(write_run(runs, words, offsets));
    indices[runs->count++] = offsets[WORD_BUCKETS];
    runs->records += word_counts_size(words);
    word_counts_clear(words);
    return STATUS_OK;
}

enum status word_runs_read(struct word_runs *runs, int64_t begin, int64_t end, struct buffer *out)
{
    struct buffer place = {0};
    enum status status = STATUS_OK;
    for (int64_t run = 0; run < runs->count && status == STATUS_OK; run++) {
        int64_t from = 0, to = 0, index = runs->indices[run];
        buffer_clear(&place);
        status = spool_read(runs->spool, index + begin * (int64_t)sizeof from, sizeof from, &place);
        if (status == STATUS_OK)
            status = spool_read(runs->spool, index + end * (int64_t)sizeof to, sizeof to, &place);
        if (status != STATUS_OK)
            break;
        memcpy(&from, place.data, sizeof from);
        memcpy(&to, place.data + sizeof from, sizeof to);
        status = spool_read(runs->spool, from, (size_t)(to - from), out);
    }
    buffer_free(&place);
    return status;
}

int64_t word_runs_records(const struct word_runs *runs)
{
    return runs->records;
}

int64_t word_runs_bytes(const struct word_runs *runs)
{
    return spool_length(runs->spool);
}
