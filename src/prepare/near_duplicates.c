/* Near duplicates. For one band after the other, (key, document) goes to the owner of the key, which sorts by
 * key; in a run of equal keys each document is tied to the first. The ties of all ranks, without repetitions,
 * go to rank 0, whose union-find (Tarjan 1975; with path halving) makes components of them. Documents are
 * numbered there in the order of their names and a root is always the smaller number, so that the root of a
 * component is its first document, whatever the order of the ties. */
#include "llmpi/prepare/duplicates.h"

#include "duplicates_private.h"
#include "llmpi/base/memory.h"
#include "llmpi/comm/requests.h"

#include <stdlib.h>
#include <string.h>

/* A document and where it is kept: candidate `index` of `rank`. */
struct node {
    struct document_name name;
    int64_t rank, index;
};

struct keyed {
    uint64_t key;
    struct node node;
};

struct tie {
    struct node first, second;
};

/* Rank 0 says that candidate `index` repeats a document. */
struct finding {
    int64_t index;
    struct document_name original;
};

static int compare_keyed(const void *left, const void *right)
{
    const struct keyed *a = left, *b = right;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return document_name_compare(&a->node.name, &b->node.name);
}

static int compare_nodes(const void *left, const void *right)
{
    const struct node *a = left, *b = right;
    return document_name_compare(&a->name, &b->name);
}

static int compare_ties(const void *left, const void *right)
{
    const struct tie *a = left, *b = right;
    int order = compare_nodes(&a->first, &b->first);
    return order != 0 ? order : compare_nodes(&a->second, &b->second);
}

static enum status send_keys(const struct candidates *candidates, int64_t band, struct mail *mail)
{
    uint64_t size = (uint64_t)comm_size(mail->comm);
    for (int64_t i = 0; i < candidates->count; i++) {
        const struct candidate *candidate = &candidates->items[i];
        if (!candidates->has_keys[i] || document_name_compare(&candidate->name, &candidate->original) != 0)
            continue;
        const struct keyed keyed = {candidates->keys[i * candidates->bands + band],
                                    {candidate->name, comm_rank(mail->comm), i}};
        TRY(buffer_append(&mail->outgoing[keyed.key % size], &keyed, sizeof keyed));
    }
    return STATUS_OK;
}

/* Ties each document to the first of those with its key. */
static enum status tie_equals(struct mail *mail, struct buffer *ties)
{
    int64_t count = (int64_t)(mail->incoming.length / sizeof(struct keyed));
    struct keyed *keyed = memory_allocate(count, sizeof *keyed, "keys of signatures");
    if (keyed == NULL)
        return STATUS_FAILED;
    enum status status = STATUS_OK;
    if (count > 0)
        memcpy(keyed, mail->incoming.data, (size_t)count * sizeof *keyed);
    qsort(keyed, (size_t)count, sizeof *keyed, compare_keyed);
    for (int64_t i = 0, first = 0; i < count && status == STATUS_OK; i++) {
        if (keyed[i].key != keyed[first].key)
            first = i;
        const struct tie tie = {keyed[first].node, keyed[i].node};
        if (i > first)
            status = buffer_append(ties, &tie, sizeof tie);
    }
    memory_free(keyed);
    return status;
}

/* Sorts the ties and drops repetitions: the same two documents often agree in many bands. */
static void unite_equal_ties(struct buffer *ties)
{
    struct tie *list = (struct tie *)(void *)ties->data;
    size_t count = ties->length / sizeof *list, kept = 0;
    if (count == 0)
        return;
    qsort(list, count, sizeof *list, compare_ties);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || compare_ties(&list[i], &list[kept - 1]) != 0)
            list[kept++] = list[i];
    ties->length = kept * sizeof *list;
}

/* **Collective** */
static enum status tie_band(const struct candidates *candidates, int64_t band, struct mail *mail,
                            struct buffer *ties)
{
    TRY(comm_agree(mail->comm, send_keys(candidates, band, mail)));
    TRY(mail_exchange(mail));
    enum status status = tie_equals(mail, ties);
    if (status == STATUS_OK)
        unite_equal_ties(ties);
    return comm_agree(mail->comm, status);
}

/* --- rank 0 --- */

