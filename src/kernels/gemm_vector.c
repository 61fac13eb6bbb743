/* Products in the way of Goto and van de Geijn ("Anatomy of high-performance matrix multiplication", 2008):
 * a block of b is packed into panels that stay in the second-level cache, panel after panel of a is packed
 * into the first-level cache and meets them all, and a tile of c stays in registers along the inner dimension
 * of the block. Packing reads transposed factors as easily as plain ones, so there is one kernel for all. */
#include "gemm_vector.h"

#include "llmpi/base/cpu.h"
#include "llmpi/base/integer.h"

#include <stddef.h>

/* A block of b fills half of the second-level cache of 2 MB; smaller caches get it from the third level,
 * which the kernels' prefetching bears. */
enum {
    BLOCK_DEPTH = 384,
    BLOCK_COLUMNS = 768, /* a multiple of every tile's width */
    LARGEST_PANEL = 16,  /* floats of a step of a's panels */
    LITTLE_REUSE = 128   /* up to so many uses, a factor is read as it lies */
};

/* A product of which c is cut into tiles. */
struct product {
    const struct gemm_kernels *kernels;
    struct gemm_factor a, b;
    float *c;
    int64_t c_stride, m, n, k;
    float alpha, beta;
};

/* A part of the inner dimension and of the columns. */
struct part {
    int64_t inner, depth, column, columns;
};

/* Steps [inner, inner + depth) of the part of a factor that begins at `outer` and is `width` wide: `along`
 * says that neighbours in memory are neighbours along the inner dimension. */
static void pack(float *to, int64_t panel, const struct gemm_kernels *kernels,
                 const struct gemm_factor *factor, bool along, int64_t outer, int64_t width, int64_t inner,
                 int64_t depth)
{
    if (along)
        kernels->transpose(to, panel, factor->values + outer * factor->stride + inner, factor->stride, width,
                           depth);
    else
        kernels->copy(to, panel, factor->values + inner * factor->stride + outer, factor->stride, width,
                      depth);
}

/* Whether b is used as it lies: row-major, wide enough for whole tiles, and for few rows. */
static bool reads_columns(const struct product *p)
{
    return !p->b.transposed && p->m <= LITTLE_REUSE && p->n % p->kernels->columns == 0;
}

static void pack_columns(float *to, const struct product *p, const struct part *part)
{
    const struct gemm_kernels *kernels = p->kernels;
    for (int64_t column = 0; column < part->columns; column += kernels->columns) {
        int64_t width = smaller(kernels->columns, part->columns - column);
        pack(to, kernels->columns, kernels, &p->b, p->b.transposed, part->column + column, width, part->inner,
             part->depth);
        to += part->depth * kernels->columns;
    }
}

/* The panel of a that begins at `row`: packed into `left`, or as it lies. */
static void take_rows(struct gemm_tile *tile, float *left, const struct product *p, const struct part *part,
                      int64_t row)
{
    const struct gemm_kernels *kernels = p->kernels;
    if (p->n > LITTLE_REUSE) {
        pack(left, kernels->a_panel, kernels, &p->a, !p->a.transposed, row, tile->rows, part->inner,
             part->depth);
        tile->a = left;
        tile->a_row = 1;
        tile->a_step = kernels->a_panel;
    } else if (p->a.transposed) {
        tile->a = p->a.values + part->inner * p->a.stride + row;
        tile->a_row = 1;
        tile->a_step = p->a.stride;
    } else {
        tile->a = p->a.values + row * p->a.stride + part->inner;
        tile->a_row = p->a.stride;
        tile->a_step = 1;
    }
}

/* All rows of c in some columns, one part of the inner dimension. `right` is b there, with `next_panel`
 * floats from one panel to the next. Rows are shared out evenly among tiles, because a tile of few rows waits
 * for its sums. */
static void multiply_part(const struct product *p, const struct part *part, const float *right,
                          int64_t b_step, int64_t next_panel)
{
    _Alignas(64) float left[BLOCK_DEPTH * LARGEST_PANEL];
    int64_t width = p->kernels->columns, tiles = divide_up(p->m, p->kernels->rows);
    struct gemm_tile tile = {
        .b_step = b_step, .c_stride = p->c_stride, .depth = part->depth, .alpha = p->alpha, .beta = p->beta};
    if (part->inner > 0)
        tile.beta = 1.0f;
    for (int64_t i = 0; i < tiles; i++) {
        int64_t row = p->m * i / tiles;
        tile.rows = p->m * (i + 1) / tiles - row;
        take_rows(&tile, left, p, part, row);
        tile.b = right;
        for (int64_t column = 0; column < part->columns; column += width) {
            tile.columns = smaller(width, part->columns - column);
            tile.c = p->c + row * p->c_stride + part->column + column;
            p->kernels->multiply(&tile);
            tile.b += next_panel;
        }
    }
}

static void multiply(const struct product *p)
{
    static _Thread_local _Alignas(64) float block[BLOCK_DEPTH * BLOCK_COLUMNS];
    int64_t depth = divide_up(p->k, divide_up(p->k, BLOCK_DEPTH)), width = p->kernels->columns;
    for (struct part part = {0}; part.column < p->n; part.column += BLOCK_COLUMNS) {
        part.columns = smaller(BLOCK_COLUMNS, p->n - part.column);
        for (part.inner = 0; part.inner < p->k; part.inner += depth) {
            part.depth = smaller(depth, p->k - part.inner);
            if (reads_columns(p)) {
                const float *corner = p->b.values + part.inner * p->b.stride + part.column;
                multiply_part(p, &part, corner, p->b.stride, width);
            } else {
                pack_columns(block, p, &part);
                multiply_part(p, &part, block, width, part.depth * width);
            }
        }
    }
}

/* NULL: none for this processor. */
static const struct gemm_kernels *kernels_in_use(void)
{
#ifdef __x86_64__
    if (cpu_level() >= CPU_AVX512)
        return &gemm_avx512;
    if (cpu_level() >= CPU_AVX2)
        return &gemm_avx2;
#endif
    return NULL;
}

bool gemm_vector(float *c, int64_t c_stride, float beta, float alpha, struct gemm_factor a,
                 struct gemm_factor b, int64_t m, int64_t n, int64_t k)
{
    struct product product = {kernels_in_use(), a, b, c, c_stride, m, n, k, alpha, beta};
    if (product.kernels == NULL)
        return false;
    multiply(&product);
    return true;
}

void gemm_vector_pairs(float *c, int64_t c_stride, struct gemm_factor a, struct gemm_factor b, int64_t m,
                       int64_t n, int64_t k)
{
#ifdef __x86_64__
    struct product product = {&gemm_avx512_pairs, a, b, c, c_stride, m, n, k, 1.0f, 1.0f};
    multiply(&product);
#endif
}
