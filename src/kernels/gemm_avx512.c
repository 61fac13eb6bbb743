/* Products on 32 registers of 16 floats: a tile of 14 x 32 keeps 28 sums, and each step loads two registers
 * of b and broadcasts 14 numbers of a, so that 16 loads feed 28 multiplications. With pairs of
 * bf16 numbers in the place of floats an instruction does twice as much, and all else is the same. */
#ifdef __x86_64__

#include "gemm_vector.h"
#include "llmpi/base/clones.h"

#include <immintrin.h>

#define AVX512 __attribute__((target(TARGET_AVX512)))
#define INLINE static inline __attribute__((always_inline))

enum {
    LANES = 16,
    ROWS = 14,
    A_PANEL = 16,
    B_AHEAD = 16, /* steps from prefetching b to its use */
    C_AHEAD = 100 /* steps from prefetching c to its use; shorter products find it in the cache */
};

/* The first `columns` of a register's lanes. */
AVX512 INLINE __mmask16 first_lanes(int64_t columns)
{
    return (__mmask16)(columns >= LANES ? 0xffffu : columns > 0 ? (1u << columns) - 1 : 0);
}

/* c = alpha * sum + beta * c in some lanes of a row. */
AVX512 INLINE void finish(float *c, __mmask16 lanes, __m512 sum, __m512 alpha, __m512 beta, bool read)
{
    __m512 value = _mm512_mul_ps(sum, alpha);
    if (read)
        value = _mm512_fmadd_ps(beta, _mm512_maskz_loadu_ps(lanes, c), value);
    _mm512_mask_storeu_ps(c, lanes, value);
}

AVX512 INLINE void finish_rows(int rows, const struct gemm_tile tile, __m512 sums[][2], bool read)
{
    __mmask16 lanes0 = first_lanes(tile.columns), lanes1 = first_lanes(tile.columns - LANES);
    __m512 alpha = _mm512_set1_ps(tile.alpha), beta = _mm512_set1_ps(tile.beta);
    float *c = tile.c;
#pragma GCC unroll 14
    for (int row = 0; row < rows; row++) {
        finish(c, lanes0, sums[row][0], alpha, beta, read);
        finish(c + LANES, lanes1, sums[row][1], alpha, beta, read);
        c += tile.c_stride;
    }
}

