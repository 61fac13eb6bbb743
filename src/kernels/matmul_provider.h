/* Products in bf16 with fp32 sums, one provider per way to compute them. The first provider of the table in
 * matmul_bf16.c that the processor is good for serves all weights.
 *
 * All functions below are called outside of parallel regions, use threads_count() OpenMP threads, allocate
 * nothing after pack_create, and use `workspace` (workspace_bytes() bytes, 64-byte aligned) freely. Results
 * must not depend on how many rows are computed in the call in their rounding of single elements for forward
 * and backward_input; backward_weight may cut rows into chunks of a fixed size. The same thread count gives
 * the same bits. rows may be 0. */
#ifndef LLMPI_SRC_KERNELS_MATMUL_PROVIDER_H
#define LLMPI_SRC_KERNELS_MATMUL_PROVIDER_H

#include "llmpi/base/cpu.h"
#include "llmpi/base/memory.h"
#include "llmpi/kernels/element.h"

#include <stdbool.h>
#include <stdint.h>

struct matmul_provider {
    const char *name;     /* "tiles", "onednn", "plain" */
    enum cpu_level needs; /* usable from this level on */

    /* The provider's own forms of a weight (inputs, outputs), from `allocator`; NULL after fail(). */
    void *(*create)(int64_t inputs, int64_t outputs, const struct allocator *allocator);
    void (*destroy)(void *packed, const struct allocator *allocator);
    int64_t (*packed_bytes)(int64_t inputs, int64_t outputs); /* what create takes, for `llmpi plan` */

    /* Takes over the values of the fp32 master, (inputs, outputs) or, `transposed`, (outputs, inputs),
     * rounded to bf16. On all threads. */
    void (*pack)(void *packed, const float *master, bool transposed);

    /* Bytes of scratch that the three products want for such a weight and up to `rows` rows. */
    int64_t (*workspace_bytes)(int64_t inputs, int64_t outputs, int64_t rows);

    /* y (rows, outputs) = x (rows, inputs) W + bias (fp32; NULL: none); y is of `y_element`. */
    void (*forward)(void *y, enum element y_element, const bf16 *x, const void *packed, const float *bias,
                    int64_t rows, void *workspace);

    /* dx (rows, inputs) = dy (rows, outputs) W^T. Overwrites dx. */
    void (*backward_input)(bf16 *dx, const bf16 *dy, const void *packed, int64_t rows, void *workspace);

    /* dW += x^T dy in fp32, in the master's layout: (inputs, outputs), or (outputs, inputs) when
     * `transposed`. */
    void (*backward_weight)(float *dweight, bool transposed, const bf16 *x, const bf16 *dy, int64_t inputs,
                            int64_t outputs, int64_t rows, void *workspace);
};

extern const struct matmul_provider matmul_tiles;  /* matmul_tiles.c: own kernels, AMX or AVX512_BF16 */
extern const struct matmul_provider matmul_onednn; /* matmul_onednn.c: only in builds that found oneDNN */
extern const struct matmul_provider matmul_plain;  /* matmul_plain.c: fp32 blocks, runs anywhere */

/* onednn.c: "2.6.3". */
const char *matmul_onednn_version(void);

/* The provider that weights created from now on are to use: see llmpi/kernels/matmul_bf16.h. Never NULL. */
const struct matmul_provider *matmul_provider_choose(void);

/* The providers one by one, for tests and benchmarks: how many places the table has, and the provider at one;
 * NULL where it is not in this build, or needs more than cpu_level(). */
int matmul_provider_count(void);
const struct matmul_provider *matmul_provider_at(int index);

#endif
