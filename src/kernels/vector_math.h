/* Functions of one float without branches or calls, so that loops over them vectorise. exp_float is within 2
 * ulp of exp for normal results and 0 below them; NaN stays NaN and infinities give the limits. */
#ifndef LLMPI_KERNELS_VECTOR_MATH_H
#define LLMPI_KERNELS_VECTOR_MATH_H

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

/* 2^n e^r with |r| <= ln(2) / 2: n by adding and subtracting 1.5 * 2^23, which rounds to an integer; r with
 * ln(2) in two parts; e^r by the polynomial of Cephes' expf (Moshier 1984-1992); 2^n in two factors, since
 * 2^128 is no float. Where e^x is below the normal range the result is 0: denormal numbers cost a hundred
 * cycles each and mean nothing here. The bounds are written so that NaN passes. */
static inline float exp_float(float x)
{
    float bounded = x < -87.336544f ? -87.336544f : x;
    bounded = bounded > 89.0f ? 89.0f : bounded;
    float shifted = bounded * 1.44269504088896341f + 12582912.0f;
    float n = shifted - 12582912.0f;
    float r = bounded - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    int32_t power = (int32_t)(bits_of_float(shifted) & 0x7fffffu) - 0x400000;
    int32_t half = power >> 1;
    float first = float_of_bits((uint32_t)(half + 127) << 23);
    float second = float_of_bits((uint32_t)(power - half + 127) << 23);
    float result = p * first * second;
    return x < -87.336544f ? 0.0f : result;
}

#endif