struct forest {
    struct node *nodes; /* sorted by name, none twice */
    int64_t *parents;
    int64_t count;
};

static int64_t find_root(struct forest *forest, int64_t node)
{
    int64_t *parents = forest->parents;
    while (parents[node] != node) {
        parents[node] = parents[parents[node]];
        node = parents[node];
    }
    return node;
}

static int64_t number_of(const struct forest *forest, const struct node *node)
{
    const struct node *found =
        bsearch(node, forest->nodes, (size_t)forest->count, sizeof *node, compare_nodes);
    return found - forest->nodes;
}

static enum status forest_plant(struct forest *forest, const struct tie *ties, int64_t count)
{
    forest->nodes = memory_allocate(2 * count, sizeof *forest->nodes, "near duplicates");
    forest->parents = memory_allocate(2 * count, sizeof *forest->parents, "near duplicates");
    if (forest->nodes == NULL || forest->parents == NULL)
        return STATUS_FAILED;
    for (int64_t i = 0; i < count; i++) {
        forest->nodes[2 * i] = ties[i].first;
        forest->nodes[2 * i + 1] = ties[i].second;
    }
    qsort(forest->nodes, 2 * (size_t)count, sizeof *forest->nodes, compare_nodes);
    for (int64_t i = 0; i < 2 * count; i++)
        if (i == 0 || compare_nodes(&forest->nodes[i], &forest->nodes[forest->count - 1]) != 0)
            forest->nodes[forest->count++] = forest->nodes[i];
    for (int64_t i = 0; i < forest->count; i++)
        forest->parents[i] = i;
    return STATUS_OK;
}

static void forest_unite(struct forest *forest, const struct tie *ties, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        int64_t a = find_root(forest, number_of(forest, &ties[i].first));
        int64_t b = find_root(forest, number_of(forest, &ties[i].second));
        forest->parents[a > b ? a : b] = a > b ? b : a;
    }
}

/* Makes a message to each rank of what its candidates repeat. */
static enum status find_components(struct mail *mail)
{
    struct forest forest = {0};
    const struct tie *ties = (const struct tie *)(const void *)mail->incoming.data;
    int64_t count = (int64_t)(mail->incoming.length / sizeof *ties);
    enum status status = forest_plant(&forest, ties, count);
    if (status == STATUS_OK)
        forest_unite(&forest, ties, count);
    for (int64_t i = 0; i < forest.count && status == STATUS_OK; i++) {
        const struct finding finding = {forest.nodes[i].index, forest.nodes[find_root(&forest, i)].name};
        if (find_root(&forest, i) != i)
            status = buffer_append(&mail->outgoing[forest.nodes[i].rank], &finding, sizeof finding);
    }
    memory_free(forest.nodes);
    memory_free(forest.parents);
    return status;
}

static void take_findings(struct candidates *candidates, const struct mail *mail)
{
    for (size_t at = 0; at < mail->incoming.length; at += sizeof(struct finding)) {
        struct finding finding;
        memcpy(&finding, mail->incoming.data + at, sizeof finding);
        candidates->items[finding.index].original = finding.original;
    }
}

/* Sends the ties of this rank to rank 0, and takes what it finds. **Collective** */
static enum status join_ties(struct candidates *candidates, struct mail *mail, struct buffer *ties)
{
    mail->outgoing[0] = *ties;
    *ties = (struct buffer){0};
    TRY(mail_exchange(mail));
    TRY(comm_agree(mail->comm, find_components(mail)));
    TRY(mail_exchange(mail));
    take_findings(candidates, mail);
    return STATUS_OK;
}

enum status duplicates_find_near(struct comm *comm, struct candidates *candidates)
{
    struct mail mail;
    struct buffer ties = {0};
    enum status status = comm_agree(comm, mail_open(&mail, comm));
    for (int64_t band = 0; band < candidates->bands && status == STATUS_OK; band++) {
        status = comm_agree(comm, requests_check(comm));
        if (status == STATUS_OK)
            status = tie_band(candidates, band, &mail, &ties);
    }
    if (status == STATUS_OK)
        status = join_ties(candidates, &mail, &ties);
    buffer_free(&ties);
    mail_close(&mail);
    return status;
}
