/* A thread takes a block of the output, in groups of strips of 32 rows, and DEPTH_BLOCK of the inner
 * dimension at a time: 32 rows of the left factor stay in the first-level cache while the block's panels of
 * the right factor stream past them, 32 x 32 sums stay in four tiles (eight rows of them in registers, where
 * there are no tiles). Where the block's panels fit into the second-level cache over their whole depth, a
 * group is one strip; otherwise it is several, whose sums wait in that cache, so that what is read of the
 * right factor serves all of them. The last step hands the sums to the output. */
#include "tile_gemm.h"

#ifdef __x86_64__

#include "llmpi/base/integer.h"
#include "llmpi/kernels/threads.h"
#include "tile_pack.h"
#include "tile_target.h"
#include "tiles.h"

#include <omp.h>
#include <stdbool.h>

enum {
    SUMS = PANEL * PANEL,  /* floats of the product of a strip and a panel */
    BLOCK_STRIPS = 32,     /* the largest block: 1024 rows ... */
    BLOCK_PANELS = 24,     /* ... by 768 columns */
    FROM_MEMORY = 1 << 24, /* bytes of a right factor that does not stay in the third-level cache */
    STRIDE_LIMIT = 6144 /* bytes: rows as far apart or further meet in few sets of the cache and are copied */
};

/* How the output is cut: blocks of strips (PANEL rows) by panels (PANEL columns). */
struct grid {
    int64_t strips, panels, block_strips, block_panels, group;
    int threads;
};

/* Panels of the right factor that stay in half of the second-level cache over the whole depth; 0 where so few
 * do that groups are better. */
static int64_t resident_panels(int64_t depth)
{
    int64_t bytes = PANEL * (int64_t)sizeof(bf16) * round_up(depth, TILE_DEPTH);
    int64_t fit = cpu_cache_bytes() / 2 / bytes;
    return fit >= BLOCK_PANELS / 3 ? smaller(fit, BLOCK_PANELS) : 0;
}

/* Strips whose sums wait, in the second-level cache. Dot products are slow enough for sums from the third
 * one, which pays where the right factor comes from memory. */
static int64_t group_limit(int64_t columns, int64_t depth)
{
    if (tiles_native())
        return 8;
    return columns * depth * (int64_t)sizeof(bf16) > FROM_MEMORY ? 16 : 4;
}

static int64_t largest_group(int64_t rows, int64_t columns, int64_t depth)
{
    return resident_panels(depth) > 0 ? 1 : smaller(group_limit(columns, depth), divide_up(rows, PANEL));
}

static int64_t largest_panels(int64_t columns, int64_t depth)
{
    int64_t resident = resident_panels(depth);
    return smaller(divide_up(columns, PANEL), resident > 0 ? resident : BLOCK_PANELS);
}

