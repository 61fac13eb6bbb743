/* Open addressing with linear probing, at most half full; the hash is the high part of a product (Knuth, The
 * Art of Computer Programming 3, 6.4: multiplicative hashing). */
#include "llmpi/text/pair_table.h"

#include "llmpi/base/memory.h"

static uint64_t find_slot(const struct pair_table *table, uint32_t left, uint32_t right)
{
    uint64_t product = ((uint64_t)left << 32 | right) * 0x9E3779B97F4A7C15u;
    uint64_t slot = (product ^ product >> 32) & (table->capacity - 1);
    while (table->slots[slot].value != PAIR_ABSENT &&
           (table->slots[slot].left != left || table->slots[slot].right != right))
        slot = (slot + 1) & (table->capacity - 1);
    return slot;
}

static enum status grow(struct pair_table *table)
{
    struct pair_table larger = {.capacity = table->capacity > 0 ? 2 * table->capacity : 1024,
                                .count = table->count};
    larger.slots = memory_allocate((int64_t)larger.capacity, sizeof *larger.slots, "a table of token pairs");
    if (larger.slots == NULL)
        return STATUS_FAILED;
    for (uint64_t i = 0; i < larger.capacity; i++)
        larger.slots[i].value = PAIR_ABSENT;
    for (uint64_t i = 0; i < table->capacity; i++) {
        const struct pair_slot *slot = &table->slots[i];
        if (slot->value != PAIR_ABSENT)
            larger.slots[find_slot(&larger, slot->left, slot->right)] = *slot;
    }
    pair_table_free(table);
    *table = larger;
    return STATUS_OK;
}

uint32_t pair_table_find(const struct pair_table *table, uint32_t left, uint32_t right)
{
    return table->count == 0 ? PAIR_ABSENT : table->slots[find_slot(table, left, right)].value;
}

enum status pair_table_add(struct pair_table *table, uint32_t left, uint32_t right, uint32_t value)
{
    if (2 * (table->count + 1) > table->capacity)
        TRY(grow(table));
    table->slots[find_slot(table, left, right)] = (struct pair_slot){left, right, value};
    table->count++;
    return STATUS_OK;
}

void pair_table_free(struct pair_table *table)
{
    memory_free(table->slots);
    *table = (struct pair_table){0};
}
