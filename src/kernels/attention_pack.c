/* Rows of bf16 numbers into tiles and sums of tiles back into rows, always 16 x 16 words of 32 bits at a
 * time: a word is a pair of numbers along a row, a pair of numbers below each other, or a float. Masked loads
 * and stores do not touch what lies outside. */
#include "attention_tiles.h"

#ifdef __x86_64__

/* Transposes 16 x 16 words: pairs of rows, then pairs of those, then quarters of registers. */
INLINE_TILED void transpose(__m512i w[16])
{
    __m512i t[16];
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(w[i], w[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(w[i], w[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {
        w[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        w[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        w[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        w[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    for (int i = 0; i < 4; i++) {
        t[i] = _mm512_shuffle_i32x4(w[i], w[i + 4], 0x88);
        t[i + 4] = _mm512_shuffle_i32x4(w[i], w[i + 4], 0xdd);
        t[i + 8] = _mm512_shuffle_i32x4(w[i + 8], w[i + 12], 0x88);
        t[i + 12] = _mm512_shuffle_i32x4(w[i + 8], w[i + 12], 0xdd);
    }
    for (int i = 0; i < 8; i++) {
        w[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
        w[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
    }
}

/* How many of `most` numbers from `at` on exist, as a mask. */
INLINE_TILED __mmask32 existing(int64_t count, int64_t at, int64_t most)
{
    int64_t n = smaller(count - at, most);
    return n <= 0 ? 0 : (__mmask32)(UINT32_MAX >> (32 - n));
}

/* 32 numbers of a row; zeros past the ends. */
INLINE_TILED __m512i load(const struct rows *rows, int64_t row, int64_t column)
{
    __mmask32 mask = row < rows->count ? existing(rows->width, column, 32) : 0;
    return _mm512_maskz_loadu_epi16(mask,
                                    mask == 0 ? rows->first : rows->first + row * rows->stride + column);
}

INLINE_TILED void store_tile(bf16 *tile, const __m512i w[16])
{
    for (int i = 0; i < 16; i++)
        _mm512_store_si512(tile + 32 * i, w[i]);
}

TILED void pack_left(bf16 *tiles, const struct rows *rows)
{
    for (int64_t row = 0; row < padded(rows->count); row += 16)
        for (int64_t column = 0; column < rows->width; column += 32, tiles += TILE)
            for (int64_t i = 0; i < 16; i++)
                _mm512_store_si512(tiles + 32 * i, load(rows, row + i, column));
}

TILED void pack_right_transposed(bf16 *tiles, const struct rows *rows)
{
    __m512i words[16];
    for (int64_t row = 0; row < padded(rows->count); row += 16) {
        for (int64_t column = 0; column < rows->width; column += 32, tiles += TILE) {
            for (int64_t i = 0; i < 16; i++)
                words[i] = load(rows, row + i, column);
            transpose(words);
            store_tile(tiles, words);
        }
    }
}

/* Two tiles of a right factor from 32 rows and 32 columns. */
INLINE_TILED void interleave(__m512i left[16], __m512i right[16], const struct rows *rows, int64_t row,
                             int64_t column)
{
    const __m512i first = _mm512_set_epi32(23, 22, 21, 20, 7, 6, 5, 4, 19, 18, 17, 16, 3, 2, 1, 0);
    const __m512i second = _mm512_add_epi32(first, _mm512_set1_epi32(8));
    for (int64_t i = 0; i < 16; i++) {
        __m512i upper = load(rows, row + 2 * i, column), lower = load(rows, row + 2 * i + 1, column);
        __m512i low = _mm512_unpacklo_epi16(upper, lower), high = _mm512_unpackhi_epi16(upper, lower);
        left[i] = _mm512_permutex2var_epi32(low, first, high);
        right[i] = _mm512_permutex2var_epi32(low, second, high);
    }
}

TILED void pack_right(bf16 *tiles, const struct rows *rows)
{
    __m512i left[16], right[16];
    for (int64_t row = 0; row < rows->count; row += 32) {
        for (int64_t column = 0; column < rows->width; column += 32, tiles += 2 * TILE) {
            interleave(left, right, rows, row, column);
            store_tile(tiles, left);
            store_tile(tiles + TILE, right);
        }
    }
}

TILED void pack_left_transposed(bf16 *tiles, const struct rows *rows)
{
    __m512i left[16], right[16];
    for (int64_t row = 0; row < rows->count; row += 32) {
        for (int64_t column = 0; column < rows->width; column += 32, tiles += 2 * TILE) {
            interleave(left, right, rows, row, column);
            transpose(left);
            transpose(right);
            store_tile(tiles, left);
            store_tile(tiles + TILE, right);
        }
    }
}

TILED void unpack(bf16 *out, int64_t stride, const float *sum, int64_t rows, int64_t width, float scale)
{
    __m512 factor = _mm512_set1_ps(scale);
    for (int64_t row = 0; row < rows; row++) {
        for (int64_t column = 0; column < width; column += 32) {
            const float *from = sum + row * padded(width) + column;
            __m512 low = _mm512_mul_ps(_mm512_load_ps(from), factor);
            __m512 high = _mm512_mul_ps(_mm512_load_ps(from + 16), factor);
            _mm512_mask_storeu_epi16(out + row * stride + column, existing(width, column, 32),
                                     rounded(low, high));
        }
    }
}

TILED void unpack_transposed(bf16 *out, int64_t stride, const float *sum, int64_t sum_stride, int64_t rows,
                             int64_t width, const float *scale)
{
    __m512i words[16];
    for (int64_t half = 0; half < 32; half += 16) {
        __m512 factors = _mm512_loadu_ps(scale + half);
        for (int64_t column = 0; column < width; column += 16) {
            for (int64_t i = 0; i < 16; i++) {
                const float *from = sum + (column + i) * sum_stride + half;
                words[i] = _mm512_castps_si512(_mm512_mul_ps(_mm512_load_ps(from), factors));
            }
            transpose(words);
            for (int64_t i = 0; i < 16; i++) {
                int64_t query = query_of_column(half + i);
                if (query < rows)
                    _mm256_mask_storeu_epi16(out + query * stride + column,
                                             (__mmask16)existing(width, column, 16),
                                             (__m256i)_mm512_cvtneps_pbh(_mm512_castsi512_ps(words[i])));
            }
        }
    }
}

#endif
