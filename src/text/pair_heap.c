/* A binary heap in an array: the children of entry i are entries 2 i + 1 and 2 i + 2. */
#include "pair_heap.h"

#include "llmpi/base/memory.h"

#include <stdlib.h>

struct candidate {
    int64_t count;
    uint32_t pair;
};

static bool comes_before(const struct pair *pairs, const struct candidate *a, const struct candidate *b)
{
    if (a->count != b->count)
        return a->count > b->count;
    const struct pair *first = &pairs[a->pair], *second = &pairs[b->pair];
    return first->left != second->left ? first->left < second->left : first->right < second->right;
}

/* Puts `candidate` where it belongs at or below the top, which is free. */
static void sink(struct pair_heap *heap, const struct pair *pairs, struct candidate candidate)
{
    int64_t at = 0;
    for (int64_t child = 1; child < heap->count; child = 2 * at + 1) {
        if (child + 1 < heap->count && comes_before(pairs, &heap->items[child + 1], &heap->items[child]))
            child++;
        if (!comes_before(pairs, &heap->items[child], &candidate))
            break;
        heap->items[at] = heap->items[child];
        at = child;
    }
    heap->items[at] = candidate;
}

static void pop(struct pair_heap *heap, const struct pair *pairs)
{
    struct candidate last = heap->items[--heap->count];
    if (heap->count > 0)
        sink(heap, pairs, last);
}

enum status pair_heap_push(struct pair_heap *heap, const struct pair *pairs, uint32_t index)
{
    struct candidate *items =
        memory_grow(heap->items, heap->count, &heap->capacity, sizeof *items, "learning merges");
    if (items == NULL)
        return STATUS_FAILED;
    heap->items = items;
    struct candidate new = {pairs[index].count, index};
    int64_t at = heap->count++;
    for (; at > 0 && comes_before(pairs, &new, &items[(at - 1) / 2]); at = (at - 1) / 2)
        items[at] = items[(at - 1) / 2];
    items[at] = new;
    return STATUS_OK;
}

bool pair_heap_take(struct pair_heap *heap, const struct pair *pairs, int64_t min_count, uint32_t *index)
{
    while (heap->count > 0) {
        struct candidate top = heap->items[0];
        int64_t count = pairs[top.pair].count;
        if (count >= min_count && count < top.count) {
            sink(heap, pairs, (struct candidate){count, top.pair});
            continue;
        }
        pop(heap, pairs);
        *index = top.pair;
        if (count >= min_count)
            return true;
    }
    return false;
}

void pair_heap_free(struct pair_heap *heap)
{
    free(heap->items);
    *heap = (struct pair_heap){0};
}
