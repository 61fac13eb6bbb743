/* Layer normalisation (Ba, Kiros, Hinton 2016, arXiv:1607.06450), epsilon 1e-5 as in GPT-2. */
#ifndef LLMPI_KERNELS_LAYERNORM_H
#define LLMPI_KERNELS_LAYERNORM_H

#include "llmpi/kernels/element.h"

#include <stdint.h>

/* y (rows, width; of `element`) = (x - mean) * rstd * gain + bias; saves mean and rstd (rows). bias may be
 * NULL. */
void layernorm_forward(void *y, enum element element, float *mean, float *rstd, const float *x,
                       const float *gain, const float *bias, int64_t rows, int64_t width);

/* The same y once more, from mean and rstd as layernorm_forward saved them. */
void layernorm_again(void *y, enum element element, const float *mean, const float *rstd, const float *x,
                     const float *gain, const float *bias, int64_t rows, int64_t width);

/* Adds to dx (rows, width), the gradient of the residual stream that x is read from, and to dgain and dbias
 * (width; dbias NULL: none, dgain NULL:
 * neither). dy (rows, width) is of `element`. */
void layernorm_backward(float *dx, float *dgain, float *dbias, const void *dy, enum element element,
                        const float *x, const float *mean, const float *rstd, const float *gain, int64_t rows,
                        int64_t width);

#endif
