/* bfloat16 to float and back, one number at a time, for loops that vectorise. */
#ifndef LLMPI_KERNELS_BF16_CONVERT_H
#define LLMPI_KERNELS_BF16_CONVERT_H

#include "llmpi/kernels/element.h"
#include "vector_math.h"

static inline float float_of_bf16(bf16 value)
{
    return float_of_bits((uint32_t)value << 16);
}

/* To nearest, ties to even: adding just under half of the last kept bit, or half where that bit is odd. NaN,
 * whose payload the sum could carry into infinity, becomes a quiet one of its sign. */
static inline bf16 bf16_of_float(float value)
{
    uint32_t bits = bits_of_float(value);
    uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
    uint32_t quiet = bits >> 16 | 0x40u;
    return (bf16)((bits & 0x7fffffffu) > 0x7f800000u ? quiet : rounded);
}

#endif
