/* Short words: all pairs are looked at before each merge, which is quicker than any order among them. Long
 * ones: symbols form a doubly linked list; a binary heap orders all pairs that can be merged by (rank,
 * place). An entry of the heap is stale, and dropped, unless its symbol still has that rank: symbols that
 * were merged away have none. */
#include "llmpi/text/word_merger.h"

#include "llmpi/base/memory.h"

#include <stdlib.h>
#include <string.h>

#define NO_SYMBOL  UINT32_MAX
#define SHORT_WORD 32 /* symbols */

void word_merger_free(struct word_merger *merger)
{
    free(merger->symbols);
    free(merger->heap);
    *merger = (struct word_merger){0};
}

/* Every merge removes one symbol and adds at most two entries, so that 3 n entries are enough. */
static enum status reserve(struct word_merger *merger, size_t count)
{
    if (count >= NO_SYMBOL)
        return fail(STATUS_FAILED, "a word of %zu bytes without a break in it, allowed are 4 GiB", count);
    if (count <= merger->capacity)
        return STATUS_OK;
    size_t wanted = count < 64 ? 64 : count;
    struct merger_symbol *symbols =
        memory_resize(merger->symbols, (int64_t)wanted, sizeof *symbols, "a word");
    if (symbols == NULL)
        return STATUS_FAILED;
    merger->symbols = symbols;
    uint64_t *heap = memory_resize(merger->heap, (int64_t)wanted, 3 * sizeof *heap, "a word");
    if (heap == NULL)
        return STATUS_FAILED;
    merger->heap = heap;
    merger->capacity = wanted;
    return STATUS_OK;
}

static void heap_push(struct word_merger *merger, uint64_t entry)
{
    size_t at = merger->heap_count++;
    for (; at > 0 && merger->heap[(at - 1) / 2] > entry; at = (at - 1) / 2)
        merger->heap[at] = merger->heap[(at - 1) / 2];
    merger->heap[at] = entry;
}

static uint64_t heap_pop(struct word_merger *merger)
{
    uint64_t *heap = merger->heap, first = heap[0], last = heap[--merger->heap_count];
    size_t count = merger->heap_count, at = 0;
    for (size_t child = 1; child < count; at = child, child = 2 * at + 1) {
        if (child + 1 < count && heap[child + 1] < heap[child])
            child++;
        if (heap[child] >= last)
            break;
        heap[at] = heap[child];
    }
    heap[at] = last;
    return first;
}

/* Looks up the pair that starts at symbol `at` and puts it into the heap. */
static void offer(struct word_merger *merger, const struct vocabulary *vocabulary, uint32_t at)
{
    struct merger_symbol *symbol = &merger->symbols[at];
    symbol->rank = symbol->next == NO_SYMBOL
                       ? PAIR_ABSENT
                       : pair_table_find(&vocabulary->ranks, symbol->id, merger->symbols[symbol->next].id);
    if (symbol->rank != PAIR_ABSENT)
        heap_push(merger, (uint64_t)symbol->rank << 32 | at);
}

static void merge_at(struct word_merger *merger, const struct vocabulary *vocabulary, uint32_t at)
{
    struct merger_symbol *symbol = &merger->symbols[at], *gone = &merger->symbols[symbol->next];
    symbol->id = vocabulary->merges[symbol->rank].result;
    symbol->next = gone->next;
    gone->rank = PAIR_ABSENT;
    if (symbol->next != NO_SYMBOL)
        merger->symbols[symbol->next].previous = at;
    if (symbol->previous != NO_SYMBOL)
        offer(merger, vocabulary, symbol->previous);
    offer(merger, vocabulary, at);
}

/* --- short words --- */

/* Index of the first of the smallest ranks. */
static size_t find_smallest(const uint32_t *ranks, size_t count)
{
    size_t smallest = 0;
    for (size_t i = 1; i < count; i++)
        smallest = ranks[i] < ranks[smallest] ? i : smallest;
    return smallest;
}

static void merge_short_word(const struct vocabulary *vocabulary, uint32_t *ids, size_t *count)
{
    uint32_t ranks[SHORT_WORD]; /* of the pairs (i, i + 1) */
    size_t pairs = *count - 1;
    for (size_t i = 0; i < pairs; i++)
        ranks[i] = pair_table_find(&vocabulary->ranks, ids[i], ids[i + 1]);
    while (pairs > 0) {
        size_t at = find_smallest(ranks, pairs);
        if (ranks[at] == PAIR_ABSENT)
            break;
        ids[at] = vocabulary->merges[ranks[at]].result;
        pairs--;
        memmove(ids + at + 1, ids + at + 2, (pairs - at) * sizeof *ids);
        memmove(ranks + at, ranks + at + 1, (pairs - at) * sizeof *ranks);
        if (at > 0)
            ranks[at - 1] = pair_table_find(&vocabulary->ranks, ids[at - 1], ids[at]);
        if (at < pairs)
            ranks[at] = pair_table_find(&vocabulary->ranks, ids[at], ids[at + 1]);
    }
    *count = pairs + 1;
}

enum status word_merger_run(struct word_merger *merger, const struct vocabulary *vocabulary, uint32_t *ids,
                            size_t *count)
{
    if (*count > 0 && *count <= SHORT_WORD) {
        merge_short_word(vocabulary, ids, count);
        return STATUS_OK;
    }
    TRY(reserve(merger, *count));
    merger->heap_count = 0;
    uint32_t length = (uint32_t)*count;
    for (uint32_t i = 0; i < length; i++)
        merger->symbols[i] =
            (struct merger_symbol){ids[i], PAIR_ABSENT, i - 1, i + 1 < length ? i + 1 : NO_SYMBOL};
    for (uint32_t i = 0; i < length; i++)
        offer(merger, vocabulary, i);
    while (merger->heap_count > 0) {
        uint64_t entry = heap_pop(merger);
        uint32_t at = (uint32_t)entry;
        if (merger->symbols[at].rank == (uint32_t)(entry >> 32))
            merge_at(merger, vocabulary, at);
    }
    *count = 0;
    for (uint32_t i = 0; length > 0 && i != NO_SYMBOL; i = merger->symbols[i].next)
        ids[(*count)++] = merger->symbols[i].id;
    return STATUS_OK;
}
