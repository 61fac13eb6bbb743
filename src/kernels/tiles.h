/* Matrices in tiles of 16 rows of 64 bytes, and the product of blocks of them: by AMX, one of whose
 * instructions multiplies 16 x 32 by 32 x 16 bf16 numbers and adds to 16 x 16 floats (Intel Architecture
 * Instruction Set Extensions Programming Reference, chapter 3), or by dot products of pairs in AVX512_BF16
 * (tile_dots.c), which want the same layout. A left factor's tile holds 16 rows of 32 numbers. In the right
 * factor's, row r holds, column by column, elements 2r and 2r + 1 of 16 columns. */
#ifndef LLMPI_KERNELS_TILES_H
#define LLMPI_KERNELS_TILES_H

#ifdef __x86_64__

#include "llmpi/base/clones.h"
#include "llmpi/kernels/element.h"

#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>

/* Marks functions that use tiles or AVX-512; to be called only from CPU_AVX512_BF16 on. Their tile
 * instructions are behind tiles_native(). */
#define TILED        __attribute__((target(TARGET_AVX512 ",avx512bf16,amx-tile,amx-bf16")))
#define INLINE_TILED TILED static inline __attribute__((always_inline))

enum {
    TILE_ROWS = 16,
    TILE_BYTES = 64,                       /* of a row */
    TILE_DEPTH = 32,                       /* bf16 numbers along the inner dimension */
    TILE_NUMBERS = TILE_ROWS * TILE_DEPTH, /* bf16 numbers in a tile */
    TILE_SIZE = TILE_ROWS * TILE_BYTES     /* its bytes */
};

/* Whether the processor has tile registers; else blocks are multiplied by dot products. */
static inline bool tiles_native(void)
{
    return cpu_level() >= CPU_AMX;
}

/* The first n of 32 lanes, or, cut to 16 bits, of 16; none or all where n is outside. */
static inline __mmask32 tile_mask(int64_t n)
{
    return n >= 32 ? UINT32_MAX : n <= 0 ? 0 : (1u << n) - 1;
}

/* The first of 32 numbers that the mask names, and zeros. (A branch, since masked loads of 16-bit numbers
 * take several cycles on AMD's processors.) */
INLINE_TILED __m512i tile_load(const bf16 *numbers, __mmask32 mask)
{
    return mask == UINT32_MAX ? _mm512_loadu_si512(numbers) : _mm512_maskz_loadu_epi16(mask, numbers);
}

/* The layout of the LDTILECFG operand. */
struct tile_configuration {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

/* Each thread, before its first block and after foreign code that may have used tiles. (The object is static
 * and constant: gcc 12 drops the stores to a local one.) */
TILED static inline void tiles_begin(void)
{
    static const struct tile_configuration configuration = {
        .palette = 1,
        .row_bytes = {TILE_BYTES, TILE_BYTES, TILE_BYTES, TILE_BYTES, TILE_BYTES, TILE_BYTES, TILE_BYTES,
                      TILE_BYTES},
        .rows = {TILE_ROWS, TILE_ROWS, TILE_ROWS, TILE_ROWS, TILE_ROWS, TILE_ROWS, TILE_ROWS, TILE_ROWS},
    };
    if (tiles_native())
        _tile_loadconfig(&configuration);
}

/* Each thread, after its last block: the system then need not save the tiles. */
TILED static inline void tiles_end(void)
{
    if (tiles_native())
        _tile_release();
}

/* 32 rows of a left factor, or 32 columns of a right one: two tiles, and how many bytes lie between the rows
 * of a tile (of a right factor always TILE_BYTES), between the two tiles, and between these and the next
 * along the inner dimension. */
struct tile_pair {
    const char *start;
    int64_t row, across, along;
};

/* Lines that a product fetches on its way, some for each of eight steps: of `count` rows of 512 bytes to be
 * read next, `apart` bytes from one to the next, into the second-level cache; and those of 32 rows of the
 * output, `output_row` bytes apart and one or two lines wide, into the first-level cache to be written, since
 * stores that miss hold up the following product. An address past an end does no harm. NULL: none. */
struct tile_ahead {
    const char *rows;
    int64_t apart, count;
    const char *output;
    int64_t output_row;
    bool wide;
};

INLINE_TILED void tile_fetch_step(struct tile_ahead ahead, int64_t step)
{
    for (int64_t row = 0; row < ahead.count; row++)
        _mm_prefetch(ahead.rows + row * ahead.apart + step * 64, _MM_HINT_T1);
    for (int64_t row = 4 * step; ahead.output != NULL && row < 4 * step + 4; row++) {
        __builtin_prefetch(ahead.output + row * ahead.output_row, 1);
        if (ahead.wide)
            __builtin_prefetch(ahead.output + row * ahead.output_row + 64, 1);
    }
}

/* tile_dots.c: tiles_multiply without tile registers. */
void tile_dots_multiply(float *c, const float *sums, int64_t c_stride, struct tile_pair left,
                        struct tile_pair right, int64_t steps, struct tile_ahead ahead);

/* c (32, 32) = sums + left right over `steps` tiles along the inner dimension; `sums` may be c, or NULL:
 * zeros. Both are aligned to 64 bytes, their rows c_stride floats apart, a multiple of 16. The barrier is
 * there because gcc's tile loads do not say that they read memory. */
INLINE_TILED void tiles_multiply(float *c, const float *sums, int64_t c_stride, struct tile_pair left,
                                 struct tile_pair right, int64_t steps, struct tile_ahead ahead)
{
    int64_t lower = TILE_ROWS * c_stride, row_bytes = c_stride * (int64_t)sizeof(float);
    if (!tiles_native()) {
        tile_dots_multiply(c, sums, c_stride, left, right, steps, ahead);
        return;
    }
    __asm__ volatile("" ::: "memory");
    if (sums != NULL) {
        _tile_loadd(0, sums, row_bytes);
        _tile_loadd(1, sums + 16, row_bytes);
        _tile_loadd(2, sums + lower, row_bytes);
        _tile_loadd(3, sums + lower + 16, row_bytes);
    } else {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
    }
    for (int64_t step = 0; step < steps; step++) {
        _tile_loadd(6, right.start, TILE_BYTES);
        _tile_loadd(4, left.start, left.row);
        _tile_loadd(7, right.start + right.across, TILE_BYTES);
        _tile_loadd(5, left.start + left.across, left.row);
        tile_fetch_step(ahead, step);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
        left.start += left.along;
        right.start += right.along;
    }
    _tile_stored(0, c, row_bytes);
    _tile_stored(1, c + 16, row_bytes);
    _tile_stored(2, c + lower, row_bytes);
    _tile_stored(3, c + lower + 16, row_bytes);
}

#endif
#endif
