/* A block of the output takes DEPTH_BLOCK of the inner dimension at a time. The sums of the block between
 * such steps, and what the step reads of the right factor, stay in the second-level cache; 32 rows of the
 * left factor stay in the first, while panels of the right one stream past them; 32 x 32 sums stay in four
 * tiles. The last step hands the sums to the output. */
#include "amx_gemm.h"

#ifdef __x86_64__

#include "amx_pack.h"
#include "amx_tiles.h"
#include "llmpi/kernels/threads.h"

#include <omp.h>
#include <stdbool.h>

enum {
    TILE = TILE_ROWS * TILE_DEPTH, /* bf16 elements of a tile */
    SUMS = PANEL * PANEL, /* floats of four tiles: upper left, upper right, lower left, lower right */
    TILE_SUMS = TILE_ROWS * TILE_ROWS,
    BLOCK_STRIPS = 8,    /* largest block: 256 rows ... */
    BLOCK_PANELS = 24,   /* ... by 768 columns, 768 KB of sums */
    STRIDE_LIMIT = 6144, /* bytes: rows further apart meet in few sets of the cache and are copied */
};

#define THREAD_WORK 2e7 /* floating point operations worth a thread: some 20 microseconds */

/* How the output is cut: blocks of strips (PANEL rows) by panels (PANEL columns). */
struct grid {
    int64_t strips, panels, block_strips, block_panels;
    int threads;
};

/* The left factor's PANEL rows as tiles in memory, in bytes from one ... to the next. */
struct strip {
    const char *start;
    int64_t row, half, step;
};

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t divide_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* Reading is shorter for large blocks, waiting for the last thread for many of them. */
static double grid_cost(int64_t strips, int64_t panels, int64_t block_strips, int64_t block_panels,
                        int threads)
{
    int64_t blocks = divide_up(strips, block_strips) * divide_up(panels, block_panels);
    double area = (double)(block_strips * block_panels);
    return (double)divide_up(blocks, threads) * area *
           (1.0 + 0.3 / (double)block_strips + 0.6 / (double)block_panels);
}

static struct grid choose_grid(int64_t rows, int64_t columns, int64_t depth)
{
    double shares = 2.0 * (double)rows * (double)columns * (double)depth / THREAD_WORK;
    struct grid grid = {.strips = divide_up(rows, PANEL), .panels = divide_up(columns, PANEL)};
    grid.threads = shares < threads_count() ? (shares > 1.0 ? (int)shares : 1) : threads_count();
    double least = -1.0;
    for (int64_t strips = smaller(grid.strips, BLOCK_STRIPS); strips >= 1; strips--) {
        for (int64_t panels = smaller(grid.panels, BLOCK_PANELS); panels >= 1; panels--) {
            double cost = grid_cost(grid.strips, grid.panels, strips, panels, grid.threads);
            if (least < 0.0 || cost < least) {
                least = cost;
                grid.block_strips = strips;
                grid.block_panels = panels;
            }
        }
    }
    return grid;
}

/* Bytes of one thread's sums and copied strip. */
static int64_t sums_bytes(int64_t rows, int64_t columns, int64_t depth)
{
    if (depth <= DEPTH_BLOCK)
        return 0;
    return smaller(divide_up(rows, PANEL), BLOCK_STRIPS) * smaller(divide_up(columns, PANEL), BLOCK_PANELS) *
           SUMS * (int64_t)sizeof(float);
}

static int64_t thread_bytes(int64_t rows, int64_t columns, int64_t depth)
{
    return sums_bytes(rows, columns, depth) +
           smaller(DEPTH_BLOCK, divide_up(depth, TILE_DEPTH) * TILE_DEPTH) * PANEL * (int64_t)sizeof(bf16);
}

int64_t amx_workspace_bytes(int64_t rows, int64_t columns, int64_t depth)
{
    return threads_count() * thread_bytes(rows, columns, depth);
}

