/* The log's first lines. Ranks with the same cores are told of together; nodes that look alike are described
 * once. Hints are given for the first node that has reason for one. */
#include "placement_private.h"

#include "llmpi/base/memory.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>

enum { MOST_SPANS = 4, MOST_KINDS = 4 };

/* A rank in order of nodes, and of ranks within a node. */
struct seat {
    const struct place *place;
    int64_t rank;
};

/* The ranks of one node. */
struct node {
    const struct seat *seats;
    int64_t count;
    int64_t spans;             /* runs of ranks with the same cores */
    int64_t threads;           /* of all ranks */
    int64_t fewest, most;      /* cores of a rank */
    int64_t busy, usable;      /* cores with threads to run there, and cores that could have some */
    int64_t crowded, crowding; /* cores with fewer cores than threads, and those threads */
    struct cpu_mask cores;     /* of all ranks */
};

static int compare_seats(const void *left, const void *right)
{
    const struct seat *a = left, *b = right;
    int64_t order = a->place->node != b->place->node ? a->place->node - b->place->node : a->rank - b->rank;
    return (order > 0) - (order < 0);
}

/* How many seats from seats[0] on have the same cores. */
static int64_t span_length(const struct seat *seats, int64_t count)
{
    int64_t length = 1;
    while (length < count && cpu_mask_equal(&seats[length].place->cores, &seats->place->cores))
        length++;
    return length;
}

static void add_span(struct node *node, const struct seat *seats, int64_t length)
{
    int64_t cores = cpu_mask_count(&seats->place->cores), threads = 0;
    for (int64_t i = 0; i < length; i++) {
        threads += seats[i].place->threads;
        node->usable = seats[i].place->usable > node->usable ? seats[i].place->usable : node->usable;
    }
    node->spans++;
    node->threads += threads;
    node->fewest = cores < node->fewest ? cores : node->fewest;
    node->most = cores > node->most ? cores : node->most;
    node->busy += threads < cores ? threads : cores;
    if (threads > cores) {
        node->crowded += cores;
        node->crowding += threads;
    }
    cpu_mask_join(&node->cores, &seats->place->cores);
}

/* The node that begins with seats[0]. */
static struct node look_at(const struct seat *seats, int64_t count)
{
    struct node node = {.seats = seats, .fewest = CPU_MASK_LIMIT};
    while (node.count < count && seats[node.count].place->node == seats->place->node)
        node.count++;
    for (int64_t i = 0, length; i < node.count; i += length) {
        length = span_length(seats + i, node.count - i);
        add_span(&node, seats + i, length);
    }
    int64_t cores = cpu_mask_count(&node.cores);
    node.busy = node.busy < cores ? node.busy : cores;
    if (node.crowded > cores || (node.crowding == 0 && node.threads > cores)) { /* sets overlap */
        node.crowded = cores;
        node.crowding = node.threads;
    }
    return node;
}

static bool alike(const struct node *a, const struct node *b)
{
    bool same = a->count == b->count && a->usable == b->usable;
    for (int64_t i = 0; same && i < a->count; i++)
        same = a->seats[i].place->threads == b->seats[i].place->threads &&
               cpu_mask_equal(&a->seats[i].place->cores, &b->seats[i].place->cores);
    return same;
}

/* "rank 3", "ranks 0-3", or "4 ranks" where others lie between. */
static enum status print_ranks(const struct seat *seats, int64_t count, struct buffer *out)
{
    int64_t first = seats[0].rank, last = seats[count - 1].rank;
    if (count == 1)
        return buffer_printf(out, "rank %" PRId64, first);
    if (last - first + 1 == count)
        return buffer_printf(out, "ranks %" PRId64 "-%" PRId64, first, last);
    return buffer_printf(out, "%" PRId64 " ranks", count);
}

static enum status print_cores(const struct cpu_mask *cores, struct buffer *out)
{
    int64_t count = cpu_mask_count(cores);
    if (count == 0)
        return buffer_printf(out, "unknown cores");
    TRY(buffer_printf(out, count == 1 ? "core " : "cores "));
    return cpu_mask_print(cores, out);
}

static enum status print_spans(const struct node *node, struct buffer *out)
{
    for (int64_t i = 0, length; i < node->count; i += length) {
        length = span_length(node->seats + i, node->count - i);
        TRY(buffer_printf(out, i > 0 ? ", " : ""));
        TRY(print_ranks(node->seats + i, length, out));
        TRY(buffer_printf(out, length > 1 ? " share " : " on "));
        TRY(print_cores(&node->seats[i].place->cores, out));
    }
    return STATUS_OK;
}

/* Which ranks of a node run on which cores; where that is long, how many cores each and which together. */
static enum status print_node(const struct node *node, struct buffer *out)
{
    if (node->spans <= MOST_SPANS)
        return print_spans(node, out);
    TRY(print_ranks(node->seats, node->count, out));
    if (node->fewest == node->most)
        TRY(buffer_printf(out, " on %" PRId64 " of ", node->most));
    else
        TRY(buffer_printf(out, " on %" PRId64 " to %" PRId64 " of ", node->fewest, node->most));
    TRY(print_cores(&node->cores, out));
    return buffer_printf(out, node->count > 1 ? " each" : "");
}

