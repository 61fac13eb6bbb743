/* Tiles that stay in the first cache; inside a tile the tree is a binary counter of pending sums. Two and one
 * summands, the usual cases, go without it. */
#include "llmpi/kernels/tree_sum.h"

#include "llmpi/base/clones.h"
#include "llmpi/kernels/threads.h"

#include <string.h>

#define TILE   512 /* elements */
#define LEVELS 32

CLONED(void, add, (float *out, const float *a, const float *b, int64_t n), (out, a, b, n))
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        out[i] = a[i] + b[i];
}

static void load(float *out, const struct summand *summand, int64_t first, int64_t n)
{
    if (summand->element == ELEMENT_BF16)
        element_to_float(out, (const bf16 *)summand->values + first, n);
    else
        memcpy(out, (const float *)summand->values + first, (size_t)n * sizeof *out);
}

/* n <= TILE elements from `first` on. */
static void sum_tile(float *out, const struct summand *summands, int64_t count, int64_t first, int64_t n)
{
    float pending[LEVELS][TILE], sum[TILE];
    for (int64_t k = 0; k < count; k++) {
        int level = 0;
        load(sum, &summands[k], first, n);
        for (; (k >> level & 1) != 0; level++)
            add(sum, pending[level], sum, n);
        memcpy(pending[level], sum, (size_t)n * sizeof *sum);
    }
    bool begun = false;
    for (int level = 0; level < LEVELS; level++) {
        if ((count >> level & 1) == 0)
            continue;
        if (begun)
            add(sum, pending[level], sum, n);
        else
            memcpy(sum, pending[level], (size_t)n * sizeof *sum);
        begun = true;
    }
    memcpy(out + first, sum, (size_t)n * sizeof *sum);
}

static void sum_share(float *out, const struct summand *summands, int64_t count, struct share share)
{
    int64_t end = share.first + share.count;
    if (count == 2 && summands[0].element == ELEMENT_FP32 && summands[1].element == ELEMENT_FP32) {
        add(out + share.first, (const float *)summands[0].values + share.first,
            (const float *)summands[1].values + share.first, share.count);
        return;
    }
    for (int64_t first = share.first; first < end; first += TILE)
        sum_tile(out, summands, count, first, end - first < TILE ? end - first : TILE);
}

void tree_sum(float *out, const struct summand *summands, int64_t count, int64_t n)
{
    if (count == 1 && summands[0].values == out)
        return;
    ON_THREADS(n, sum_share(out, summands, count, threads_share(n)));
}
