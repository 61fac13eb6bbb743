/* Memory-bound sums; threads take contiguous shares. */
#include "llmpi/kernels/residual.h"

#include "element_access.h"
#include "llmpi/base/clones.h"
#include "llmpi/kernels/threads.h"

ELEMENT_LOOP void add_loop(float *y, const float *stream, const void *branch, enum element element, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        y[i] = stream[i] + element_load(branch, element, i);
}

CLONED(void, add_part, (float *y, const float *stream, const void *branch, enum element element, int64_t n),
       (y, stream, branch, element, n))
{
    if (element == ELEMENT_BF16)
        add_loop(y, stream, branch, ELEMENT_BF16, n);
    else
        add_loop(y, stream, branch, ELEMENT_FP32, n);
}

static void add_share(float *y, const float *stream, const void *branch, enum element element,
                      struct share share)
{
    add_part(y + share.first, stream + share.first, element_at_const(branch, element, share.first), element,
             share.count);
}

void residual_forward(float *y, const float *stream, const void *branch, enum element element, int64_t n)
{
    ON_THREADS(n, add_share(y, stream, branch, element, threads_share(n)));
}

void residual_backward(float *da, const float *dy, int64_t n)
{
    residual_forward(da, da, dy, ELEMENT_FP32, n);
}
