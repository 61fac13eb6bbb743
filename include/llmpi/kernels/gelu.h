/* GELU in its tanh form (Hendrycks and Gimpel 2016, arXiv:1606.08415): 0.5 x (1 + tanh(sqrt(2/pi) (x +
 * 0.044715 x^3))), as in GPT-2. Computed in fp32 and rounded once; in bf16 on processors
 * with AVX-512 and bf16 with less care before the rounding (1e-4), and results below about 2^-126 become 0.
 */
#ifndef LLMPI_KERNELS_GELU_H
#define LLMPI_KERNELS_GELU_H

#include "llmpi/kernels/element.h"

#include <stdint.h>

/* y = gelu(x) for n elements. y may be x. */
void gelu_forward(void *y, const void *x, enum element element, int64_t n);

/* dx = gelu'(x) dy. dx may be dy. */
void gelu_backward(void *dx, const void *x, const void *dy, enum element element, int64_t n);

#endif
