/* AMX tiles as our kernels use them: eight of 16 rows of 64 bytes, so that one instruction multiplies 16 x 32
 * by 32 x 16 bf16 numbers and adds to 16 x 16 floats (Intel Architecture Instruction Set Extensions
 * Programming Reference, chapter 3). The right factor lies in pairs of rows: row r of the tile holds, column
 * by column, elements 2r and 2r + 1. */
#ifndef LLMPI_KERNELS_TILES_H
#define LLMPI_KERNELS_TILES_H

#ifdef __x86_64__

#include "llmpi/base/clones.h"

#include <immintrin.h>
#include <stdint.h>

/* Marks functions that use tiles or AVX-512; to be called only where cpu_level() is CPU_AMX. */
#define TILED __attribute__((target(TARGET_AVX512 ",avx512bf16,amx-tile,amx-bf16")))

enum { TILE_ROWS = 16, TILE_BYTES = 64, TILE_DEPTH = 32 /* bf16 numbers along the inner dimension */ };

/* The layout of the LDTILECFG operand. */
struct tile_configuration {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

/* Each thread, before its first tile and after foreign code that may have used tiles. (The object is static
 * and constant: gcc 12 drops the stores to a local one.) */
TILED static inline void tiles_begin(void)
{
    static const struct tile_configuration configuration = {
        .palette = 1,
        .row_bytes = {TILE_BYTES, TILE_BYTES, TILE_BYTES, TILE_BYTES, TILE_BYTES, TILE_BYTES, TILE_BYTES,
                      TILE_BYTES},
        .rows = {TILE_ROWS, TILE_ROWS, TILE_ROWS, TILE_ROWS, TILE_ROWS, TILE_ROWS, TILE_ROWS, TILE_ROWS},
    };
    _tile_loadconfig(&configuration);
}

/* Each thread, after its last tile: the system then need not save them. */
TILED static inline void tiles_end(void)
{
    _tile_release();
}

#endif
#endif
