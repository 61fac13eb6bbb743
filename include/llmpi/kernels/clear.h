/* Zeroing, copying and rounding large arrays. */
#ifndef LLMPI_KERNELS_CLEAR_H
#define LLMPI_KERNELS_CLEAR_H

#include "llmpi/kernels/element.h"

#include <stdint.h>

/* Sets `count` values to zero, each thread a contiguous share: memory that is written for the first time
 * comes to lie near the threads whose static loops use it. */
void clear_floats(float *values, int64_t count);

/* Copies `count` values between arrays that do not overlap, each thread a contiguous share. */
void copy_floats(float *out, const float *in, int64_t count);

/* Copies them rounded to bf16. */
void round_floats(bf16 *out, const float *in, int64_t count);

#endif
