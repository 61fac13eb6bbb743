/* The number format of activations. Buffers of activations are addressed by element type, never by
 * sizeof(float). */
#ifndef LLMPI_KERNELS_ELEMENT_H
#define LLMPI_KERNELS_ELEMENT_H

#include <stddef.h>
#include <stdint.h>

/* bfloat16: the upper half of a float, rounded to nearest, ties to even. */
typedef uint16_t bf16;

enum element { ELEMENT_FP32, ELEMENT_BF16 };

/* Bytes of one element. */
static inline size_t element_size(enum element element)
{
    return element == ELEMENT_BF16 ? sizeof(bf16) : sizeof(float);
}

/* n numbers from one format into the other; NaN stays NaN. On the calling thread alone. */
void element_from_float(bf16 *out, const float *in, int64_t n);
void element_to_float(float *out, const bf16 *in, int64_t n);

#endif