static enum status print_summary(const struct place *places, int64_t ranks, int64_t nodes, struct buffer *out)
{
    int64_t fewest = places[0].threads, most = fewest;
    for (int64_t rank = 1; rank < ranks; rank++) {
        fewest = places[rank].threads < fewest ? places[rank].threads : fewest;
        most = places[rank].threads > most ? places[rank].threads : most;
    }
    TRY(buffer_printf(out, "%" PRId64 " rank%s on %" PRId64 " node%s, ", ranks, ranks == 1 ? "" : "s", nodes,
                      nodes == 1 ? "" : "s"));
    if (fewest < most)
        TRY(buffer_printf(out, "%" PRId64 " to ", fewest));
    return buffer_printf(out, "%" PRId64 " thread%s%s", most, most == 1 ? "" : "s", ranks > 1 ? " each" : "");
}

/* The nodes, in one line where they are all alike, else in one line for each kind. */
static enum status print_kinds(const struct node *nodes, int64_t count, struct buffer *out)
{
    int64_t kinds = 0, described = 0;
    for (int64_t i = 0; i < count && kinds < MOST_KINDS; i++) {
        bool known = false;
        for (int64_t before = 0; before < i && !known; before++)
            known = alike(&nodes[before], &nodes[i]);
        if (known)
            continue;
        int64_t others = 0;
        for (int64_t after = i + 1; after < count; after++)
            others += alike(&nodes[i], &nodes[after]);
        TRY(buffer_printf(out, others == count - 1 ? ": " : "\n  "));
        TRY(print_node(&nodes[i], out));
        if (others > 0)
            TRY(buffer_printf(out, "; %" PRId64 " other node%s alike", others, others == 1 ? "" : "s"));
        described += 1 + others;
        kinds++;
    }
    if (described < count)
        TRY(buffer_printf(out, "\n  and %" PRId64 " nodes of other kinds", count - described));
    return STATUS_OK;
}

static enum status hint_crowded(const struct node *node, const char *why_threads, struct buffer *out)
{
    TRY(buffer_printf(out, "\nhint: %" PRId64 " threads share %" PRId64 " core%s: ", node->crowding,
                      node->crowded, node->crowded == 1 ? "" : "s"));
    if (node->crowding == node->threads && node->count > node->usable)
        return buffer_printf(out, "fewer ranks would be faster");
    if (why_threads != NULL && node->threads > node->count)
        return buffer_printf(out, "a lower %s would be faster", why_threads);
    return buffer_printf(out, "fewer ranks, or other cores for them, would be faster");
}

static enum status hint_idle(const struct node *node, const char *why_threads, const char *why_cores,
                             struct buffer *out)
{
    bool few_threads = node->busy < cpu_mask_count(&node->cores);
    const char *why = few_threads && why_threads != NULL ? why_threads : why_cores;
    TRY(buffer_printf(out, "\nhint: %" PRId64 " of %" PRId64 " cores idle", node->usable - node->busy,
                      node->usable));
    if (why != NULL)
        return buffer_printf(out, " because of %s", why);
    return buffer_printf(out, ": they cannot be divided evenly among %" PRId64 " ranks", node->count);
}

static enum status print_hints(const struct node *nodes, int64_t count, const char *why_threads,
                               const char *why_cores, struct buffer *out)
{
    int64_t crowded = 0, idle = 0;
    while (crowded < count && nodes[crowded].crowding == 0)
        crowded++;
    while (idle < count && nodes[idle].busy >= nodes[idle].usable)
        idle++;
    if (crowded < count)
        TRY(hint_crowded(&nodes[crowded], why_threads, out));
    return idle < count ? hint_idle(&nodes[idle], why_threads, why_cores, out) : STATUS_OK;
}

enum status placement_describe(const struct place *places, int64_t ranks, const char *why_threads,
                               const char *why_cores, struct buffer *out)
{
    enum status status = STATUS_FAILED;
    int64_t count = 0;
    struct seat *seats = memory_allocate(ranks, sizeof *seats, "the log of the placement");
    struct node *nodes = memory_allocate(ranks, sizeof *nodes, "the log of the placement");
    if (seats == NULL || nodes == NULL)
        goto cleanup;
    for (int64_t rank = 0; rank < ranks; rank++)
        seats[rank] = (struct seat){&places[rank], rank};
    qsort(seats, (size_t)ranks, sizeof *seats, compare_seats);
    for (int64_t i = 0; i < ranks; i += nodes[count++].count)
        nodes[count] = look_at(seats + i, ranks - i);
    status = print_summary(places, ranks, count, out);
    if (status == STATUS_OK)
        status = print_kinds(nodes, count, out);
    if (status == STATUS_OK)
        status = print_hints(nodes, count, why_threads, why_cores, out);
cleanup:
    memory_free(nodes);
    memory_free(seats);
    return status;
}
