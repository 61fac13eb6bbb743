/* The residual stream: sums of equal-sized arrays. The stream itself is fp32 in every precision; what is
 * added to it comes from a branch in the run's element. */
#ifndef LLMPI_KERNELS_RESIDUAL_H
#define LLMPI_KERNELS_RESIDUAL_H

#include "llmpi/kernels/element.h"

#include <stdint.h>

/* y = stream + branch for n elements; y may be either where the formats allow. */
void residual_forward(float *y, const float *stream, const void *branch, enum element element, int64_t n);

/* The gradient of a sum goes to both sides unchanged, and gradients that meet add up: da += dy. */
void residual_backward(float *da, const float *dy, int64_t n);

#endif
