/* A list of the best so far is kept sorted by insertion: few are wanted of many. */
#include "llmpi/model/embedding_neighbors.h"

#include <math.h>
#include <stdbool.h>

static double length_of(const float *row, int64_t width)
{
    double sum = 0;
    for (int64_t i = 0; i < width; i++)
        sum += (double)row[i] * (double)row[i];
    return sqrt(sum);
}

void neighbors_add(const float *embedding, int64_t width, const uint32_t *ids, int64_t count, double weight,
                   double *query)
{
    for (int64_t n = 0; n < count; n++) {
        const float *row = embedding + ids[n] * width;
        double length = length_of(row, width);
        for (int64_t i = 0; i < width && length > 0; i++)
            query[i] += weight / (double)count * (double)row[i] / length;
    }
}

static bool contains(const uint32_t *ids, int64_t count, int64_t id)
{
    for (int64_t i = 0; i < count; i++)
        if (ids[i] == id)
            return true;
    return false;
}

/* Puts a candidate where it belongs among the `count` best, of which `wanted` are kept. */
static int64_t insert(struct neighbor *best, int64_t count, int64_t wanted, struct neighbor candidate)
{
    int64_t at = count < wanted ? count : wanted - 1;
    if (count == wanted && best[at].cosine >= candidate.cosine)
        return count;
    for (; at > 0 && best[at - 1].cosine < candidate.cosine; at--)
        best[at] = best[at - 1];
    best[at] = candidate;
    return count < wanted ? count + 1 : count;
}

int64_t neighbors_find(const float *embedding, int64_t rows, int64_t width, const double *query,
                       const uint32_t *excluded, int64_t excluded_count, int64_t wanted, struct neighbor *out)
{
    double norm = 0;
    int64_t count = 0;
    for (int64_t i = 0; i < width; i++)
        norm += query[i] * query[i];
    if (norm == 0 || wanted < 1)
        return 0;
    for (int64_t id = 0; id < rows; id++) {
        const float *row = embedding + id * width;
        double length = length_of(row, width), product = 0;
        if (length == 0 || contains(excluded, excluded_count, id))
            continue;
        for (int64_t i = 0; i < width; i++)
            product += (double)row[i] * query[i];
        count = insert(out, count, wanted, (struct neighbor){(uint32_t)id, product / length / sqrt(norm)});
    }
    return count;
}
