/* A hash table from pairs of token ids to a number: the rank of a merge, or the index of a pair that is
 * counted. */
#ifndef LLMPI_TEXT_PAIR_TABLE_H
#define LLMPI_TEXT_PAIR_TABLE_H

#include "llmpi/base/status.h"

#include <stdint.h>

#define PAIR_ABSENT UINT32_MAX

struct pair_slot {
    uint32_t left, right, value; /* value PAIR_ABSENT: empty */
};

/* Start with {0}. */
struct pair_table {
    struct pair_slot *slots; /* capacity is a power of two, at most half of it used */
    uint64_t capacity, count;
};

/* The value of a pair, or PAIR_ABSENT. */
uint32_t pair_table_find(const struct pair_table *table, uint32_t left, uint32_t right);

/* Sets the value (below PAIR_ABSENT) of a pair that is not in the table yet. */
enum status pair_table_add(struct pair_table *table, uint32_t left, uint32_t right, uint32_t value);

void pair_table_free(struct pair_table *table);

#endif
