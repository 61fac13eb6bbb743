/* Building blocks of attention in tiles. Every bf16 factor is packed into tiles of 1 KB: a left factor
 * (rows, depth) as tiles of 16 rows of 32 numbers, a right factor (depth, columns) as tiles of 16 pairs of
 * rows. Widths are padded to 32, numbers of queries and keys too, with zeros, so that products are made of
 * blocks of 32 x 32 alone.
 *
 * Scores are computed transposed, a row for each key and a lane for each query: the largest score, the sum
 * and the mask of a query are then lanes of a vector, and probabilities leave the vector part as factors of
 * the next product without being transposed. As a right factor, two rows of 32 queries are interleaved by
 * unpacking inside of 128-bit lanes, which leaves the queries in the order of query_of_column. */
#ifndef LLMPI_KERNELS_ATTENTION_TILES_H
#define LLMPI_KERNELS_ATTENTION_TILES_H

#ifdef __x86_64__

#include "attention_private.h"
#include "llmpi/base/integer.h"
#include "tiles.h"

enum { BLOCK = 32, TILE = TILE_NUMBERS };

/* A factor: the distances, in numbers, between tiles that are neighbours across (in rows of the left factor,
 * in columns of the right one) and along the inner dimension. */
struct tiles {
    const bf16 *first;
    int64_t across, along;
};

static inline int64_t padded(int64_t n)
{
    return round_up(n, BLOCK);
}

static inline struct tile_pair pair_of(struct tiles tiles)
{
    int64_t size = sizeof(bf16);
    return (struct tile_pair){(const char *)tiles.first, TILE_BYTES, tiles.across * size, tiles.along * size};
}

/* c (32, 32) = left right, or c += left right, over `depth` tiles along the inner dimension. */
INLINE_TILED void multiply_block(float *c, int64_t c_stride, bool add, struct tiles left, struct tiles right,
                                 int64_t depth)
{
    tiles_multiply(c, add ? c : NULL, c_stride, pair_of(left), pair_of(right), depth, (struct tile_ahead){0});
}

/* c (rows, columns), multiples of 32, in blocks. */
INLINE_TILED void multiply(float *c, int64_t c_stride, bool add, struct tiles left, int64_t rows,
                           struct tiles right, int64_t columns, int64_t depth)
{
    for (int64_t row = 0; row < rows; row += BLOCK) {
        for (int64_t column = 0; column < columns; column += BLOCK) {
            struct tiles l = left, r = right;
            l.first += row / 16 * left.across;
            r.first += column / 16 * right.across;
            multiply_block(c + row * c_stride + column, c_stride, add, l, r, depth);
        }
    }
}

/* 2^x within 1e-7 times itself: the polynomial, minimax by Remez' exchange, is for the part after the binary
 * point; scalef rounds down itself. Below the range of floats the result is 0, of NaN NaN. */
