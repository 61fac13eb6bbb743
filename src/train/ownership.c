/* Parts are counted in chunks of the norm and spread by slots_piece, the first ranks getting one more where
 * they do not come out even. */
#include "llmpi/train/ownership.h"

#include "llmpi/base/integer.h"
#include "llmpi/base/memory.h"
#include "llmpi/optimize/norm.h"
#include "llmpi/train/slots.h"

static int64_t chunks_of(int64_t count)
{
    return divide_up(count, NORM_CHUNK);
}

static struct share part_of(struct share block, int ranks, int rank)
{
    int64_t first = 0, count = 0;
    slots_piece(chunks_of(block.count), ranks, rank, &first, &count);
    int64_t begin = first * NORM_CHUNK, end = (first + count) * NORM_CHUNK;
    begin = begin < block.count ? begin : block.count;
    end = end < block.count ? end : block.count;
    return (struct share){block.first + begin, end - begin};
}

static struct share block_of(const struct parameter_table *table, int64_t block)
{
    struct share share;
    parameter_block(table, block, &share.first, &share.count);
    return share;
}

enum status ownership_create(const struct parameter_table *table, int ranks, int rank, struct ownership *out)
{
    int64_t blocks = table->blocks;
    *out = (struct ownership){.rank = rank, .ranks = ranks, .blocks = blocks};
    out->block = memory_allocate(blocks, sizeof *out->block, "parts of parameters");
    out->packed = memory_allocate(blocks, sizeof *out->packed, "parts of parameters");
    out->chunk = memory_allocate(blocks + 1, sizeof *out->chunk, "parts of parameters");
    if (out->block == NULL || out->packed == NULL || out->chunk == NULL)
        return STATUS_FAILED;
    for (int64_t block = 0; block < blocks; block++) {
        out->block[block] = block_of(table, block);
        out->packed[block] = out->total;
        out->total += part_of(out->block[block], ranks, rank).count;
        out->chunk[block + 1] = out->chunk[block] + chunks_of(out->block[block].count);
    }
    return STATUS_OK;
}

void ownership_free(struct ownership *ownership)
{
    memory_free(ownership->block);
    memory_free(ownership->packed);
    memory_free(ownership->chunk);
    *ownership = (struct ownership){0};
}

struct share ownership_part(const struct ownership *ownership, int64_t block, int rank)
{
    return part_of(ownership->block[block], ownership->ranks, rank);
}

int64_t ownership_largest(const struct parameter_table *table, int ranks)
{
    int64_t total = 0;
    for (int64_t block = 0; block < table->blocks; block++)
        total += part_of(block_of(table, block), ranks, 0).count; /* the first rank's parts are the longest */
    return total;
}
