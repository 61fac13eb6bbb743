/* The pairs that can be merged, best first: what pair_counts.c merges next. Counts only fall once a pair is
 * in the heap, so an entry may have an older, higher count; it goes down to its place when it comes to the
 * top. */
#ifndef LLMPI_SRC_TEXT_PAIR_HEAP_H
#define LLMPI_SRC_TEXT_PAIR_HEAP_H

#include "llmpi/base/status.h"

#include <stdbool.h>
#include <stdint.h>

/* Two neighbouring tokens. */
struct pair {
    int64_t count;
    uint32_t left, right;
    uint64_t first; /* its places are lists[first .. first + length) */
    uint32_t length;
};

/* Start with {0}. */
struct pair_heap {
    struct candidate *items;
    int64_t count, capacity;
};

/* Adds pairs[index] with the count that it has now. */
enum status pair_heap_push(struct pair_heap *heap, const struct pair *pairs, uint32_t index);

/* Takes out the pair with the highest count, ties by the smaller (left, right); false when none occurs
 * `min_count` times. */
bool pair_heap_take(struct pair_heap *heap, const struct pair *pairs, int64_t min_count, uint32_t *index);

void pair_heap_free(struct pair_heap *heap);

#endif
