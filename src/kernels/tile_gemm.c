/* A thread takes a block of the output, in groups of strips of 32 rows, and DEPTH_BLOCK of the inner
 * dimension at a time: 32 rows of the left factor stay in the first-level cache while the block's panels of
 * the right factor stream past them, 32 x 32 sums stay in four tiles. Where the block's panels fit into the
 * second-level cache over their whole depth, a group is one strip; otherwise it is several, whose sums wait
 * in that cache, so that what is read of the right factor serves all of them. The last step hands the sums to
 * the output. */
#include "tile_gemm.h"

#ifdef __x86_64__

#include "llmpi/kernels/threads.h"
#include "tile_pack.h"
#include "tiles.h"

#include <omp.h>
#include <stdbool.h>

enum {
    TILE = TILE_ROWS * TILE_DEPTH, /* bf16 elements of a tile */
    SUMS = PANEL * PANEL, /* floats of four tiles: upper left, upper right, lower left, lower right */
    TILE_SUMS = TILE_ROWS * TILE_ROWS,
    GROUP = 8,          /* strips, at most */
    BLOCK_STRIPS = 32,  /* the largest block: 1024 rows ... */
    BLOCK_PANELS = 24,  /* ... by 768 columns */
    RESIDENT = 1 << 20, /* bytes of the right factor that stay in the second-level cache */
    STRIDE_LIMIT = 6144 /* bytes: rows as far apart or further meet in few sets of the cache and are copied */
};

#define THREAD_WORK 3e7 /* floating point operations worth a thread: some 20 microseconds */

/* How the output is cut: blocks of strips (PANEL rows) by panels (PANEL columns). */
struct grid {
    int64_t strips, panels, block_strips, block_panels, group;
    int threads;
};

/* A strip of the left factor as tiles in memory: how many bytes lie between the rows of a tile, the upper and
 * the lower half of the strip, and a step and the next. */
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

/* Panels of the right factor that stay in the second-level cache over the whole depth; 0 where so few do that
 * groups are better. */
static int64_t resident_panels(int64_t depth)
{
    int64_t fit = RESIDENT / (PANEL * (int64_t)sizeof(bf16) * divide_up(depth, TILE_DEPTH) * TILE_DEPTH);
    return fit >= BLOCK_PANELS / 2 ? smaller(fit, BLOCK_PANELS) : 0;
}

static int64_t largest_group(int64_t rows, int64_t depth)
{
    return resident_panels(depth) > 0 ? 1 : smaller(GROUP, divide_up(rows, PANEL));
}

static int64_t largest_panels(int64_t columns, int64_t depth)
{
    int64_t resident = resident_panels(depth);
    return smaller(divide_up(columns, PANEL), resident > 0 ? resident : BLOCK_PANELS);
}

/* What the busiest thread computes, in pairs of a strip and a panel. Reading is shorter for large blocks,
 * waiting for the last thread for many of them. */
static double grid_cost(int64_t blocks, int threads, int64_t block_strips, int64_t block_panels)
{
    return (double)(divide_up(blocks, threads) * block_strips * block_panels) *
           (1.0 + 0.3 / (double)block_strips + 0.6 / (double)block_panels);
}

static struct grid choose_grid(int64_t rows, int64_t columns, int64_t depth)
{
    double shares = 2.0 * (double)rows * (double)columns * (double)depth / THREAD_WORK, least = -1.0;
    struct grid grid = {.strips = divide_up(rows, PANEL), .panels = divide_up(columns, PANEL)};
    grid.threads = shares < threads_count() ? (shares > 1.0 ? (int)shares : 1) : threads_count();
    grid.group = largest_group(rows, depth);
    for (int64_t strips = smaller(grid.strips, BLOCK_STRIPS); strips >= 1; strips -= strips > GROUP ? 4 : 1) {
        int64_t down = divide_up(grid.strips, strips);
        for (int64_t panels = largest_panels(columns, depth); panels >= 1; panels--) {
            double cost = grid_cost(down * divide_up(grid.panels, panels), grid.threads, strips, panels);
            if (least < 0.0 || cost < least) {
                least = cost;
                grid.block_strips = strips;
                grid.block_panels = panels;
            }
        }
    }
    return grid;
}

/* Bytes of one thread's sums, which do not grow where rows or depth are fewer, and copied strip. */
static int64_t sums_bytes(int64_t rows, int64_t columns, int64_t depth)
{
    if (depth <= DEPTH_BLOCK)
        return 0;
    return largest_group(rows, depth) * smaller(divide_up(columns, PANEL), BLOCK_PANELS) * SUMS *
           (int64_t)sizeof(float);
}

