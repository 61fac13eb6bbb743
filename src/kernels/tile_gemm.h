/* Products of bf16 matrices with fp32 sums on AMX tiles (private; x86-64 only, and to be called only where
 * cpu_level() is CPU_AMX).
 *
 * Every element of the output is summed in the same order whatever the number of threads and of rows. The
 * instructions treat denormal numbers, bf16 or fp32, as zero and round to nearest even; so does the
 * conversion of the output to bf16. */
#ifndef LLMPI_KERNELS_TILE_GEMM_H
#define LLMPI_KERNELS_TILE_GEMM_H

#ifdef __x86_64__

#include "llmpi/kernels/element.h"

#include <stdint.h>

enum tile_output { TILE_BF16, TILE_FP32, TILE_ADD_FP32 /* y += */ };

/* y (rows, columns) = left (rows, depth) right (depth, columns) + bias. */
struct tile_product {
    int64_t rows, columns, depth;
    const bf16 *left; /* row-major with left_stride elements from row to row, or NULL: */
    int64_t left_stride;
    const bf16 *left_packed; /* its packed form (tile_pack.h) */
    const bf16 *right;       /* a packed form */
    const float *bias;       /* `columns` numbers, or NULL */
    void *y;
    int64_t y_stride; /* elements */
    enum tile_output output;
};

/* On up to threads_count() threads. `workspace`: tile_workspace_bytes() bytes, 64-byte aligned. */
void tile_multiply(const struct tile_product *product, void *workspace);

/* For products of up to `rows` rows with threads_count() threads. */
int64_t tile_workspace_bytes(int64_t rows, int64_t columns, int64_t depth);

#endif
#endif
