/* Documents with the same text, and with nearly the same, over all ranks.
 *
 * Each rank holds the candidates that it read. Digests, and band by band the keys of the MinHash signatures,
 * go to the rank that owns them by their value, which finds equal ones. Near duplicates are the connected
 * components of "agree in a band" (union-find). Of equal documents, and of each component, the first one in
 * the order of names is kept.
 *
 * Memory in bytes: each candidate takes 49 + 8 * bands on the rank that read it (signatures are dropped as
 * soon as their bands have keys) and, while it is compared, about 130 for the digests or for one band at a
 * time. A rank keeps 64 for each pair of documents that it found alike, and rank 0 another 150 for each pair
 * of all ranks; documents that are like no other cost it nothing. */
#ifndef LLMPI_PREPARE_DUPLICATES_H
#define LLMPI_PREPARE_DUPLICATES_H

#include "llmpi/base/digest.h"
#include "llmpi/base/status.h"
#include "llmpi/comm/comm.h"

#include <stdbool.h>
#include <stdint.h>

/* Names a document of a corpus as its reader does; ordered by file, then position. */
struct document_name {
    int64_t file, position;
};
int document_name_compare(const struct document_name *a, const struct document_name *b);

struct candidate {
    struct document_name name;
    struct document_name original; /* the document that it repeats; its own name: none */
    struct wide_digest digest;     /* of its text */
};

/* The candidates of this rank. Start with {0} and set `bands` (0: no keys are kept). */
struct candidates {
    struct candidate *items;
    uint64_t *keys; /* count x bands */
    bool *has_keys; /* false: a text without words, which is like no other */
    int64_t count, capacity, bands;
};

/* Adds a candidate that repeats none. `keys` (bands of them) may be NULL. */
enum status candidates_add(struct candidates *candidates, struct document_name name,
                           struct wide_digest digest, const uint64_t *keys);
void candidates_free(struct candidates *candidates);

/* Sets `original` of every candidate whose text an earlier document has. **Collective** */
enum status duplicates_find_exact(struct comm *comm, struct candidates *candidates);

/* Sets `original` of every candidate that is a near duplicate of an earlier one, among those that repeat none
 * so far. Every original repeats none itself. **Collective** */
enum status duplicates_find_near(struct comm *comm, struct candidates *candidates);

#endif
