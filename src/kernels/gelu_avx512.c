/* x / (1 + 2^v) with v = -2 u / ln(2): the polynomial gives 2 to the fraction of v, vscalefps adds the whole
 * part to the exponent, where infinite and too large v take care of themselves, and vrcp14ps (within 2^-14)
 * stands for the division. Of 32 numbers in a register those at even and at odd places are widened in one
 * instruction each. Loads and stores are masked for the last numbers only: Zen 5 does not fetch ahead of
 * masked ones, which made the loops half as fast on numbers that are not in the cache. */
#ifdef __x86_64__

#include "gelu_avx512.h"

#include "llmpi/base/clones.h"

#include <immintrin.h>

#define AVX512 __attribute__((target(TARGET_AVX512 ",avx512bf16")))
#define INLINE static inline __attribute__((always_inline))

#define SLOPE_OF_V -2.3022081f /* -2 sqrt(2 / pi) / ln(2) */
#define SLOPE_OF_U 1.5957691f  /* of 2 u, at 0 */
#define CUBIC      0.044715f

enum { NUMBERS = 32 }; /* bf16 in a register */

AVX512 INLINE __m512 constant(float value)
{
    return _mm512_set1_ps(value);
}

/* The numbers at even places, and those at odd ones: a bf16 is the upper half of a float. */
AVX512 INLINE __m512 even(__m512i numbers)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(numbers, 16));
}

AVX512 INLINE __m512 odd(__m512i numbers)
{
    return _mm512_castsi512_ps(_mm512_and_si512(numbers, _mm512_set1_epi32((int)0xffff0000u)));
}

/* Rounded, and back in their places. */
AVX512 INLINE __m512i join(__m512 evens, __m512 odds)
{
    const __m512i places = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23,
                                            7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return _mm512_permutexvar_epi16(places, (__m512i)_mm512_cvtne2ps_pbh(odds, evens));
}

/* 2^v within 4e-6 of itself: a polynomial of least relative error on [0, 1]. */
AVX512 INLINE __m512 power_of_two(__m512 v)
{
    __m512 r = _mm512_reduce_ps(v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
    __m512 p = _mm512_fmadd_ps(r, constant(0.0135341679f), constant(0.0520114606f));
    p = _mm512_fmadd_ps(r, p, constant(0.241442757f));
    p = _mm512_fmadd_ps(r, p, constant(0.693003834f));
    p = _mm512_fmadd_ps(r, p, constant(1.00000259f));
    return _mm512_scalef_ps(p, v);
}

/* The bound keeps 2^v from becoming denormal, which costs a hundred cycles; its order lets NaN pass. */
AVX512 INLINE __m512 gelu(__m512 x)
{
    __m512 square = _mm512_mul_ps(x, x);
    __m512 v = _mm512_mul_ps(x, _mm512_fmadd_ps(square, constant(SLOPE_OF_V * CUBIC), constant(SLOPE_OF_V)));
    __m512 power = power_of_two(_mm512_max_ps(constant(-126.0f), v));
    return _mm512_mul_ps(x, _mm512_rcp14_ps(_mm512_add_ps(power, constant(1.0f))));
}

/* s + x s (1 - s) u' with 1 - s = s 2^v. Beyond +-10 the slope of +-10 stands, which is within 3e-36 of the
 * limit; nothing overflows, so that one step of Newton's can refine s, of which terms cancel. */
AVX512 INLINE __m512 gelu_slope(__m512 x)
{
    __m512 near = _mm512_min_ps(constant(10.0f), _mm512_max_ps(constant(-10.0f), x));
    __m512 square = _mm512_mul_ps(near, near);
    __m512 v =
        _mm512_mul_ps(near, _mm512_fmadd_ps(square, constant(SLOPE_OF_V * CUBIC), constant(SLOPE_OF_V)));
    __m512 rise = _mm512_mul_ps(
        near, _mm512_fmadd_ps(square, constant(3.0f * SLOPE_OF_U * CUBIC), constant(SLOPE_OF_U)));
    __m512 power = power_of_two(v), sum = _mm512_add_ps(power, constant(1.0f));
    __m512 s = _mm512_rcp14_ps(sum);
    s = _mm512_mul_ps(s, _mm512_fnmadd_ps(sum, s, constant(2.0f)));
    return _mm512_fmadd_ps(_mm512_mul_ps(rise, s), _mm512_mul_ps(s, power), s);
}

AVX512 INLINE __m512i gelu_of(__m512i x)
{
    return join(gelu(even(x)), gelu(odd(x)));
}

AVX512 INLINE __m512i gradient_of(__m512i x, __m512i dy)
{
    return join(_mm512_mul_ps(gelu_slope(even(x)), even(dy)), _mm512_mul_ps(gelu_slope(odd(x)), odd(dy)));
}

AVX512 void gelu_avx512_forward(bf16 *y, const bf16 *x, int64_t n)
{
    int64_t whole = n - n % NUMBERS;
    __mmask32 rest = (1u << n % NUMBERS) - 1u;
    for (int64_t i = 0; i < whole; i += NUMBERS)
        _mm512_storeu_si512(y + i, gelu_of(_mm512_loadu_si512(x + i)));
    _mm512_mask_storeu_epi16(y + whole, rest, gelu_of(_mm512_maskz_loadu_epi16(rest, x + whole)));
}

AVX512 void gelu_avx512_backward(bf16 *dx, const bf16 *x, const bf16 *dy, int64_t n)
{
    int64_t whole = n - n % NUMBERS;
    __mmask32 rest = (1u << n % NUMBERS) - 1u;
    for (int64_t i = 0; i < whole; i += NUMBERS)
        _mm512_storeu_si512(dx + i, gradient_of(_mm512_loadu_si512(x + i), _mm512_loadu_si512(dy + i)));
    _mm512_mask_storeu_epi16(
        dx + whole, rest,
        gradient_of(_mm512_maskz_loadu_epi16(rest, x + whole), _mm512_maskz_loadu_epi16(rest, dy + whole)));
}

#endif
