/* A row is read while it is in the cache: once for the largest logit, once for the exponentials, and in
 * backward once more to scale them. The row after it is asked for meanwhile, since the arithmetic takes as
 * long as reading does. A NaN may be lost in the search for the largest, but not in the sum of exponentials.
 */
#include "llmpi/kernels/cross_entropy.h"

#include "element_access.h"
#include "llmpi/base/clones.h"
#include "llmpi/base/integer.h"
#include "llmpi/kernels/threads.h"
#include "softmax_row.h"

#include <math.h>
#include <stddef.h>

#define CHUNK 512 /* exponentials summed in single precision before they join a sum in double precision */

enum { LINE = 16, READ = 0, KEEP_IN_SECOND_LEVEL = 2 }; /* floats of a cache line; of __builtin_prefetch */

static void prefetch(const float *values, int64_t n)
{
    for (int64_t i = 0; i < n; i += LINE)
        __builtin_prefetch(values + i, READ, KEEP_IN_SECOND_LEVEL);
}

static int64_t chunk_at(int64_t i, int64_t vocab)
{
    return smaller(CHUNK, vocab - i);
}

static float row_loss(double sum, float largest, float target)
{
    return (float)(log(sum) + ((double)largest - (double)target));
}

/* One row, and the address of what is read after it. */
static float loss_of_row(const float *values, const float *next, uint32_t target, int64_t vocab)
{
    float largest = softmax_row_largest(values, vocab);
    double sum = 0.0;
    for (int64_t i = 0; i < vocab; i += CHUNK) {
        prefetch(next + i, chunk_at(i, vocab));
        sum += (double)softmax_row_sum(values + i, largest, chunk_at(i, vocab));
    }
    return row_loss(sum, largest, values[target]);
}

void cross_entropy_forward(float *loss, const float *logits, const uint32_t *targets, int64_t rows,
                           int64_t vocab)
{
#pragma omp parallel for schedule(static) if (rows * vocab > THREADS_WORTH)
    for (int64_t row = 0; row < rows; row++) {
        const float *values = logits + row * vocab;
        loss[row] = loss_of_row(values, row + 1 < rows ? values + vocab : values, targets[row], vocab);
    }
}

void cross_entropy_largest(bool *largest, const float *logits, const uint32_t *targets, int64_t rows,
                           int64_t vocab)
{
#pragma omp parallel for schedule(static) if (rows * vocab > THREADS_WORTH)
    for (int64_t row = 0; row < rows; row++) {
        const float *values = logits + row * vocab;
        int64_t target = targets[row], above = 0;
        for (int64_t i = 0; i < target; i++)
            above += !(values[i] < values[target]);
        for (int64_t i = target; i < vocab; i++)
            above += !(values[i] <= values[target]);
        largest[row] = above == 0;
    }
}

CLONED(void, scale_and_round, (bf16 * out, const float *values, float factor, int64_t n),
       (out, values, factor, n))
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        out[i] = bf16_of_float(values[i] * factor);
}

/* One row: `values` become exponentials, and those its gradient. */
static float differentiate_row(void *gradient, enum element element, float *values, const float *next,
                               uint32_t target, float weight, int64_t vocab)
{
    float largest = softmax_row_largest(values, vocab), at_target = values[target];
    double sum = 0.0;
    for (int64_t i = 0; i < vocab; i += CHUNK) {
        prefetch(next + i, chunk_at(i, vocab));
        sum += (double)softmax_row_exponentiate(values + i, largest, chunk_at(i, vocab));
    }
    float scale = (float)((double)weight / sum), slope = values[target] * scale - weight;
    if (element == ELEMENT_BF16) {
        bf16 *rounded = gradient;
        scale_and_round(rounded, values, scale, vocab);
        rounded[target] = bf16_of_float(slope);
    } else {
        softmax_row_scale(values, scale, vocab);
        values[target] = slope;
    }
    return row_loss(sum, largest, at_target);
}

/* By the threads of the region that calls it. */
static void differentiate(void *dlogits, enum element element, float *loss, float *logits,
                          const uint32_t *targets, const float *weight, int64_t rows, int64_t vocab)
{
#pragma omp for schedule(static) nowait
    for (int64_t row = 0; row < rows; row++) {
        float *values = logits + row * vocab;
        loss[row] = differentiate_row(element_at(dlogits, element, row * vocab), element, values,
                                      row + 1 < rows ? values + vocab : values, targets[row],
                                      weight != NULL ? weight[row] : 1.0f, vocab);
    }
}

void cross_entropy_backward(void *dlogits, enum element element, float *loss, float *logits,
                            const uint32_t *targets, const float *weight, int64_t rows, int64_t vocab)
{
    ON_THREADS(rows * vocab, differentiate(dlogits, element, loss, logits, targets, weight, rows, vocab));
}