/* What to fetch while four tiles are summed, a few lines a step. `sums`: 32 rows of 128 bytes, the sums or
 * the part of the output that comes next, into the first-level cache; `left`: rows of 512 bytes, part of the
 * next strip, and `right`: part of the right factor's next depth, into the second. Nothing is lost when an
 * address is past an end. */
struct ahead {
    const char *sums, *left, *right;
    int64_t sums_row, left_row;
};

enum { STRIP_SHARE = 2 /* rows of 512 bytes */, RIGHT_SHARE = 2048 /* bytes */, RIGHT_DISTANCE = 8192 };

AMX static inline void fetch_ahead(const struct ahead *ahead, const bf16 *panel, int64_t step)
{
    const char *near = (const char *)panel + RIGHT_DISTANCE;
#pragma GCC unroll 32
    for (int line = 0; line < 32; line++)
        _mm_prefetch(near + 64 * line, _MM_HINT_T0);
#pragma GCC unroll 4
    for (int row = 0; row < 4; row++) {
        _mm_prefetch(ahead->sums + (4 * step + row) * ahead->sums_row, _MM_HINT_T0);
        _mm_prefetch(ahead->sums + (4 * step + row) * ahead->sums_row + 64, _MM_HINT_T0);
        _mm_prefetch(ahead->right + (4 * step + row) * 64, _MM_HINT_T1);
    }
    const char *left = ahead->left + step / 4 * ahead->left_row + step % 4 * 128;
    _mm_prefetch(left, _MM_HINT_T1);
    _mm_prefetch(left + 64, _MM_HINT_T1);
}

/* Adds the products of `steps` pairs of tiles of a strip and a panel to the four tiles 0 to 3. */
AMX static inline void multiply_tiles(const struct strip *strip, const bf16 *panel, int64_t steps,
                                      const struct ahead *ahead)
{
    const char *upper = strip->start, *lower = strip->start + strip->half;
    for (int64_t step = 0; step < steps; step++) {
        _tile_loadd(6, panel, TILE_BYTES);
        _tile_loadd(4, upper, strip->row);
        _tile_loadd(7, panel + TILE, TILE_BYTES);
        _tile_loadd(5, lower, strip->row);
        fetch_ahead(ahead, panel, step);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
        upper += strip->step;
        lower += strip->step;
        panel += 2 * TILE;
    }
}

AMX static inline void load_sums(const float *sums)
{
    _tile_loadd(0, sums, TILE_BYTES);
    _tile_loadd(1, sums + TILE_SUMS, TILE_BYTES);
    _tile_loadd(2, sums + 2 * TILE_SUMS, TILE_BYTES);
    _tile_loadd(3, sums + 3 * TILE_SUMS, TILE_BYTES);
}

AMX static inline void clear_sums(void)
{
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
}

AMX static inline void store_sums(float *sums)
{
    _tile_stored(0, sums, TILE_BYTES);
    _tile_stored(1, sums + TILE_SUMS, TILE_BYTES);
    _tile_stored(2, sums + 2 * TILE_SUMS, TILE_BYTES);
    _tile_stored(3, sums + 3 * TILE_SUMS, TILE_BYTES);
}

static inline __mmask16 lanes(int64_t n)
{
    return (__mmask16)(n >= 16 ? 0xffff : n <= 0 ? 0 : (1 << n) - 1);
}

/* Both halves of a row of sums to the output. */
AMX static inline void finish_row(char *y, enum amx_output output, __m512 left, __m512 right, __mmask16 low,
                                  __mmask16 high)
{
    if (output == AMX_BF16) {
        _mm512_mask_storeu_epi16(y, (__mmask32)high << 16 | low, (__m512i)_mm512_cvtne2ps_pbh(right, left));
        return;
    }
    float *row = (float *)y;
    if (output == AMX_ADD_FP32) {
        left = _mm512_add_ps(left, _mm512_maskz_loadu_ps(low, row));
        right = _mm512_add_ps(right, _mm512_maskz_loadu_ps(high, row + 16));
    }
    _mm512_mask_storeu_ps(row, low, left);
    _mm512_mask_storeu_ps(row + 16, high, right);
}

