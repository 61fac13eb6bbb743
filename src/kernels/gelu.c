/* With the logistic function s: 0.5 (1 + tanh(u)) = s(2u), which takes one exponential and no cancellation.
 */
#include "llmpi/kernels/gelu.h"

#include "llmpi/base/clones.h"
#include "vector_math.h"

#define CHUNK                16384 /* elements: a share of work, and half of a first-level cache */
#define TWICE_SQRT_2_OVER_PI 1.5957691216057307f
#define CUBIC                0.044715f

CLONED(void, gelu_chunk, (float *y, const float *x, int64_t n), (y, x, n))
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        float u = TWICE_SQRT_2_OVER_PI * (x[i] + CUBIC * x[i] * x[i] * x[i]);
        y[i] = x[i] / (1.0f + exp_float(-u));
    }
}

void gelu_forward(float *y, const float *x, int64_t n)
{
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i += CHUNK)
        gelu_chunk(y + i, x + i, i + CHUNK < n ? CHUNK : n - i);
}

/* s + x s (1 - s) u' with 1 - s = s e^-u. Beyond +-10 the derivative is 0 or 1 to the last bit, and nothing
 * overflows inside; the bounds let NaN pass. */
CLONED(void, gelu_chunk_backward, (float *dx, const float *x, const float *dy, int64_t n), (dx, x, dy, n))
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        float value = x[i] < -10.0f ? -10.0f : x[i];
        value = value > 10.0f ? 10.0f : value;
        float square = value * value;
        float u = TWICE_SQRT_2_OVER_PI * value * (1.0f + CUBIC * square);
        float slope = TWICE_SQRT_2_OVER_PI * (1.0f + 3.0f * CUBIC * square);
        float exponential = exp_float(-u);
        float s = 1.0f / (1.0f + exponential);
        dx[i] = (s + value * slope * (s * exponential) * s) * dy[i];
    }
}

void gelu_backward(float *dx, const float *x, const float *dy, int64_t n)
{
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i += CHUNK)
        gelu_chunk_backward(dx + i, x + i, dy + i, i + CHUNK < n ? CHUNK : n - i);
}
