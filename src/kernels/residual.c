/* Memory-bound sums; threads take contiguous shares. */
#include "llmpi/kernels/residual.h"

void residual_forward(float *y, const float *a, const float *b, int64_t n)
{
#pragma omp parallel for simd schedule(static)
    for (int64_t i = 0; i < n; i++)
        y[i] = a[i] + b[i];
}

void residual_backward(float *da, const float *dy, int64_t n)
{
#pragma omp parallel for simd schedule(static)
    for (int64_t i = 0; i < n; i++)
        da[i] += dy[i];
}
