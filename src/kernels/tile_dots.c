/* Blocks of tiles by dot products: a row of the right factor's tile is 16 columns of two numbers each, which
 * vdpbf16ps multiplies by two numbers of a row of the left factor in all lanes. Eight rows at a time keep
 * their sums in 16 registers, enough to hide the latency of two such instructions a cycle; their ten loads
 * for 16 products stay below the two loads a cycle that processors do. */
#include "tile_target.h"

#ifdef __x86_64__

#include <string.h>

enum { ROWS = 8, BLOCK_ROWS = 2 * TILE_ROWS };

/* Two numbers of the left factor, in all lanes. */
INLINE_TILED __m512bh in_all_lanes(const char *pair)
{
    int32_t numbers;
    memcpy(&numbers, pair, sizeof numbers);
    return (__m512bh)_mm512_set1_epi32(numbers);
}

/* Row `row` of the block and the ROWS - 1 below it, to c or, where there is one, to the target. Each has its
 * own pointer, so that all pairs of a step are at constant distances; gcc would otherwise keep more addresses
 * than there are registers. */
INLINE_TILED void multiply_rows(int64_t row, float *c, const struct tile_target *target, const float *from,
                                int64_t stride, struct tile_pair left, struct tile_pair right, int64_t steps,
                                struct tile_ahead ahead)
{
    const char *first = left.start + row / TILE_ROWS * left.across + row % TILE_ROWS * left.row;
    const char *rows[ROWS];
    __m512 sums[ROWS][2];
#pragma GCC unroll 8
    for (int64_t r = 0; r < ROWS; r++) {
        rows[r] = first + r * left.row;
        sums[r][0] = from != NULL ? _mm512_load_ps(from + (row + r) * stride) : _mm512_setzero_ps();
        sums[r][1] = from != NULL ? _mm512_load_ps(from + (row + r) * stride + 16) : _mm512_setzero_ps();
    }
    for (int64_t step = 0; step < steps; step++) {
        const char *columns = right.start + step * right.along;
        tile_fetch_step(ahead, step);
#pragma GCC unroll 16
        for (int64_t pair = 0; pair < TILE_ROWS; pair++) {
            __m512bh low = (__m512bh)_mm512_load_si512(columns + pair * TILE_BYTES);
            __m512bh high = (__m512bh)_mm512_load_si512(columns + right.across + pair * TILE_BYTES);
#pragma GCC unroll 8
            for (int64_t r = 0; r < ROWS; r++) {
                __m512bh both = in_all_lanes(rows[r] + pair * 4);
                sums[r][0] = _mm512_dpbf16_ps(sums[r][0], both, low);
                sums[r][1] = _mm512_dpbf16_ps(sums[r][1], both, high);
            }
        }
#pragma GCC unroll 8
        for (int64_t r = 0; r < ROWS; r++)
            rows[r] += left.along;
    }
#pragma GCC unroll 8
    for (int64_t r = 0; r < ROWS; r++) {
        if (target != NULL) {
            tile_target_store(target, row + r, sums[r][0], sums[r][1]);
            continue;
        }
        _mm512_store_ps(c + (row + r) * stride, sums[r][0]);
        _mm512_store_ps(c + (row + r) * stride + 16, sums[r][1]);
    }
}

TILED void tile_dots_multiply(float *c, const float *sums, int64_t c_stride, struct tile_pair left,
                              struct tile_pair right, int64_t steps, struct tile_ahead ahead)
{
    for (int64_t row = 0; row < BLOCK_ROWS; row += ROWS) {
        multiply_rows(row, c, NULL, sums, c_stride, left, right, steps, ahead);
        ahead = (struct tile_ahead){0};
    }
}

TILED void tile_dots_finish(const struct tile_target *target, const float *sums, struct tile_pair left,
                            struct tile_pair right, int64_t steps, struct tile_ahead ahead)
{
    for (int64_t row = 0; row < target->rows; row += ROWS) {
        multiply_rows(row, NULL, target, sums, BLOCK_ROWS, left, right, steps, ahead);
        ahead = (struct tile_ahead){0};
    }
}

#endif
