/* Loops that vectorise. The search for the largest keeps sixteen of them, since a compiler may not reorder
 * comparisons that could meet a NaN. */
#include "softmax_row.h"

#include "llmpi/base/clones.h"
#include "vector_math.h"

#include <math.h>

enum { LANES = 16 };

static inline float larger(float value, float largest)
{
    return value > largest ? value : largest;
}

CLONED float softmax_row_largest(const float *values, int64_t n)
{
    float lanes[LANES];
    for (int lane = 0; lane < LANES; lane++)
        lanes[lane] = -INFINITY;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int lane = 0; lane < LANES; lane++)
            lanes[lane] = larger(values[i + lane], lanes[lane]);
    for (; i < n; i++)
        lanes[0] = larger(values[i], lanes[0]);
    for (int lane = 1; lane < LANES; lane++)
        lanes[0] = larger(lanes[lane], lanes[0]);
    return lanes[0];
}

CLONED float softmax_row_sum(const float *values, float largest, int64_t n)
{
    float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++)
        sum += exp_float(values[i] - largest);
    return sum;
}

CLONED float softmax_row_exponentiate(float *values, float largest, int64_t n)
{
    float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++) {
        float exponential = exp_float(values[i] - largest);
        values[i] = exponential;
        sum += exponential;
    }
    return sum;
}

CLONED void softmax_row_scale(float *values, float factor, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        values[i] *= factor;
}
