/* Products of fp32 matrices, and of bf16 ones in pairs. */
#ifndef LLMPI_KERNELS_GEMM_H
#define LLMPI_KERNELS_GEMM_H

#include <stdbool.h>
#include <stdint.h>

/* One factor of a product: row-major, row r begins at values + r * stride; used as its transpose when
 * `transposed`. */
struct gemm_factor {
    const float *values;
    int64_t stride;
    bool transposed;
};

#define GEMM_LARGEST ((int64_t)1 << 30) /* columns, and rows of a call: CBLAS counts may be 32 bits wide */

/* On the calling thread alone, for kernels that run inside a parallel region: c (m, n) = alpha * a (m, k) b
 * (k, n) + beta * c, where (m, k) and (k, n) are the shapes after transposition. c is not read when beta is
 * 0. */
void gemm(float *c, int64_t c_stride, float beta, float alpha, struct gemm_factor a, struct gemm_factor b,
          int64_t m, int64_t n, int64_t k);

/* On all threads: c (m, n) = a b + beta * c with contiguous rows; c starts from `bias` (n) in every row where
 * that is not NULL. */
void gemm_threads(float *c, float beta, const float *bias, struct gemm_factor a, struct gemm_factor b,
                  int64_t m, int64_t n, int64_t k);

/* On all threads: c (m, n) += a b with contiguous rows, of pairs of bf16 numbers (gemm_vector_pairs). */
void gemm_threads_pairs(float *c, struct gemm_factor a, struct gemm_factor b, int64_t m, int64_t n,
                        int64_t k);

#endif
