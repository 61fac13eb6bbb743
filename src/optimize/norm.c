/* Squares are exact in double precision (24 + 24 bits), so that fused and separate multiply-add give the same
 * bits; sixteen fixed lanes make the order of addition inside a chunk the same on every processor. The tree
 * over chunks is kept like a binary counter: one pending sum per set bit of the number of chunks so far. */
#include "llmpi/optimize/norm.h"

#include "llmpi/base/clones.h"
#include "llmpi/base/integer.h"

#include <omp.h>

#define LANES 16

CLONED(double, chunk_squares, (const float *values, int64_t n), (values, n))
{
    double lanes[LANES] = {0};
    int64_t whole = n / LANES * LANES;
    for (int64_t i = 0; i < whole; i += LANES)
#pragma omp simd
        for (int lane = 0; lane < LANES; lane++)
            lanes[lane] += (double)values[i + lane] * (double)values[i + lane];
    for (int64_t i = whole; i < n; i++)
        lanes[i - whole] += (double)values[i] * (double)values[i];
    for (int distance = LANES / 2; distance > 0; distance /= 2)
        for (int lane = 0; lane < distance; lane++)
            lanes[lane] += lanes[lane + distance];
    return lanes[0];
}

/* Adds leaf number `count` to the pending sums: two sums of equal size become one of twice the size. */
static void tree_add(double pending[64], int64_t count, double sum)
{
    int level = 0;
    for (; (count >> level & 1) != 0; level++)
        sum = pending[level] + sum;
    pending[level] = sum;
}

double norm_tree(const double *sums, int64_t count)
{
    double pending[64] = {0}, total = 0.0;
    for (int64_t i = 0; i < count; i++)
        tree_add(pending, i, sums[i]);
    for (int level = 0; level < 63; level++)
        if ((count >> level & 1) != 0)
            total = pending[level] + total;
    return total;
}

/* By the threads of the region that calls it, if any. */
static void square_chunks(const float *values, int64_t n, int64_t chunks, double *sums)
{
#pragma omp for schedule(static) nowait
    for (int64_t i = 0; i < chunks; i++) {
        int64_t start = i * NORM_CHUNK;
        sums[i] = chunk_squares(values + start, start + NORM_CHUNK < n ? NORM_CHUNK : n - start);
    }
}

/* A region of one thread would cost as much as several chunks. */
void norm_chunks(const float *values, int64_t n, double *sums)
{
    int64_t chunks = divide_up(n, NORM_CHUNK);
    if (chunks <= 4 || omp_get_max_threads() == 1) {
        square_chunks(values, n, chunks, sums);
        return;
    }
#pragma omp parallel
    square_chunks(values, n, chunks, sums);
}
