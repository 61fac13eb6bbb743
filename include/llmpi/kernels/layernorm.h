/* Layer normalisation (Ba, Kiros, Hinton 2016, arXiv:1607.06450), epsilon 1e-5 as in GPT-2. */
#ifndef LLMPI_KERNELS_LAYERNORM_H
#define LLMPI_KERNELS_LAYERNORM_H

#include <stdint.h>

/* y (rows, width) = (x - mean) * rstd * gain + bias; saves mean and rstd (rows). bias may be NULL. */
void layernorm_forward(float *y, float *mean, float *rstd, const float *x, const float *gain,
                       const float *bias, int64_t rows, int64_t width);

/* Overwrites dx (rows, width), which may be the same memory as dy; accumulates dgain and dbias (width; NULL:
 * none). */
void layernorm_backward(float *dx, float *dgain, float *dbias, const float *dy, const float *x,
                        const float *mean, const float *rstd, const float *gain, int64_t rows, int64_t width);

#endif
