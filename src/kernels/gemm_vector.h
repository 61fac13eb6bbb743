/* The library's own fp32 products on vector registers, and the parts of them that are written once per
 * instruction set. */
#ifndef LLMPI_SRC_KERNELS_GEMM_VECTOR_H
#define LLMPI_SRC_KERNELS_GEMM_VECTOR_H

#include "gemm.h"

/* As gemm(), for m, n and k of at least 1. False, with nothing done, where cpu_level() has no kernels. The
 * order in which the terms of an element are added depends on k and the instruction set alone, so that an
 * output may be cut anywhere. Allocates nothing: each thread has 1.2 MB of static memory, of which it touches
 * what a product needs.
 */
bool gemm_vector(float *c, int64_t c_stride, float beta, float alpha, struct gemm_factor a,
                 struct gemm_factor b, int64_t m, int64_t n, int64_t k);

/* c += a b on the calling thread, where each float of a and b is two bf16 numbers, neighbours along the inner
 * dimension, the first in the lower half; k counts pairs. Needs CPU_AVX512_BF16. */
void gemm_vector_pairs(float *c, int64_t c_stride, struct gemm_factor a, struct gemm_factor b, int64_t m,
                       int64_t n, int64_t k);

/* A panel is a strip of a factor, at most as wide as a tile is high (of a) or wide (of b), stored step by
 * step along the inner dimension: packed, or as it lies in memory. */

/* c (rows, columns) = alpha * a b + beta * c over `depth` steps. Row r of step s of `a` is a[r * a_row +
 * s * a_step]; step s of `b` begins at b[s * b_step] and is a whole tile wide. */
struct gemm_tile {
    const float *a, *b;
    int64_t a_row, a_step, b_step;
    float *c;
    int64_t c_stride, depth, rows, columns;
    float alpha, beta;
};

/* One instruction set. */
struct gemm_kernels {
    int64_t rows, columns; /* of the largest tile */
    int64_t a_panel;       /* floats from one step of a packed panel of a to the next; of b: columns */
    void (*multiply)(const struct gemm_tile *tile);

    /* Fills a panel, whose steps are `panel` floats apart, with `width` values per step; the rest of a step
     * becomes anything. Copy: step s begins at from + s * stride. Transpose: each of `width` rows has one
     * value of it, from[row * stride + s]. */
    void (*copy)(float *to, int64_t panel, const float *from, int64_t stride, int64_t width, int64_t depth);
    void (*transpose)(float *to, int64_t panel, const float *from, int64_t stride, int64_t width,
                      int64_t depth);
};

extern const struct gemm_kernels gemm_avx512, gemm_avx512_pairs, gemm_avx2;

#endif
