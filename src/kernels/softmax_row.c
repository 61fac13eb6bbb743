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

CLONED(float, largest_of_row, (const float *values, int64_t n), (values, n))
{
    float lanes[LANES];
    for (int lane = 0; lane < LANES; lane++)
        lanes[lane] = -INFINITY;
    int64_t whole = n / LANES * LANES;
    for (int64_t i = 0; i < whole; i += LANES)
#pragma omp simd
        for (int lane = 0; lane < LANES; lane++)
            lanes[lane] = larger(values[i + lane], lanes[lane]);
    for (int64_t i = whole; i < n; i++)
        lanes[i - whole] = larger(values[i], lanes[i - whole]);
    for (int distance = LANES / 2; distance > 0; distance /= 2)
        for (int lane = 0; lane < distance; lane++)
            lanes[lane] = larger(lanes[lane + distance], lanes[lane]);
    return lanes[0];
}

CLONED(float, sum_of_row, (const float *values, float largest, int64_t n), (values, largest, n))
{
    float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++)
        sum += exp_float(values[i] - largest);
    return sum;
}

CLONED(float, exponentiate_row, (float *values, float largest, int64_t n), (values, largest, n))
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

CLONED(void, scale_row, (float *values, float factor, int64_t n), (values, factor, n))
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        values[i] *= factor;
}

float softmax_row_largest(const float *values, int64_t n)
{
    return largest_of_row(values, n);
}

float softmax_row_sum(const float *values, float largest, int64_t n)
{
    return sum_of_row(values, largest, n);
}

float softmax_row_exponentiate(float *values, float largest, int64_t n)
{
    return exponentiate_row(values, largest, n);
}

void softmax_row_scale(float *values, float factor, int64_t n)
{
    scale_row(values, factor, n);
}
