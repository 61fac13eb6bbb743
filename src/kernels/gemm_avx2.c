/* Products on 16 registers of 8 floats: a tile of 6 x 16 keeps 12 sums, and each step loads two registers of
 * b and broadcasts 6 numbers of a. */
#ifdef __x86_64__

#include "gemm_vector.h"
#include "llmpi/base/clones.h"
#include "llmpi/base/integer.h"

#include <immintrin.h>

#define AVX2   __attribute__((target(TARGET_AVX2)))
#define INLINE static inline __attribute__((always_inline))

enum { LANES = 8, ROWS = 6, A_PANEL = 8 };

/* All ones in the first `columns` lanes. */
AVX2 INLINE __m256i first_lanes(int64_t columns)
{
    int count = columns >= LANES ? LANES : columns > 0 ? (int)columns : 0;
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

/* c = alpha * sum + beta * c in the first lanes of a row. Masked instructions are slow on some processors. */
AVX2 INLINE void finish(float *c, int64_t columns, __m256 sum, __m256 alpha, __m256 beta, bool read)
{
    __m256 value = _mm256_mul_ps(sum, alpha);
    if (columns >= LANES) {
        if (read)
            value = _mm256_fmadd_ps(beta, _mm256_loadu_ps(c), value);
        _mm256_storeu_ps(c, value);
    } else if (columns > 0) {
        __m256i lanes = first_lanes(columns);
        if (read)
            value = _mm256_fmadd_ps(beta, _mm256_maskload_ps(c, lanes), value);
        _mm256_maskstore_ps(c, lanes, value);
    }
}

AVX2 INLINE void finish_rows(int rows, const struct gemm_tile tile, __m256 sums[][2], bool read)
{
    __m256 alpha = _mm256_set1_ps(tile.alpha), beta = _mm256_set1_ps(tile.beta);
    float *c = tile.c;
#pragma GCC unroll 6
    for (int row = 0; row < rows; row++) {
        finish(c, tile.columns, sums[row][0], alpha, beta, read);
        finish(c + LANES, tile.columns - LANES, sums[row][1], alpha, beta, read);
        c += tile.c_stride;
    }
}

/* `rows` is a constant in each call, so that the sums are registers. */
AVX2 INLINE void multiply_rows(int rows, const struct gemm_tile tile)
{
    __m256 sums[ROWS][2];
#pragma GCC unroll 6
    for (int row = 0; row < rows; row++)
        sums[row][0] = sums[row][1] = _mm256_setzero_ps();
    const float *a = tile.a, *b = tile.b;
    for (int64_t step = 0; step < tile.depth; step++) {
        __m256 b0 = _mm256_loadu_ps(b), b1 = _mm256_loadu_ps(b + LANES);
#pragma GCC unroll 6
        for (int row = 0; row < rows; row++) {
            __m256 value = _mm256_broadcast_ss(a + row * tile.a_row);
            sums[row][0] = _mm256_fmadd_ps(value, b0, sums[row][0]);
            sums[row][1] = _mm256_fmadd_ps(value, b1, sums[row][1]);
        }
        a += tile.a_step;
        b += tile.b_step;
    }
    if (tile.beta == 0.0f)
        finish_rows(rows, tile, sums, false);
    else
        finish_rows(rows, tile, sums, true);
}

AVX2 static void multiply(const struct gemm_tile *tile)
{
    switch (tile->rows) {
    case 1:
        multiply_rows(1, *tile);
        break;
    case 2:
        multiply_rows(2, *tile);
        break;
    case 3:
        multiply_rows(3, *tile);
        break;
    case 4:
        multiply_rows(4, *tile);
        break;
    case 5:
        multiply_rows(5, *tile);
        break;
    default:
        multiply_rows(ROWS, *tile);
    }
}

AVX2 static void copy(float *to, int64_t panel, const float *from, int64_t stride, int64_t width,
                      int64_t depth)
{
    for (int64_t step = 0; step < depth; step++) {
        for (int64_t i = 0; i < width; i += LANES) {
            if (width - i >= LANES)
                _mm256_store_ps(to + i, _mm256_loadu_ps(from + i));
            else
                _mm256_store_ps(to + i, _mm256_maskload_ps(from + i, first_lanes(width - i)));
        }
        for (int64_t i = round_up(width, LANES); i < panel; i++)
            to[i] = 0.0f;
        to += panel;
        from += stride;
    }
}

/* Four steps of two rows, a row in each half. */
AVX2 INLINE __m256 load_halves(const float *low, const float *high)
{
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low)), _mm_loadu_ps(high), 1);
}

/* Four steps of 8 rows: two rounds of interleaving transpose the 4 x 4 numbers of each half. */
AVX2 INLINE void transpose_steps(float *to, int64_t panel, const float *const *rows, int64_t step)
{
    __m256 r0 = load_halves(rows[0] + step, rows[4] + step), r1 = load_halves(rows[1] + step, rows[5] + step);
    __m256 r2 = load_halves(rows[2] + step, rows[6] + step), r3 = load_halves(rows[3] + step, rows[7] + step);
    __m256d low01 = _mm256_castps_pd(_mm256_unpacklo_ps(r0, r1));
    __m256d low23 = _mm256_castps_pd(_mm256_unpacklo_ps(r2, r3));
    __m256d high01 = _mm256_castps_pd(_mm256_unpackhi_ps(r0, r1));
    __m256d high23 = _mm256_castps_pd(_mm256_unpackhi_ps(r2, r3));
    _mm256_store_ps(to, _mm256_castpd_ps(_mm256_unpacklo_pd(low01, low23)));
    _mm256_store_ps(to + panel, _mm256_castpd_ps(_mm256_unpackhi_pd(low01, low23)));
    _mm256_store_ps(to + 2 * panel, _mm256_castpd_ps(_mm256_unpacklo_pd(high01, high23)));
    _mm256_store_ps(to + 3 * panel, _mm256_castpd_ps(_mm256_unpackhi_pd(high01, high23)));
}

/* Rows beyond the width repeat the last one. */
AVX2 static void transpose(float *to, int64_t panel, const float *from, int64_t stride, int64_t width,
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

const struct gemm_kernels gemm_avx2 = {ROWS, 2 * LANES, A_PANEL, multiply, copy, transpose};

#endif