INLINE_TILED __m512 exp2_lanes(__m512 x)
{
    __m512 f = _mm512_reduce_ps(x, 9 /* what is left after rounding down to an integer */);
    __m512 p = _mm512_set1_ps(1.877576199e-3f);
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(8.989341308e-3f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(5.582631703e-2f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(2.401536174e-1f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(6.931530731e-1f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(9.999999251e-1f));
    return _mm512_scalef_ps(p, x);
}

/* 32 floats as bf16, in order. */
INLINE_TILED __m512i rounded(__m512 first, __m512 second)
{
    return (__m512i)_mm512_cvtne2ps_pbh(second, first);
}

/* The numbers that one lane each of a block of 32 queries stands for. Queries past the end see nothing. */
struct lanes {
    __m512i place[2], first[2]; /* the last and the first visible key */
    int64_t least_place, most_place, most_first, least_first;
    uint64_t dropout_index[BLOCK]; /* of key 0 */
};

TILED static inline struct lanes lanes_of(const struct head *head, int64_t query)
{
    struct lanes lanes = {.least_place = place_of(head, query), .least_first = INT64_MAX};
    int32_t place[BLOCK], first[BLOCK];
    for (int64_t i = 0; i < BLOCK; i++) {
        bool exists = query + i < head->shape->n_query;
        int64_t seen = exists ? first_of(head, query + i) : 0;
        place[i] = exists ? (int32_t)place_of(head, query + i) : -1;
        lanes.most_place = place[i] > lanes.most_place ? place[i] : lanes.most_place;
        first[i] = (int32_t)seen;
        lanes.dropout_index[i] = mask_index(head, query + i, 0);
        lanes.most_first = seen > lanes.most_first ? seen : lanes.most_first;
        lanes.least_first = exists ? smaller(seen, lanes.least_first) : lanes.least_first;
    }
    for (int64_t half = 0; half < 2; half++) {
        lanes.place[half] = _mm512_loadu_si512(place + 16 * half);
        lanes.first[half] = _mm512_loadu_si512(first + 16 * half);
    }
    return lanes;
}

/* Whether all lanes see all keys [key, key + keys). */
static inline bool all_visible(const struct lanes *lanes, int64_t key, int64_t keys)
{
    return key >= lanes->most_first && key + keys - 1 <= lanes->least_place;
}

INLINE_TILED __mmask16 visible(const struct lanes *lanes, int64_t half, int64_t key)
{
    __m512i keys = _mm512_set1_epi32((int32_t)key);
    return _mm512_mask_cmple_epi32_mask(_mm512_cmple_epi32_mask(keys, lanes->place[half]), lanes->first[half],
                                        keys);
}

/* dropout_mask_factor of eight indices: which are kept. */
INLINE_TILED __mmask8 kept_eight(const struct dropout_mask *mask, __m512i index)
{
    __m512i z = _mm512_add_epi64(_mm512_set1_epi64((int64_t)mask->key),
                                 _mm512_mullo_epi64(_mm512_add_epi64(index, _mm512_set1_epi64(1)),
                                                    _mm512_set1_epi64((int64_t)0x9E3779B97F4A7C15u)));
    z = _mm512_mullo_epi64(_mm512_xor_si512(z, _mm512_srli_epi64(z, 30)),
                           _mm512_set1_epi64((int64_t)0xBF58476D1CE4E5B9u));
    z = _mm512_mullo_epi64(_mm512_xor_si512(z, _mm512_srli_epi64(z, 27)),
                           _mm512_set1_epi64((int64_t)0x94D049BB133111EBu));
    z = _mm512_xor_si512(z, _mm512_srli_epi64(z, 31));
    return _mm512_cmpge_epu64_mask(_mm512_srli_epi64(z, 32), _mm512_set1_epi64((int64_t)mask->threshold));
}

/* `values` of one key, dropped or scaled. */
INLINE_TILED __m512 dropped(__m512 values, const struct dropout_mask *mask, const struct lanes *lanes,
                            int64_t half, int64_t key)
{
    const uint64_t *index = lanes->dropout_index + 16 * half;
    __m512i keys = _mm512_set1_epi64(key);
    __mmask16 low = kept_eight(mask, _mm512_or_si512(_mm512_loadu_si512(index), keys));
    __mmask16 high = kept_eight(mask, _mm512_or_si512(_mm512_loadu_si512(index + 8), keys));
    return _mm512_maskz_mul_ps((__mmask16)(low | high << 8), values, _mm512_set1_ps(mask->scale));
}

/* --- packing: attention_pack.c --- */

/* Rows of one head in one of the arrays. */
struct rows {
    const bf16 *first;
    int64_t count, stride, width;
};

/* All four write padded(count) x padded(width) numbers.
 *
 * As left factor (rows, width): tile (row / 16, column / 32) at its row-major place. */
void pack_left(bf16 *tiles, const struct rows *rows);

/* As left factor (width, rows): tile (column / 16, row / 32), where tiles of one `row` are neighbours. */
void pack_left_transposed(bf16 *tiles, const struct rows *rows);

/* As right factor (rows, width): tile (row / 32, column / 16) at its row-major place. */
void pack_right(bf16 *tiles, const struct rows *rows);

/* As right factor (width, rows): tile (row / 16, column / 32) at its row-major place. */
void pack_right_transposed(bf16 *tiles, const struct rows *rows);

/* Rounds a sum (32 rows, padded(width)) to bf16 rows after multiplication by `scale`. */
void unpack(bf16 *out, int64_t stride, const float *sum, int64_t rows, int64_t width, float scale);

/* The same from the transposed sum (padded(width), 32), whose columns are in the order of query_of_column;
 * column c is multiplied by scale[c]. */
void unpack_transposed(bf16 *out, int64_t stride, const float *sum, int64_t sum_stride, int64_t rows,
                       int64_t width, const float *scale);

/* Which of 32 queries stands in a column of a product with an interleaved right factor. */
static inline int64_t query_of_column(int64_t column)
{
    return column % 16 / 4 * 8 + column / 16 * 4 + column % 4;
}

#endif
#endif
