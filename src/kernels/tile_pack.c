/* Every tile is 16 vectors of 64 bytes, filled, where needed transposed as 16 x 16 pairs, and written. Pairs
 * of rows are interleaved by one permutation. What lies outside of the matrix is masked out, never read. */
#include "tile_pack.h"

#ifdef __x86_64__

#include "llmpi/base/integer.h"
#include "llmpi/kernels/threads.h"
#include "tile_fill.h"

enum {
    COLUMN_RUN = 256, /* columns of the source that one step reads of its rows */
    SMALL = 1 << 17   /* elements that are not worth a second thread */
};

int64_t tile_packed_elements(int64_t depth, int64_t width)
{
    return round_up(depth, TILE_DEPTH) * round_up(width, PANEL);
}

int64_t tile_panel_offset(int64_t depth, int64_t width, int64_t total_depth, int64_t total_width)
{
    int64_t block = smaller(DEPTH_BLOCK, round_up(total_depth, TILE_DEPTH) - depth);
    return depth * round_up(total_width, PANEL) + width * block;
}

/* The two tiles of a form that begin at (depth, width), multiples of TILE_DEPTH and PANEL. */
static bf16 *tiles_at(bf16 *packed, int64_t depth, int64_t width, int64_t total_depth, int64_t total_width)
{
    int64_t inside = depth % DEPTH_BLOCK;
    return packed + tile_panel_offset(depth - inside, width, total_depth, total_width) + inside * PANEL;
}

/* (a0 ... a15, b0 ... b15) to (a0, b0, a1, b1, ...). */
TILED static inline __m512i interleave(__m512i halves)
{
    const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23,
                                           7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return _mm512_permutexvar_epi16(order, halves);
}

TILED static inline __m512i join(__m512 first, __m512 second)
{
    return (__m512i)_mm512_cvtne2ps_pbh(second, first);
}

/* A tile of a right factor from `rows` rows of `columns` floats: its inner dimension is the rows. */
TILED static inline void fill_from_float_rows(tile_rows tile, const float *values, int64_t stride,
                                              int64_t rows, int64_t columns)
{
    __mmask16 mask = (__mmask16)tile_mask(columns);
#pragma GCC unroll 16
    for (int64_t pair = 0; pair < TILE_ROWS; pair++) {
        const float *row = values + 2 * pair * stride;
        __m512 first = _mm512_maskz_loadu_ps(2 * pair < rows ? mask : 0, row);
        __m512 second = _mm512_maskz_loadu_ps(2 * pair + 1 < rows ? mask : 0, row + stride);
        tile[pair] = interleave(join(first, second));
    }
}

/* The same from bf16, the first or the second 16 of 32 columns. */
TILED static inline void fill_from_rows(tile_rows tile, const bf16 *values, int64_t stride, int64_t rows,
                                        int64_t columns, int64_t half)
{
    __mmask32 mask = tile_mask(columns);
#pragma GCC unroll 16
    for (int64_t pair = 0; pair < TILE_ROWS; pair++) {
        const bf16 *row = values + 2 * pair * stride;
        __m512i first = tile_load(row, 2 * pair < rows ? mask : 0);
        __m512i second = tile_load(row + stride, 2 * pair + 1 < rows ? mask : 0);
        tile[pair] = tile_interleave(first, second, half);
    }
}

/* `rows` rows of `columns` floats as they lie. */
TILED static inline void fill_from_float_columns(tile_rows tile, const float *values, int64_t stride,
                                                 int64_t rows, int64_t columns)
{
    __mmask16 low = (__mmask16)tile_mask(columns), high = (__mmask16)tile_mask(columns - 16);
#pragma GCC unroll 16
    for (int64_t row = 0; row < TILE_ROWS; row++) {
        const float *start = values + row * stride;
        tile[row] = join(_mm512_maskz_loadu_ps(row < rows ? low : 0, start),
                         _mm512_maskz_loadu_ps(row < rows ? high : 0, start + 16));
    }
}

/* 32 x 32 numbers of a master, or what there is of them, into their two tiles of each form. */
TILED static void pack_square(bf16 *by_rows, bf16 *by_columns, const float *master, int64_t stride,
                              int64_t rows, int64_t columns)
{
    tile_rows tile;
    for (int64_t half = 0; half < 2; half++) {
        fill_from_float_rows(tile, master + 16 * half, stride, rows, columns - 16 * half);
        tile_store(by_rows + half * TILE_NUMBERS, tile);
        fill_from_float_columns(tile, master + 16 * half * stride, stride, rows - 16 * half, columns);
        tile_transpose(tile);
        tile_store(by_columns + half * TILE_NUMBERS, tile);
    }
}

void tile_pack_weight(bf16 *by_rows, bf16 *by_columns, const float *master, int64_t rows, int64_t columns)
{
    int64_t runs = divide_up(columns, COLUMN_RUN), bands = divide_up(rows, PANEL);
#pragma omp parallel for schedule(dynamic) if (rows * columns > SMALL)
    for (int64_t item = 0; item < bands * runs; item++) {
        int64_t row = item / runs * PANEL, run = item % runs * COLUMN_RUN;
        for (int64_t column = run; column < smaller(columns, run + COLUMN_RUN); column += PANEL)
            pack_square(tiles_at(by_rows, row, column, rows, columns),
                        tiles_at(by_columns, column, row, columns, rows), master + row * columns + column,
                        columns, smaller(PANEL, rows - row), smaller(PANEL, columns - column));
    }
}

TILED static void pack_pair(bf16 *packed, const bf16 *values, int64_t stride, int64_t depth, int64_t width,
                            bool left)
{
    tile_rows tile;
    for (int64_t half = 0; half < 2; half++) {
        fill_from_rows(tile, values, stride, depth, width, half);
        if (left)
            tile_transpose(tile);
        tile_store(packed + half * TILE_NUMBERS, tile);
    }
}

void tile_pack_rows(bf16 *packed, const bf16 *values, int64_t stride, int64_t depth, int64_t width, bool left)
{
    int64_t runs = divide_up(width, COLUMN_RUN), bands = divide_up(depth, TILE_DEPTH);
#pragma omp parallel for schedule(dynamic) if (depth * width > SMALL)
    for (int64_t item = 0; item < bands * runs; item++) {
        int64_t row = item / runs * TILE_DEPTH, run = item % runs * COLUMN_RUN;
        for (int64_t column = run; column < smaller(width, run + COLUMN_RUN); column += PANEL)
            pack_pair(tiles_at(packed, row, column, depth, width), values + row * stride + column, stride,
                      smaller(TILE_DEPTH, depth - row), smaller(PANEL, width - column), left);
    }
}

TILED void tile_copy_panel(bf16 *panel, const bf16 *values, int64_t stride, int64_t rows, int64_t depth)
{
    for (int64_t k = 0; k < depth; k += TILE_DEPTH) {
        __mmask32 mask = tile_mask(depth - k);
        bf16 *tiles = panel + k * PANEL;
        for (int64_t row = 0; row < PANEL; row++)
            _mm512_store_si512(tiles + row * TILE_DEPTH,
                               tile_load(values + row * stride + k, row < rows ? mask : 0));
    }
}

#endif
