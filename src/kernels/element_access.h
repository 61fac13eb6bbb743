/* Numbers of either format inside loops that vectorise: loops are written once over element_load and
 * element_store, in an ELEMENT_LOOP function that is inlined once per format. */
#ifndef LLMPI_KERNELS_ELEMENT_ACCESS_H
#define LLMPI_KERNELS_ELEMENT_ACCESS_H

#include "llmpi/kernels/element.h"
#include "vector_math.h"

/* Marks a function whose argument `element` is a constant at each call. */
#define ELEMENT_LOOP static inline __attribute__((always_inline))

ELEMENT_LOOP float float_of_bf16(bf16 value)
{
    return float_of_bits((uint32_t)value << 16);
}

/* To nearest, ties to even: adding just under half of the last kept bit, or half where that bit is odd. NaN,
 * whose payload the sum could carry into infinity, becomes a quiet one of its sign. */
ELEMENT_LOOP bf16 bf16_of_float(float value)
{
    uint32_t bits = bits_of_float(value);
    uint32_t rounded = bits + 0x7fffu + (bits >> 16 & 1u);
    uint32_t quiet = bits | 0x400000u;
    return (bf16)((value != value ? quiet : rounded) >> 16);
}

ELEMENT_LOOP float element_load(const void *values, enum element element, int64_t i)
{
    return element == ELEMENT_BF16 ? float_of_bf16(((const bf16 *)values)[i]) : ((const float *)values)[i];
}

ELEMENT_LOOP void element_store(void *values, enum element element, int64_t i, float value)
{
    if (element == ELEMENT_BF16)
        ((bf16 *)values)[i] = bf16_of_float(value);
    else
        ((float *)values)[i] = value;
}

/* Where element i lies. */
static inline void *element_at(void *values, enum element element, int64_t i)
{
    return (char *)values + i * (int64_t)element_size(element);
}

static inline const void *element_at_const(const void *values, enum element element, int64_t i)
{
    return (const char *)values + i * (int64_t)element_size(element);
}

#endif
