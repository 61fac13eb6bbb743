/* With the logistic function s: 0.5 (1 + tanh(u)) = s(2u), which takes one exponential and no cancellation.
 * Numbers of bf16 go another way where the processor has one. */
#include "llmpi/kernels/gelu.h"

#include "element_access.h"
#include "gelu_avx512.h"
#include "llmpi/base/clones.h"
#include "llmpi/kernels/threads.h"

#define TWICE_SQRT_2_OVER_PI 1.5957691216057307f
#define CUBIC                0.044715f

ELEMENT_LOOP float gelu(float x)
{
    float u = TWICE_SQRT_2_OVER_PI * (x + CUBIC * x * x * x);
    return x / (1.0f + exp_float(-u));
}

/* s + x s (1 - s) u' with 1 - s = s e^-u. Beyond +-10 the derivative is 0 or 1 to the last bit, while the
 * terms overflow; the comparisons let NaN pass, and stand last so that loops vectorise without branches. */
ELEMENT_LOOP float gelu_slope(float x)
{
    float square = x * x;
    float u = TWICE_SQRT_2_OVER_PI * x * (1.0f + CUBIC * square);
    float slope = TWICE_SQRT_2_OVER_PI * (1.0f + 3.0f * CUBIC * square);
    float exponential = exp_float(-u);
    float s = 1.0f / (1.0f + exponential);
    float inside = s + x * slope * (s * exponential) * s;
    inside = x < -10.0f ? 0.0f : inside;
    return x > 10.0f ? 1.0f : inside;
}

ELEMENT_LOOP void forward_loop(void *y, const void *x, enum element element, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        element_store(y, element, i, gelu(element_load(x, element, i)));
}

ELEMENT_LOOP void backward_loop(void *dx, const void *x, const void *dy, enum element element, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        element_store(dx, element, i, gelu_slope(element_load(x, element, i)) * element_load(dy, element, i));
}

CLONED(void, forward_part, (void *y, const void *x, enum element element, int64_t n), (y, x, element, n))
{
    if (element == ELEMENT_BF16)
        forward_loop(y, x, ELEMENT_BF16, n);
    else
        forward_loop(y, x, ELEMENT_FP32, n);
}

CLONED(void, backward_part, (void *dx, const void *x, const void *dy, enum element element, int64_t n),
       (dx, x, dy, element, n))
{
    if (element == ELEMENT_BF16)
        backward_loop(dx, x, dy, ELEMENT_BF16, n);
    else
        backward_loop(dx, x, dy, ELEMENT_FP32, n);
}

/* One thread's share, by the best that the processor has. */
static void forward_share(void *y, const void *x, enum element element, struct share share)
{
    y = element_at(y, element, share.first);
    x = element_at_const(x, element, share.first);
#ifdef __x86_64__
    if (element == ELEMENT_BF16 && cpu_level() >= CPU_AVX512_BF16) {
        gelu_avx512_forward(y, x, share.count);
        return;
    }
#endif
    forward_part(y, x, element, share.count);
}

static void backward_share(void *dx, const void *x, const void *dy, enum element element, struct share share)
{
    dx = element_at(dx, element, share.first);
    x = element_at_const(x, element, share.first);
    dy = element_at_const(dy, element, share.first);
#ifdef __x86_64__
    if (element == ELEMENT_BF16 && cpu_level() >= CPU_AVX512_BF16) {
        gelu_avx512_backward(dx, x, dy, share.count);
        return;
    }
#endif
    backward_part(dx, x, dy, element, share.count);
}

void gelu_forward(void *y, const void *x, enum element element, int64_t n)
{
    ON_THREADS(n, forward_share(y, x, element, threads_share(n)));
}

void gelu_backward(void *dx, const void *x, const void *dy, enum element element, int64_t n)
{
    ON_THREADS(n, backward_share(dx, x, dy, element, threads_share(n)));
}
