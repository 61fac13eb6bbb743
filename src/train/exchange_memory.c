/* Formulas beside exchange_sums.c, which takes the memory. A team of M ranks divides carrying among them as M
 * ranks alone would divide owning. */
#include "llmpi/train/exchange_memory.h"

#include "exchange_private.h"
#include "llmpi/base/integer.h"
#include "llmpi/optimize/norm.h"

static int64_t largest_block(const struct parameter_table *table)
{
    int64_t largest = 0;
    for (int64_t block = 0; block < table->blocks; block++) {
        int64_t first = 0, count = 0;
        parameter_block(table, block, &first, &count);
        largest = larger(count, largest);
    }
    return largest;
}

/* Buffers of the buckets on their way, as far as they are used, and new parameters in the wire's format. */
static int64_t message_bytes(const struct exchange_settings *settings, const struct exchange_memory *memory,
                             int ranks, int nodes)
{
    int64_t piece = smaller(settings->bucket_bytes / (int64_t)sizeof(float) / ranks, memory->part);
    int64_t others = nodes - 1, size = (int64_t)element_size(settings->wire);
    int64_t carried = settings->wire == ELEMENT_BF16 ? others : 0; /* pieces, rounded before they leave */
    return EXCHANGE_WINDOW * (others + carried) * piece * size +
           (settings->wire == ELEMENT_BF16 ? memory->owned * size : 0);
}

/* A rank gives each of the others its own part of the parameters and their part of the gradients; to other
 * nodes it sends what it carries. */
static void count_sent(struct exchange_memory *memory, const struct exchange_settings *settings, double total,
                       int ranks, int nodes)
{
    memory->sent = 2.0 * (ranks - 1) / ranks * total * sizeof(float);
    memory->sent_far = 2.0 * (nodes - 1) / ranks * total * (double)element_size(settings->wire);
}

struct exchange_memory exchange_memory(const struct parameter_table *table,
                                       const struct exchange_settings *settings, int ranks, int nodes)
{
    int64_t members = divide_up(ranks, nodes);
    struct exchange_memory memory = {.owned = table->trainable, .part = largest_block(table)};
    count_sent(&memory, settings, (double)table->trainable, ranks, nodes);
    if (ranks == 1 || settings->kind == EXCHANGE_ALLREDUCE)
        return memory;
    int64_t carried = ownership_largest(table, (int)members);
    memory.owned = ownership_largest(table, ranks);
    memory.part = smaller(memory.part, divide_up(divide_up(memory.part, NORM_CHUNK), ranks) * NORM_CHUNK);
    /* of each other member what this rank adds up, and what the member gives out */
    memory.shared =
        ((members - 1) * carried + (members > 1 ? table->trainable - carried : 0)) * (int64_t)sizeof(float);
    if (nodes > 1)
        memory.messages = message_bytes(settings, &memory, ranks, nodes);
    if (nodes > 1 && settings->wire == ELEMENT_BF16)
        memory.masters = memory.owned * (int64_t)sizeof(float);
    return memory;
}
