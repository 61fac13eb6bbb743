/* GELU of bf16 numbers with AVX-512 and its bf16 conversion, for CPU_AVX512_BF16 and above; built for x86-64
 * only. The arithmetic is shorter than that of fp32, since eight bits of each result are kept. */
#ifndef LLMPI_SRC_KERNELS_GELU_AVX512_H
#define LLMPI_SRC_KERNELS_GELU_AVX512_H

#include "llmpi/kernels/element.h"

#include <stdint.h>

/* Before its one rounding a result is within 1e-4 of itself (forward) or within 2e-5 (1 + |slope|) |dy|
 * (backward), a twentieth of the rounding. Results below about 2^-126 become 0. NaN gives NaN and infinities
 * give what the formula gives. Processors may differ in the last bit of the reciprocal, and so here and there
 * in that of a result. */
void gelu_avx512_forward(bf16 *y, const bf16 *x, int64_t n);
void gelu_avx512_backward(bf16 *dx, const bf16 *x, const bf16 *dy, int64_t n);

#endif