static int64_t thread_bytes(int64_t rows, int64_t columns, int64_t depth)
{
    return sums_bytes(rows, columns, depth) +
           smaller(DEPTH_BLOCK, divide_up(depth, TILE_DEPTH) * TILE_DEPTH) * PANEL * (int64_t)sizeof(bf16);
}

int64_t tile_workspace_bytes(int64_t rows, int64_t columns, int64_t depth)
{
    return threads_count() * thread_bytes(rows, columns, depth);
}

enum { LEFT_SHARE = 2 /* rows of the next strip that are fetched while four tiles are summed */ };

/* Adds the products of `steps` pairs of tiles of a strip and a panel to the four tiles 0 to 3. Each step
 * fetches two lines of the rows of 512 bytes at `next_rows`, `apart` bytes from one to the next, into the
 * second-level cache (an address past an end does no harm); the panels come in order, which the processor
 * foresees. */
TILED static inline void multiply_tiles(const struct strip *strip, const bf16 *panel, int64_t steps,
                                        const char *next_rows, int64_t apart)
{
    const char *upper = strip->start, *lower = strip->start + strip->half;
    for (int64_t step = 0; step < steps; step++) {
        const char *lines = next_rows + step / 4 * apart + step % 4 * 128;
        _tile_loadd(6, panel, TILE_BYTES);
        _tile_loadd(4, upper, strip->row);
        _tile_loadd(7, panel + TILE, TILE_BYTES);
        _tile_loadd(5, lower, strip->row);
        _mm_prefetch(lines, _MM_HINT_T1);
        _mm_prefetch(lines + 64, _MM_HINT_T1);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
        upper += strip->step;
        lower += strip->step;
        panel += 2 * TILE;
    }
}

TILED static inline void load_sums(const float *sums)
{
    _tile_loadd(0, sums, TILE_BYTES);
    _tile_loadd(1, sums + TILE_SUMS, TILE_BYTES);
    _tile_loadd(2, sums + 2 * TILE_SUMS, TILE_BYTES);
    _tile_loadd(3, sums + 3 * TILE_SUMS, TILE_BYTES);
}

TILED static inline void clear_sums(void)
{
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
}

TILED static inline void store_sums(float *sums)
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
TILED static inline void finish_row(char *y, enum tile_output output, __m512 left, __m512 right,
                                    __mmask16 low, __mmask16 high)
{
    if (output == TILE_BF16) {
        _mm512_mask_storeu_epi16(y, (__mmask32)high << 16 | low, (__m512i)_mm512_cvtne2ps_pbh(right, left));
        return;
    }
    float *row = (float *)y;
    if (output == TILE_ADD_FP32) {
        left = _mm512_add_ps(left, _mm512_maskz_loadu_ps(low, row));
        right = _mm512_add_ps(right, _mm512_maskz_loadu_ps(high, row + 16));
    }
    _mm512_mask_storeu_ps(row, low, left);
    _mm512_mask_storeu_ps(row + 16, high, right);
}

