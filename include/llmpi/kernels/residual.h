/* The residual stream: sums of equal-sized arrays. */
#ifndef LLMPI_KERNELS_RESIDUAL_H
#define LLMPI_KERNELS_RESIDUAL_H

#include <stdint.h>

/* y = a + b for n elements; y may be a or b. */
void residual_forward(float *y, const float *a, const float *b, int64_t n);

/* The gradient of a sum goes to both sides unchanged, and gradients that meet add up: da += dy. */
void residual_backward(float *da, const float *dy, int64_t n);

#endif
