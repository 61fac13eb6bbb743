/* GELU in its tanh form (Hendrycks and Gimpel 2016, arXiv:1606.08415): 0.5 x (1 + tanh(sqrt(2/pi) (x +
 * 0.044715 x^3))), as in GPT-2. */
#ifndef LLMPI_KERNELS_GELU_H
#define LLMPI_KERNELS_GELU_H

#include <stdint.h>

/* y = gelu(x) for n elements. y may be x. */
void gelu_forward(float *y, const float *x, int64_t n);

/* dx = gelu'(x) dy. dx may be dy. */
void gelu_backward(float *dx, const float *x, const float *dy, int64_t n);

#endif
