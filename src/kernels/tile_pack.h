/* Matrices rearranged into tiles for the products of tile_gemm.h (private; x86-64 only, and to be called only
 * where cpu_level() is CPU_AMX).
 *
 * A packed form of a (depth, width) factor: blocks of DEPTH_BLOCK of depth one after another (the last may be
 * shorter); in a block, panels of PANEL of width; in a panel, for every TILE_DEPTH of depth two tiles next to
 * each other. So a product reads each of its factors as one stream. Depth and width are filled up with zeros.
 *
 * Rounding to bf16 is that of vcvtne2ps2bf16: to nearest even, and denormal numbers become zero. */
#ifndef LLMPI_KERNELS_TILE_PACK_H
#define LLMPI_KERNELS_TILE_PACK_H

#ifdef __x86_64__

#include "llmpi/kernels/element.h"

#include <stdbool.h>
#include <stdint.h>

enum { PANEL = 32, DEPTH_BLOCK = 256 };

/* Elements of the packed form. */
int64_t tile_packed_elements(int64_t depth, int64_t width);

/* The panel of the form that begins at (depth, width): a multiple of DEPTH_BLOCK and one of PANEL, in a form
 * of these total sizes. */
int64_t tile_panel_offset(int64_t depth, int64_t width, int64_t total_depth, int64_t total_width);

/* Both forms of a weight as right factors, rounded from its fp32 master (rows, columns): `by_rows` for
 * products whose inner dimension is the master's rows, `by_columns` for those along its columns. On all
 * threads. */
void tile_pack_weight(bf16 *by_rows, bf16 *by_columns, const float *master, int64_t rows, int64_t columns);

/* The tiles of one factor of a product whose inner dimension is the rows of `values` (depth, width; row
 * stride in elements): as the right factor, or as the left one, whose tiles are transposed. On all threads.
 */
void tile_pack_rows(bf16 *packed, const bf16 *values, int64_t stride, int64_t depth, int64_t width,
                    bool left);

/* `rows` rows (at most PANEL) of a left factor with its inner dimension along the rows, `depth` (at most
 * DEPTH_BLOCK) numbers of each: one panel. Rows are filled up with zeros to PANEL, depth to TILE_DEPTH. On
 * the calling thread. */
void tile_copy_panel(bf16 *panel, const bf16 *values, int64_t stride, int64_t rows, int64_t depth);

#endif
#endif