/* Floating point operations worth a thread: some 20 microseconds. */
static double thread_work(void)
{
    return tiles_native() ? 3e7 : 6e6;
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
    double shares = 2.0 * (double)rows * (double)columns * (double)depth / thread_work(), least = -1.0;
    struct grid grid = {.strips = divide_up(rows, PANEL), .panels = divide_up(columns, PANEL)};
    grid.threads = shares < threads_count() ? (shares > 1.0 ? (int)shares : 1) : threads_count();
    grid.group = largest_group(rows, columns, depth);
    for (int64_t strips = smaller(grid.strips, BLOCK_STRIPS); strips >= 1; strips -= strips > 8 ? 4 : 1) {
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
    return largest_group(rows, columns, depth) * smaller(divide_up(columns, PANEL), BLOCK_PANELS) * SUMS *
           (int64_t)sizeof(float);
}

static int64_t thread_bytes(int64_t rows, int64_t columns, int64_t depth)
{
    return sums_bytes(rows, columns, depth) +
           smaller(DEPTH_BLOCK, round_up(depth, TILE_DEPTH)) * PANEL * (int64_t)sizeof(bf16);
}

int64_t tile_workspace_bytes(int64_t rows, int64_t columns, int64_t depth)
{
    return threads_count() * thread_bytes(rows, columns, depth);
}

/* The part of the output that begins at (row, column). */
TILED static struct tile_target target_at(const struct tile_product *product, int64_t row, int64_t column)
{
    int64_t size = tile_output_bytes(product->output);
    struct tile_target target = {
        .y = (char *)product->y + (row * product->y_stride + column) * size,
        .row_bytes = product->y_stride * size,
        .rows = smaller(PANEL, product->rows - row),
        .output = product->output,
        .low = (__mmask16)tile_mask(product->columns - column),
        .high = (__mmask16)tile_mask(product->columns - column - 16),
    };
    if (product->bias != NULL) {
        target.bias[0] = _mm512_maskz_loadu_ps(target.low, product->bias + column);
        target.bias[1] = _mm512_maskz_loadu_ps(target.high, product->bias + column + 16);
    }
    return target;
}

/* The last step: complete sums to the output. */
INLINE_TILED void finish(const struct tile_target *target, const float *sums, struct tile_pair left,
                         struct tile_pair right, int64_t steps, struct tile_ahead ahead)
{
    float complete[SUMS] __attribute__((aligned(64)));
    if (!tiles_native()) {
        tile_dots_finish(target, sums, left, right, steps, ahead);
        return;
    }
    tiles_multiply(complete, sums, PANEL, left, right, steps, ahead);
    for (int64_t row = 0; row < target->rows; row++)
        tile_target_store(target, row, _mm512_load_ps(complete + row * PANEL),
                          _mm512_load_ps(complete + row * PANEL + 16));
}

/* The tiles of the left factor from (row, depth): in its packed form, or as the rows lie where they are
 * complete, aligned and not too far apart, else in `copy`. */
TILED static struct tile_pair strip_at(const struct tile_product *product, int64_t row, int64_t depth,
                                       int64_t count, bf16 *copy)
{
    struct tile_pair packed = {(const char *)copy, TILE_BYTES, TILE_SIZE, 2 * TILE_SIZE};
    if (product->left == NULL) {
        packed.start = (const char *)(product->left_packed +
                                      tile_panel_offset(depth, row, product->depth, product->rows));
        return packed;
    }
    const bf16 *start = product->left + row * product->left_stride + depth;
    int64_t stride = product->left_stride * (int64_t)sizeof(bf16);
    if ((uintptr_t)start % TILE_BYTES == 0 && stride % TILE_BYTES == 0 && stride < STRIDE_LIMIT &&
        row + PANEL <= product->rows && count % TILE_DEPTH == 0)
        return (struct tile_pair){(const char *)start, stride, TILE_ROWS * stride, TILE_BYTES};
    tile_copy_panel(copy, start, product->left_stride, smaller(PANEL, product->rows - row), count);
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

static struct tile_ahead ahead_of(const struct tile_product *product, const struct block *block,
                                  int64_t strip)
{
    return (struct tile_ahead){
        .rows = next_left(product, block, strip),
        .apart = (product->left != NULL ? product->left_stride : DEPTH_BLOCK) * (int64_t)sizeof(bf16),
        .count = divide_up(PANEL, block->panel_end - block->panel),
        .output_row = product->y_stride * tile_output_bytes(product->output),
        .wide = product->output != TILE_BF16,
    };
}

/* One step of one strip of a block. */
TILED static void multiply_strip(const struct tile_product *product, const struct block *block, int64_t s)
{
    struct tile_pair left = strip_at(product, s * PANEL, block->depth, block->count, block->copy);
    struct tile_pair right = {(const char *)right_at(product, block->depth, block->panel), TILE_BYTES,
                              TILE_SIZE, 2 * TILE_SIZE};
    struct tile_ahead ahead = ahead_of(product, block, s);
    float *sums = block->sums + (s - block->group) * (block->panel_end - block->panel) * SUMS;
    int64_t steps = divide_up(block->count, TILE_DEPTH);
    for (int64_t p = block->panel; p < block->panel_end; p++) {
        const float *before = block->depth > 0 ? sums : NULL;
        if (block->last) {
            struct tile_target target = target_at(product, s * PANEL, p * PANEL);
            ahead.output = target.y;
            finish(&target, before, left, right, steps, ahead);
        } else {
            tiles_multiply(sums, before, PANEL, left, right, steps, ahead);
        }
        right.start += steps * right.along;
        sums += SUMS;
        ahead.rows += ahead.count * ahead.apart;
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