/* The sums at (row, column) of the output, as far as it reaches. */
AMX static void finish_sums(const struct amx_product *product, const float *sums, int64_t row, int64_t column)
{
    int64_t rows = smaller(PANEL, product->rows - row), size = product->output == AMX_BF16 ? 2 : 4;
    __mmask16 low = lanes(product->columns - column), high = lanes(product->columns - column - 16);
    __m512 bias[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
    if (product->bias != NULL) {
        bias[0] = _mm512_maskz_loadu_ps(low, product->bias + column);
        bias[1] = _mm512_maskz_loadu_ps(high, product->bias + column + 16);
    }
    char *y = (char *)product->y + (row * product->y_stride + column) * size;
    for (int64_t r = 0; r < rows; r++) {
        const float *left = sums + r / TILE_ROWS * 2 * TILE_SUMS + r % TILE_ROWS * TILE_ROWS;
        finish_row(y, product->output, _mm512_add_ps(_mm512_load_ps(left), bias[0]),
                   _mm512_add_ps(_mm512_load_ps(left + TILE_SUMS), bias[1]), low, high);
        y += product->y_stride * size;
    }
}

/* The tiles of the left factor from (row, depth): in its packed form, or as the rows lie where they are
 * complete, aligned and not too far apart, else in `copy`. */
AMX static struct strip strip_at(const struct amx_product *product, int64_t row, int64_t depth, int64_t count,
                                 bf16 *copy)
{
    struct strip packed = {(const char *)copy, TILE_BYTES, TILE * sizeof(bf16), 2 * TILE * sizeof(bf16)};
    if (product->left == NULL) {
        packed.start = (const char *)(product->left_packed +
                                      amx_panel_offset(depth, row, product->depth, product->rows));
        return packed;
    }
    const bf16 *start = product->left + row * product->left_stride + depth;
    int64_t stride = product->left_stride * (int64_t)sizeof(bf16);
    if ((uintptr_t)start % TILE_BYTES == 0 && stride % TILE_BYTES == 0 && stride < STRIDE_LIMIT &&
        row + PANEL <= product->rows && count % TILE_DEPTH == 0)
        return (struct strip){(const char *)start, stride, TILE_ROWS * stride, TILE_BYTES};
    amx_copy_panel(copy, start, product->left_stride, smaller(PANEL, product->rows - row), count);
    __asm__ volatile("" ::: "memory"); /* gcc 12 does not see that tile loads read memory */
    return packed;
}

/* A block of the output, and the step along the inner dimension that is being made. */
struct block {
    int64_t strip, strip_end, panel, panel_end;
    int64_t depth, count;
    bool first, last;
    float *sums;
    bf16 *copy;
};

static const bf16 *right_at(const struct amx_product *product, int64_t depth, int64_t panel)
{
    return product->right + amx_panel_offset(depth, panel * PANEL, product->depth, product->columns);
}

/* What follows a strip's first panel. */
static struct ahead ahead_of(const struct amx_product *product, const struct block *block, int64_t strip)
{
    struct ahead ahead = {.sums_row = PANEL * sizeof(float), .left_row = DEPTH_BLOCK * sizeof(bf16)};
    int64_t next = strip + 1 < block->strip_end ? strip + 1 : block->strip;
    int64_t depth = strip + 1 < block->strip_end || block->last ? block->depth : block->depth + DEPTH_BLOCK;
    if (product->left == NULL) {
        ahead.left = (const char *)(product->left_packed +
                                    amx_panel_offset(depth, next * PANEL, product->depth, product->rows));
    } else {
        ahead.left = (const char *)(product->left + next * PANEL * product->left_stride + depth);
        ahead.left_row = product->left_stride * (int64_t)sizeof(bf16);
    }
    ahead.right = (const char *)right_at(product, block->last ? block->depth : block->depth + DEPTH_BLOCK,
                                         block->panel) +
                  (strip - block->strip) * RIGHT_SHARE;
    if (block->last) {
        int64_t size = product->output == AMX_BF16 ? 2 : 4;
        ahead.sums_row = product->y_stride * size;
        ahead.sums = (const char *)product->y + (strip * ahead.sums_row + block->panel * size) * PANEL;
    } else {
        ahead.sums = (const char *)(block->sums +
                                    (strip - block->strip) * (block->panel_end - block->panel) * SUMS + SUMS);
    }
    return ahead;
}

static void advance(struct ahead *ahead, const struct amx_product *product, const struct block *block)
{
    ahead->sums += block->last ? PANEL * (product->output == AMX_BF16 ? 2 : 4) : SUMS * (int)sizeof(float);
    ahead->left += STRIP_SHARE * ahead->left_row;
    ahead->right += PANEL * DEPTH_BLOCK * sizeof(bf16);
}

/* One step of one strip of a block. */
AMX static void multiply_strip(const struct amx_product *product, const struct block *block, int64_t s)
{
    float last[SUMS] __attribute__((aligned(64)));
    struct strip left = strip_at(product, s * PANEL, block->depth, block->count, block->copy);
    const bf16 *right = right_at(product, block->depth, block->panel);
    struct ahead ahead = ahead_of(product, block, s);
    float *sums = block->sums + (s - block->strip) * (block->panel_end - block->panel) * SUMS;
    int64_t steps = divide_up(block->count, TILE_DEPTH);
    for (int64_t p = block->panel; p < block->panel_end; p++) {
        if (block->first)
            clear_sums();
        else
            load_sums(sums);
        multiply_tiles(&left, right, steps, &ahead);
        if (block->last) {
            store_sums(last);
            finish_sums(product, last, s * PANEL, p * PANEL);
        } else {
            store_sums(sums);
        }
        right += 2 * TILE * steps;
        sums += SUMS;
        advance(&ahead, product, block);
    }
}

AMX static void multiply_block(const struct amx_product *product, struct block block)
{
    for (block.depth = 0; block.depth < product->depth; block.depth += DEPTH_BLOCK) {
        block.count = smaller(DEPTH_BLOCK, product->depth - block.depth);
        block.first = block.depth == 0;
        block.last = block.depth + DEPTH_BLOCK >= product->depth;
        for (int64_t s = block.strip; s < block.strip_end; s++)
            multiply_strip(product, &block, s);
    }
}

AMX void amx_multiply(const struct amx_product *product, void *workspace)
{
    if (product->rows == 0)
        return;
    struct grid grid = choose_grid(product->rows, product->columns, product->depth);
    int64_t across = divide_up(grid.panels, grid.block_panels);
    int64_t blocks = divide_up(grid.strips, grid.block_strips) * across;
    int64_t sums = sums_bytes(product->rows, product->columns, product->depth);
    int64_t bytes = thread_bytes(product->rows, product->columns, product->depth);
#pragma omp parallel num_threads(grid.threads) if (grid.threads > 1)
    {
        char *own = (char *)workspace + omp_get_thread_num() * bytes;
        tiles_begin();
#pragma omp for schedule(dynamic)
        for (int64_t number = 0; number < blocks; number++) {
            int64_t strip = number / across * grid.block_strips, panel = number % across * grid.block_panels;
            multiply_block(product,
                           (struct block){.strip = strip,
                                          .strip_end = smaller(grid.strips, strip + grid.block_strips),
                                          .panel = panel,
                                          .panel_end = smaller(grid.panels, panel + grid.block_panels),
                                          .sums = (float *)own,
                                          .copy = (bf16 *)(own + sums)});
        }
        tiles_end();
    }
}

#endif
