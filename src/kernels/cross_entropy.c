/* A row is read while it is in the cache: once for the largest logit, once for the exponentials, and in
 * backward once more to scale them. A NaN may be lost in the search for the largest, but not in the sum of
 * exponentials. */
#include "llmpi/kernels/cross_entropy.h"

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

void cross_entropy_backward(float *logits, float *loss, const uint32_t *targets, const float *weight,
                            int64_t rows, int64_t vocab)
{
#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < rows; row++) {
        float *values = logits + row * vocab, target = values[targets[row]];
        float largest = softmax_row_largest(values, vocab), scale = weight != NULL ? weight[row] : 1.0f;
        double sum = 0.0;
        for (int64_t i = 0; i < vocab; i += CHUNK)
            sum +=
                (double)softmax_row_exponentiate(values + i, largest, i + CHUNK < vocab ? CHUNK : vocab - i);
        loss[row] = row_loss(sum, largest, target);
        softmax_row_scale(values, (float)((double)scale / sum), vocab);
        values[targets[row]] -= scale;
    }
}
