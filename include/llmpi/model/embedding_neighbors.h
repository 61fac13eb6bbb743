/* Which tokens lie near a place in the embedding (Mikolov et al. 2013, arXiv:1301.3781, for the arithmetic of
 * words). */
#ifndef LLMPI_MODEL_EMBEDDING_NEIGHBORS_H
#define LLMPI_MODEL_EMBEDDING_NEIGHBORS_H

#include "llmpi/base/status.h"

#include <stdint.h>

struct neighbor {
    uint32_t id;
    double cosine;
};

/* Adds `weight` times the mean of the unit vectors of `count` tokens to query (width): of a word's pieces. A
 * token whose row is zero adds nothing. */
void neighbors_add(const float *embedding, int64_t width, const uint32_t *ids, int64_t count, double weight,
                   double *query);

/* The `wanted` rows of the embedding (rows, width) with the largest cosine to `query`, largest first, equal
 * ones by id; not those in `excluded`. Returns how many there are in `out`; 0 for a query of zero. */
int64_t neighbors_find(const float *embedding, int64_t rows, int64_t width, const double *query,
                       const uint32_t *excluded, int64_t excluded_count, int64_t wanted,
                       struct neighbor *out);

#endif