/* vdpbf16ps is written by name: a function for AVX-512 cannot inline one for AVX512_BF16. */
AVX512 INLINE __m512 multiply_add(bool pairs, __m512 a, __m512 b, __m512 sum)
{
    if (!pairs)
        return _mm512_fmadd_ps(a, b, sum);
    __asm__("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
    return sum;
}

/* Adds one step to the sums. Rows are reached from every fourth one, which leaves enough registers for
 * addresses. */
AVX512 INLINE void add_step(int rows, bool pairs, __m512 sums[][2], const float *const a[4], int64_t a_row,
                            const float *b)
{
    __m512 b0 = _mm512_loadu_ps(b), b1 = _mm512_loadu_ps(b + LANES);
#pragma GCC unroll 14
    for (int row = 0; row < rows; row++) {
        __m512 value = _mm512_set1_ps(a[row / 4][row % 4 * a_row]);
        sums[row][0] = multiply_add(pairs, value, b0, sums[row][0]);
        sums[row][1] = multiply_add(pairs, value, b1, sums[row][1]);
    }
}

/* `rows` is a constant in each call, so that the sums are registers, `pairs` too, and so is `a_row` in most.
 */
AVX512 INLINE void multiply_rows(int rows, bool pairs, int64_t a_row, const struct gemm_tile tile)
{
    __m512 sums[ROWS][2];
#pragma GCC unroll 14
    for (int row = 0; row < rows; row++)
        sums[row][0] = sums[row][1] = _mm512_setzero_ps();
    const float *a[4] = {tile.a, tile.a + 4 * a_row, tile.a + 8 * a_row, tile.a + 12 * a_row}, *b = tile.b;
    const float *c = tile.c;
    int64_t fetch = tile.depth - C_AHEAD;
    for (int64_t step = 0; step < tile.depth; step++) {
        _mm_prefetch((const char *)(b + B_AHEAD * tile.b_step), _MM_HINT_T0);
        _mm_prefetch((const char *)(b + B_AHEAD * tile.b_step + LANES), _MM_HINT_T0);
        if (step >= fetch && step < fetch + rows) {
            _mm_prefetch((const char *)c, _MM_HINT_T0);
            _mm_prefetch((const char *)(c + LANES), _MM_HINT_T0);
            c += tile.c_stride;
        }
        add_step(rows, pairs, sums, a, a_row, b);
#pragma GCC unroll 4
        for (int quarter = 0; quarter < 4; quarter++)
            a[quarter] += tile.a_step;
        b += tile.b_step;
    }
    if (tile.beta == 0.0f)
        finish_rows(rows, tile, sums, false);
    else
        finish_rows(rows, tile, sums, true);
}

AVX512 INLINE void multiply_any(bool pairs, int64_t a_row, const struct gemm_tile tile)
{
    switch (tile.rows) {
    case 1:
        multiply_rows(1, pairs, a_row, tile);
        break;
    case 2:
        multiply_rows(2, pairs, a_row, tile);
        break;
    case 3:
        multiply_rows(3, pairs, a_row, tile);
        break;
    case 4:
        multiply_rows(4, pairs, a_row, tile);
        break;
    case 5:
        multiply_rows(5, pairs, a_row, tile);
        break;
    case 6:
        multiply_rows(6, pairs, a_row, tile);
        break;
    case 7:
        multiply_rows(7, pairs, a_row, tile);
        break;
    case 8:
        multiply_rows(8, pairs, a_row, tile);
        break;
    case 9:
        multiply_rows(9, pairs, a_row, tile);
        break;
    case 10:
        multiply_rows(10, pairs, a_row, tile);
        break;
    case 11:
        multiply_rows(11, pairs, a_row, tile);
        break;
    case 12:
        multiply_rows(12, pairs, a_row, tile);
        break;
    case 13:
        multiply_rows(13, pairs, a_row, tile);
        break;
    default:
        multiply_rows(ROWS, pairs, a_row, tile);
    }
}

AVX512 static void multiply(const struct gemm_tile *tile)
{
    if (tile->a_row == 1)
        multiply_any(false, 1, *tile);
    else
        multiply_any(false, tile->a_row, *tile);
}

AVX512 static void multiply_pairs(const struct gemm_tile *tile)
{
    multiply_any(true, tile->a_row, *tile);
}

AVX512 static void copy(float *to, int64_t panel, const float *from, int64_t stride, int64_t width,
                        int64_t depth)
{
    __mmask16 lanes0 = first_lanes(width), lanes1 = first_lanes(width - LANES);
    for (int64_t step = 0; step < depth; step++) {
        _mm512_store_ps(to, _mm512_maskz_loadu_ps(lanes0, from));
        if (panel > LANES)
            _mm512_store_ps(to + LANES, _mm512_maskz_loadu_ps(lanes1, from + LANES));
        to += panel;
        from += stride;
    }
}

/* Four steps of every fourth row from `rows` on, a row in each quarter. */
AVX512 INLINE __m512 load_quarters(const float *const *rows, int64_t step)
{
    __m512 quarters = _mm512_castps128_ps512(_mm_loadu_ps(rows[0] + step));
    quarters = _mm512_insertf32x4(quarters, _mm_loadu_ps(rows[4] + step), 1);
    quarters = _mm512_insertf32x4(quarters, _mm_loadu_ps(rows[8] + step), 2);
    return _mm512_insertf32x4(quarters, _mm_loadu_ps(rows[12] + step), 3);
}

/* Four steps of 16 rows: two rounds of interleaving transpose the 4 x 4 numbers of each quarter. */
AVX512 INLINE void transpose_steps(float *to, int64_t panel, const float *const *rows, int64_t step)
{
    __m512 r0 = load_quarters(rows, step), r1 = load_quarters(rows + 1, step);
    __m512 r2 = load_quarters(rows + 2, step), r3 = load_quarters(rows + 3, step);
    __m512d low01 = _mm512_castps_pd(_mm512_unpacklo_ps(r0, r1));
    __m512d low23 = _mm512_castps_pd(_mm512_unpacklo_ps(r2, r3));
    __m512d high01 = _mm512_castps_pd(_mm512_unpackhi_ps(r0, r1));
    __m512d high23 = _mm512_castps_pd(_mm512_unpackhi_ps(r2, r3));
    _mm512_store_ps(to, _mm512_castpd_ps(_mm512_unpacklo_pd(low01, low23)));
    _mm512_store_ps(to + panel, _mm512_castpd_ps(_mm512_unpackhi_pd(low01, low23)));
    _mm512_store_ps(to + 2 * panel, _mm512_castpd_ps(_mm512_unpacklo_pd(high01, high23)));
    _mm512_store_ps(to + 3 * panel, _mm512_castpd_ps(_mm512_unpackhi_pd(high01, high23)));
}

/* Rows beyond the width repeat the last one. */
AVX512 static void transpose(float *to, int64_t panel, const float *from, int64_t stride, int64_t width,
                             int64_t depth)
{
    const float *rows[LANES];
    for (int64_t first = 0; first < panel; first += LANES) {
        for (int64_t i = 0; i < LANES; i++)
            rows[i] = from + (first + i < width ? first + i : width - 1) * stride;
        int64_t step = 0;
        for (; step + 4 <= depth; step += 4)
            transpose_steps(to + step * panel + first, panel, rows, step);
        for (; step < depth; step++)
            for (int64_t i = 0; i < LANES; i++)
                to[step * panel + first + i] = rows[i][step];
    }
}

const struct gemm_kernels gemm_avx512 = {ROWS, 2 * LANES, A_PANEL, multiply, copy, transpose};
const struct gemm_kernels gemm_avx512_pairs = {ROWS, 2 * LANES, A_PANEL, multiply_pairs, copy, transpose};

#endif
