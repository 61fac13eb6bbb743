/* Memory-bound loops; threads take contiguous shares. */
#include "llmpi/kernels/accumulate.h"

#include "element_access.h"
#include "llmpi/base/clones.h"
#include "llmpi/kernels/threads.h"

ELEMENT_LOOP void add_loop(void *y, const void *x, enum element element, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        element_store(y, element, i, element_load(y, element, i) + element_load(x, element, i));
}

CLONED(void, add_part, (void *y, const void *x, enum element element, int64_t n), (y, x, element, n))
{
    if (element == ELEMENT_BF16)
        add_loop(y, x, ELEMENT_BF16, n);
    else
        add_loop(y, x, ELEMENT_FP32, n);
}

ELEMENT_LOOP void multiply_loop(void *y, float factor, enum element element, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        element_store(y, element, i, element_load(y, element, i) * factor);
}

CLONED(void, multiply_part, (void *y, float factor, enum element element, int64_t n), (y, factor, element, n))
{
    if (element == ELEMENT_BF16)
        multiply_loop(y, factor, ELEMENT_BF16, n);
    else
        multiply_loop(y, factor, ELEMENT_FP32, n);
}

static void add_share(void *y, const void *x, enum element element, struct share share)
{
    add_part(element_at(y, element, share.first), element_at_const(x, element, share.first), element,
             share.count);
}

static void multiply_share(void *y, float factor, enum element element, struct share share)
{
    multiply_part(element_at(y, element, share.first), factor, element, share.count);
}

void accumulate(void *y, const void *x, enum element element, int64_t n)
{
    ON_THREADS(n, add_share(y, x, element, threads_share(n)));
}

void multiply_by(void *y, float factor, enum element element, int64_t n)
{
    ON_THREADS(n, multiply_share(y, factor, element, threads_share(n)));
}
