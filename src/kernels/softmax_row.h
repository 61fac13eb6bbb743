/* The parts of a softmax over one row, for attention and cross-entropy. */
#ifndef LLMPI_KERNELS_SOFTMAX_ROW_H
#define LLMPI_KERNELS_SOFTMAX_ROW_H

#include <stdint.h>

/* The largest of n values that is not NaN; minus infinity where there is none. */
float softmax_row_largest(const float *values, int64_t n);

/* The sum of exp(value - largest), in single precision: for a few thousand values at most. NaN gives NaN. */
float softmax_row_sum(const float *values, float largest, int64_t n);

/* Like softmax_row_sum, and leaves the exponentials in place of the values. */
float softmax_row_exponentiate(float *values, float largest, int64_t n);

/* Multiplies all values. */
void softmax_row_scale(float *values, float factor, int64_t n);

#endif
