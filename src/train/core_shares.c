/* Shares within NUMA nodes: the largest share of which the nodes together hold enough, then ranks spread
 * over the nodes in proportion to what each can hold, so that memory controllers are used evenly. */
#include "core_shares.h"

#include "llmpi/base/integer.h"

/* Cores from cores[start] on that are in the same NUMA node. */
static int64_t node_length(const struct core *cores, int64_t count, int64_t start)
{
    int64_t end = start;
    while (end < count && cores[end].node == cores[start].node)
        end++;
    return end - start;
}

/* How many shares of `share` cores fit, none of them in two nodes. */
static int64_t capacity(const struct core *cores, int64_t count, int64_t share)
{
    int64_t fitting = 0;
    for (int64_t start = 0, length; start < count; start += length) {
        length = node_length(cores, count, start);
        fitting += length / share;
    }
    return fitting;
}

static int64_t count_nodes(const struct core *cores, int64_t count)
{
    int64_t nodes = 0;
    for (int64_t start = 0; start < count; start += node_length(cores, count, start))
        nodes++;
    return nodes;
}

/* After the nodes that hold the first `held` of `fitting` shares, the first ceil(ranks * held / fitting)
 * ranks are placed: a node gets at most what it holds, since ranks <= fitting. */
static void spread(const struct core *cores, int64_t count, int64_t ranks, int64_t share, int64_t *first)
{
    int64_t fitting = capacity(cores, count, share), held = 0, rank = 0;
    for (int64_t start = 0, length; start < count; start += length) {
        length = node_length(cores, count, start);
        held += length / share;
        int64_t end = divide_up(ranks * held, fitting);
        for (int64_t next = start; rank < end; rank++, next += share)
            first[rank] = next;
    }
}

int64_t core_shares(const struct core *cores, int64_t count, int64_t ranks, int64_t threads, int64_t *first)
{
    int64_t even = count / ranks;
    if (even == 0 || ranks < count_nodes(cores, count)) {
        for (int64_t rank = 0; rank < ranks; rank++)
            first[rank] = rank * even;
        return even;
    }
    int64_t share = even;
    while (capacity(cores, count, share) < ranks)
        share--;
    if (threads > share && threads <= even) {
        for (int64_t rank = 0; rank < ranks; rank++)
            first[rank] = rank * even;
        return even;
    }
    spread(cores, count, ranks, share, first);
    return share;
}
