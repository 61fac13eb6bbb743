/* What tiles are filled with: 16 registers, whose lanes are pairs of bf16 numbers, or floats. */
#ifndef LLMPI_KERNELS_TILE_FILL_H
#define LLMPI_KERNELS_TILE_FILL_H

#ifdef __x86_64__

#include "tiles.h"

typedef __m512i tile_rows[TILE_ROWS];

/* A row of a right factor's tile from two rows of 32 numbers, of which it takes the first or the second 16:
 * pairs of what stands below each other. */
INLINE_TILED __m512i tile_interleave(__m512i upper, __m512i lower, int64_t half)
{
    const __m512i order =
        _mm512_add_epi16(_mm512_set_epi16(47, 15, 46, 14, 45, 13, 44, 12, 43, 11, 42, 10, 41, 9, 40, 8, 39, 7,
                                          38, 6, 37, 5, 36, 4, 35, 3, 34, 2, 33, 1, 32, 0),
                         _mm512_set1_epi16((int16_t)(16 * half)));
    return _mm512_permutex2var_epi16(upper, order, lower);
}

/* Transposes 16 x 16 pairs: within groups of four rows by unpacking, then 128-bit lanes among the groups. */
INLINE_TILED void tile_transpose(tile_rows tile)
{
    tile_rows half, group;
#pragma GCC unroll 8
    for (int i = 0; i < TILE_ROWS; i += 2) {
        half[i] = _mm512_unpacklo_epi32(tile[i], tile[i + 1]);
        half[i + 1] = _mm512_unpackhi_epi32(tile[i], tile[i + 1]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < TILE_ROWS; i += 4) {
        group[i] = _mm512_unpacklo_epi64(half[i], half[i + 2]);
        group[i + 1] = _mm512_unpackhi_epi64(half[i], half[i + 2]);
        group[i + 2] = _mm512_unpacklo_epi64(half[i + 1], half[i + 3]);
        group[i + 3] = _mm512_unpackhi_epi64(half[i + 1], half[i + 3]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        __m512i even_low = _mm512_shuffle_i32x4(group[i], group[4 + i], 0x88);
        __m512i odd_low = _mm512_shuffle_i32x4(group[i], group[4 + i], 0xdd);
        __m512i even_high = _mm512_shuffle_i32x4(group[8 + i], group[12 + i], 0x88);
        __m512i odd_high = _mm512_shuffle_i32x4(group[8 + i], group[12 + i], 0xdd);
        tile[i] = _mm512_shuffle_i32x4(even_low, even_high, 0x88);
        tile[4 + i] = _mm512_shuffle_i32x4(odd_low, odd_high, 0x88);
        tile[8 + i] = _mm512_shuffle_i32x4(even_low, even_high, 0xdd);
        tile[12 + i] = _mm512_shuffle_i32x4(odd_low, odd_high, 0xdd);
    }
}

INLINE_TILED void tile_store(bf16 *tile, const tile_rows rows)
{
#pragma GCC unroll 16
    for (int i = 0; i < TILE_ROWS; i++)
        _mm512_store_si512(tile + i * TILE_DEPTH, rows[i]);
}

#endif
#endif
