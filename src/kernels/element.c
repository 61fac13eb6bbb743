/* Conversions between number formats. */
#include "llmpi/kernels/element.h"

#include "element_access.h"
#include "llmpi/base/clones.h"

CLONED(void, round_all, (bf16 * out, const float *in, int64_t n), (out, in, n))
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        out[i] = bf16_of_float(in[i]);
}

CLONED(void, widen_all, (float *out, const bf16 *in, int64_t n), (out, in, n))
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        out[i] = float_of_bf16(in[i]);
}

void element_from_float(bf16 *out, const float *in, int64_t n)
{
    round_all(out, in, n);
}

void element_to_float(float *out, const bf16 *in, int64_t n)
{
    widen_all(out, in, n);
}
