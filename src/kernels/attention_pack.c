/* Rows of bf16 numbers into tiles and sums of tiles back into rows, always 16 x 16 words of 32 bits at a
 * time: a word is a pair of numbers along a row, a pair of numbers below each other, or a float. Masked loads
 * and stores do not touch what lies outside. */
#include "attention_tiles.h"

#ifdef __x86_64__

#include "tile_fill.h"

/* 32 numbers of a row; zeros past the ends. */
INLINE_TILED __m512i load(const struct rows *rows, int64_t row, int64_t column)
{
    __mmask32 mask = row < rows->count ? tile_mask(rows->width - column) : 0;
    return tile_load(mask == 0 ? rows->first : rows->first + row * rows->stride + column, mask);
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
            tile_transpose(words);
            tile_store(tiles, words);
        }
    }
}

/* Two tiles of a right factor from 32 rows and 32 columns. */
INLINE_TILED void interleave(__m512i left[16], __m512i right[16], const struct rows *rows, int64_t row,
                             int64_t column)
{
    for (int64_t i = 0; i < 16; i++) {
        __m512i upper = load(rows, row + 2 * i, column), lower = load(rows, row + 2 * i + 1, column);
        left[i] = tile_interleave(upper, lower, 0);
        right[i] = tile_interleave(upper, lower, 1);
    }
}

TILED void pack_right(bf16 *tiles, const struct rows *rows)
{
    __m512i left[16], right[16];
    for (int64_t row = 0; row < rows->count; row += 32) {
        for (int64_t column = 0; column < rows->width; column += 32, tiles += 2 * TILE) {
            interleave(left, right, rows, row, column);
            tile_store(tiles, left);
            tile_store(tiles + TILE, right);
        }
    }
}

TILED void pack_left_transposed(bf16 *tiles, const struct rows *rows)
{
    __m512i left[16], right[16];
    for (int64_t row = 0; row < rows->count; row += 32) {
        for (int64_t column = 0; column < rows->width; column += 32, tiles += 2 * TILE) {
            interleave(left, right, rows, row, column);
            tile_transpose(left);
            tile_transpose(right);
            tile_store(tiles, left);
            tile_store(tiles + TILE, right);
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
            _mm512_mask_storeu_epi16(out + row * stride + column, tile_mask(width - column),
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
            tile_transpose(words);
            for (int64_t i = 0; i < 16; i++) {
                int64_t query = query_of_column(half + i);
                if (query < rows)
                    _mm256_mask_storeu_epi16(out + query * stride + column,
                                             (__mmask16)tile_mask(width - column),
                                             (__m256i)_mm512_cvtneps_pbh(_mm512_castsi512_ps(words[i])));
            }
        }
    }
}

#endif