/* The sums at (row, column) of the output, as far as it reaches. */
TILED static void finish_sums(const struct tile_product *product, const float *sums, int64_t row,
                              int64_t column)
{
    int64_t rows = smaller(PANEL, product->rows - row), size = product->output == TILE_BF16 ? 2 : 4;
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
TILED static struct strip strip_at(const struct tile_product *product, int64_t row, int64_t depth,
                                   int64_t count, bf16 *copy)
{
    struct strip packed = {(const char *)copy, TILE_BYTES, TILE * sizeof(bf16), 2 * TILE * sizeof(bf16)};
    if (product->left == NULL) {
        packed.start = (const char *)(product->left_packed +
                                      tile_panel_offset(depth, row, product->depth, product->rows));
        return packed;
    }
    const bf16 *start = product->left + row * product->left_stride + depth;
    int64_t stride = product->left_stride * (int64_t)sizeof(bf16);
    if ((uintptr_t)start % TILE_BYTES == 0 && stride % TILE_BYTES == 0 && stride < STRIDE_LIMIT &&
        row + PANEL <= product->rows && count % TILE_DEPTH == 0)
        return (struct strip){(const char *)start, stride, TILE_ROWS * stride, TILE_BYTES};
    tile_copy_panel(copy, start, product->left_stride, smaller(PANEL, product->rows - row), count);
    __asm__ volatile("" ::: "memory"); /* gcc 12 does not see that tile loads read memory */
    return packed;
}

/* A block of the output, and the group and the step along the inner dimension that are being made. */
struct block {
    int64_t strip, strip_end, panel, panel_end;
    int64_t group, group_end; /* strips */
    int64_t depth, count;
    bool last;
    float *sums;
    bf16 *copy;
};

static const bf16 *right_at(const struct tile_product *product, int64_t depth, int64_t panel)
{
    return product->right + tile_panel_offset(depth, panel * PANEL, product->depth, product->columns);
}

/* Where the left factor's rows lie that the block needs after this strip. */
static const char *next_left(const struct tile_product *product, const struct block *block, int64_t strip)
{
    int64_t depth = block->depth;
    if (strip + 1 < block->group_end) {
        strip++;
    } else if (!block->last) {
        strip = block->group;
        depth += DEPTH_BLOCK;
    } else {
        strip = smaller(strip + 1, block->strip_end - 1);
        depth = 0;
    }
    if (product->left == NULL)
        return (const char *)(product->left_packed +
                              tile_panel_offset(depth, strip * PANEL, product->depth, product->rows));
    return (const char *)(product->left + strip * PANEL * product->left_stride + depth);
}

/* One step of one strip of a block. */
TILED static void multiply_strip(const struct tile_product *product, const struct block *block, int64_t s)
{
    float last[SUMS] __attribute__((aligned(64)));
    struct strip left = strip_at(product, s * PANEL, block->depth, block->count, block->copy);
    const bf16 *right = right_at(product, block->depth, block->panel);
    const char *ahead = next_left(product, block, s);
    int64_t row = (product->left != NULL ? product->left_stride : DEPTH_BLOCK) * (int64_t)sizeof(bf16);
    float *sums = block->sums + (s - block->group) * (block->panel_end - block->panel) * SUMS;
    int64_t steps = divide_up(block->count, TILE_DEPTH);
    for (int64_t p = block->panel; p < block->panel_end; p++) {
        if (block->depth == 0)
            clear_sums();
        else
            load_sums(sums);
        multiply_tiles(&left, right, steps, ahead, row);
        if (block->last) {
            store_sums(last);
            finish_sums(product, last, s * PANEL, p * PANEL);
        } else {
            store_sums(sums);
        }
        right += 2 * TILE * steps;
        sums += SUMS;
        ahead += LEFT_SHARE * row;
    }
}

TILED static void multiply_block(const struct tile_product *product, struct block block, int64_t group)
{
    for (block.group = block.strip; block.group < block.strip_end; block.group += group) {
        block.group_end = smaller(block.strip_end, block.group + group);
        for (block.depth = 0; block.depth < product->depth; block.depth += DEPTH_BLOCK) {
            block.count = smaller(DEPTH_BLOCK, product->depth - block.depth);
            block.last = block.depth + DEPTH_BLOCK >= product->depth;
            for (int64_t s = block.group; s < block.group_end; s++)
                multiply_strip(product, &block, s);
        }
    }
}

TILED void tile_multiply(const struct tile_product *product, void *workspace)
{
    if (product->rows == 0)
        return;
    struct grid grid = choose_grid(product->rows, product->columns, product->depth);
    int64_t down = divide_up(grid.strips, grid.block_strips);
    int64_t blocks = divide_up(grid.panels, grid.block_panels) * down;
    int64_t sums = sums_bytes(product->rows, product->columns, product->depth);
    int64_t bytes = thread_bytes(product->rows, product->columns, product->depth);
#pragma omp parallel num_threads(grid.threads) if (grid.threads > 1)
    {
        char *own = (char *)workspace + omp_get_thread_num() * bytes;
        tiles_begin();
#pragma omp for schedule(dynamic)
        for (int64_t number = 0; number < blocks; number++) {
            int64_t strip = number % down * grid.block_strips, panel = number / down * grid.block_panels;
            multiply_block(product,
                           (struct block){.strip = strip,
                                          .strip_end = smaller(grid.strips, strip + grid.block_strips),
                                          .panel = panel,
                                          .panel_end = smaller(grid.panels, panel + grid.block_panels),
                                          .sums = (float *)own,
                                          .copy = (bf16 *)(own + sums)},
                           grid.group);
        }
        tiles_end();
    }
}

#endif
