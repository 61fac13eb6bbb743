/* Functions of one float without branches or calls, so that loops over them vectorise. exp_float is within 2
 * ulp of exp for normal results and 0 below them; NaN stays NaN and infinities give the limits. */
#ifndef LLMPI_KERNELS_VECTOR_MATH_H
#define LLMPI_KERNELS_VECTOR_MATH_H

#include <math.h>
#include <stdint.h>

/* The float with these bits, and back. */
static inline float float_of_bits(uint32_t bits)
{
    union {
        uint32_t bits;
        float value;
    } both = {.bits = bits};
    return both.value;
}

static inline uint32_t bits_of_float(float value)
{
    union {
        float value;
        uint32_t bits;
    } both = {.value = value};
    return both.bits;
}

/* 2^n e^r with |r| <= ln(2) / 2: n by adding and subtracting 1.5 * 2^23, which rounds to an integer and
 * leaves it in the lowest bits; r with ln(2) in two parts; e^r by the polynomial of Cephes' expf (Moshier
 * 1984-1992). Adding n to the exponent of e^r cannot leave the range between the two bounds, and what it
 * gives beyond them is not used: 0 below, since denormal numbers cost a hundred cycles each and mean nothing
 * here, infinity above. The comparisons are written so that NaN passes. */
static inline float exp_float(float x)
{
    float beyond = x + INFINITY;
    float shifted = x * 1.44269504088896341f + 12582912.0f;
    float n = shifted - 12582912.0f;
    float r = x - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    float scaled = float_of_bits(bits_of_float(p) + (bits_of_float(shifted) << 23));
    float result = x < -87.336540f ? 0.0f : scaled;
    return x <= 88.72283f ? result : beyond;
}

#endif
