/* A row is read while it is in the cache: once for the largest logit, once for the exponentials, and in
 * backward once more to scale them. A NaN may be lost in the search for the largest, but not in the sum of
 * exponentials. */
#include "llmpi/kernels/cross_entropy.h"

#include "element_access.h"
#include "llmpi/base/clones.h"
#include "softmax_row.h"

#include <math.h>
#include <stddef.h>

#define CHUNK 2048 /* exponentials summed in single precision before they join a sum in double precision */

static float row_loss(double sum, float largest, float target)
{
    return (float)(log(sum) + ((double)largest - (double)target));
}

void cross_entropy_forward(float *loss, const float *logits, const uint32_t *targets, int64_t rows,
                           int64_t vocab)
{
#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < rows; row++) {
        const float *values = logits + row * vocab;
        float largest = softmax_row_largest(values, vocab);
        double sum = 0.0;
        for (int64_t i = 0; i < vocab; i += CHUNK)
            sum += (double)softmax_row_sum(values + i, largest, i + CHUNK < vocab ? CHUNK : vocab - i);
        loss[row] = row_loss(sum, largest, values[targets[row]]);
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
static float differentiate_row(void *gradient, enum element element, float *values, uint32_t target,
                               float weight, int64_t vocab)
{
    float largest = softmax_row_largest(values, vocab), at_target = values[target];
    double sum = 0.0;
    for (int64_t i = 0; i < vocab; i += CHUNK)
        sum += (double)softmax_row_exponentiate(values + i, largest, i + CHUNK < vocab ? CHUNK : vocab - i);
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

void cross_entropy_backward(void *dlogits, enum element element, float *loss, float *logits,
                            const uint32_t *targets, const float *weight, int64_t rows, int64_t vocab)
{
#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < rows; row++) {
        char *gradient = (char *)dlogits + (size_t)(row * vocab) * element_size(element);
        loss[row] = differentiate_row(gradient, element, logits + row * vocab, targets[row],
                                      weight != NULL ? weight[row] : 1.0f, vocab);
    }
}
