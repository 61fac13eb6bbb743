/* A row is read while it is in the cache: once for the largest logit, once for the exponentials, and in
 * backward once more to scale them. A NaN may be lost in the search for the largest, but not in the sum of
 * exponentials. */
#include "llmpi/kernels/cross_entropy.h"

#include "llmpi/base/clones.h"
#include "vector_math.h"

#include <math.h>
#include <stddef.h>

#define CHUNK 2048 /* exponentials summed in single precision before they join a sum in double precision */

CLONED static float largest_of(const float *values, int64_t n) {
    float largest = -INFINITY;
#pragma omp simd reduction(max : largest)
    for (int64_t i = 0; i < n; i++)
        largest = values[i] > largest ? values[i] : largest;
    return largest;
}

CLONED static float sum_exponentials(const float *values, float largest, int64_t n) {
    float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++)
        sum += exp_float(values[i] - largest);
    return sum;
}

/* Like sum_exponentials, and leaves the exponentials in place of the values. */
CLONED static float exponentiate(float *values, float largest, int64_t n) {
    float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++) {
        float exponential = exp_float(values[i] - largest);
        values[i] = exponential;
        sum += exponential;
    }
    return sum;
}

CLONED static void scale_row(float *values, float factor, int64_t n) {
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        values[i] *= factor;
}

static float row_loss(double sum, float largest, float target) {
    return (float)(log(sum) + ((double)largest - (double)target));
}

void cross_entropy_forward(float *loss, const float *logits, const uint32_t *targets, int64_t rows,
                           int64_t vocab) {
#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < rows; row++) {
        const float *values = logits + row * vocab;
        float largest = largest_of(values, vocab);
        double sum = 0.0;
        for (int64_t i = 0; i < vocab; i += CHUNK)
            sum += (double)sum_exponentials(values + i, largest, i + CHUNK < vocab ? CHUNK : vocab - i);
        loss[row] = row_loss(sum, largest, values[targets[row]]);
    }
}

void cross_entropy_backward(float *logits, float *loss, const uint32_t *targets, const float *weight,
                            int64_t rows, int64_t vocab) {
#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < rows; row++) {
        float *values = logits + row * vocab, target = values[targets[row]];
        float largest = largest_of(values, vocab), scale = weight != NULL ? weight[row] : 1.0f;
        double sum = 0.0;
        for (int64_t i = 0; i < vocab; i += CHUNK)
            sum += (double)exponentiate(values + i, largest, i + CHUNK < vocab ? CHUNK : vocab - i);
        loss[row] = row_loss(sum, largest, target);
        scale_row(values, (float)((double)scale / sum), vocab);
        values[targets[row]] -= scale;
    }
}
