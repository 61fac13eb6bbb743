/* Matrix products with weights. Only this module sees how a weight is stored. All matrices are row-major;
 * products of bf16 activations sum in fp32. */
#ifndef LLMPI_KERNELS_MATMUL_H
#define LLMPI_KERNELS_MATMUL_H

#include "llmpi/base/memory.h"
#include "llmpi/base/status.h"
#include "llmpi/kernels/element.h"
#include "llmpi/kernels/row_matmul.h"

#include <stdbool.h>
#include <stdint.h>

/* A weight as the products want it: for fp32 a view of the fp32 master, for bf16 packed forms of it. Opaque.
 */
struct weight;

/* A weight that maps `inputs` to `outputs` features, for activations of `element`. Its master is (inputs,
 * outputs), or (outputs, inputs) when `transposed` (the embedding used as the output head). Packed forms come
 * from `allocator`, which must outlive the weight. NULL after fail(). */
struct weight *weight_create(int64_t inputs, int64_t outputs, bool transposed, enum element element,
                             const struct allocator *allocator);
void weight_destroy(struct weight *weight);

/* Bytes that the packed forms of such a weight take. */
int64_t weight_packed_bytes(int64_t inputs, int64_t outputs, enum element element);

/* Takes over the values of `master`, which must stay valid; called once after every update. */
void weight_refresh(struct weight *weight, const float *master);

/* The weight as row_matmul wants it, with the values of the last refresh; from the weight's allocator. The
 * caller destroys it. NULL after fail(). */
struct row_weight *weight_for_rows(const struct weight *weight);

/* Bytes of scratch memory that the products below want for such a weight and up to `rows` rows, with
 * threads_count() threads. */
int64_t matmul_workspace(int64_t inputs, int64_t outputs, enum element element, int64_t rows);

/* y (rows, outputs) = x (rows, inputs) W + bias (outputs; NULL: none). x is of the weight's element, y of
 * `y_element`: that of the weight, or fp32. */
void matmul_forward(void *y, enum element y_element, const void *x, const struct weight *weight,
                    const float *bias, int64_t rows, void *workspace);

/* dx (rows, inputs) = dy (rows, outputs) W^T, both of the weight's element. Overwrites dx. */
void matmul_backward_input(void *dx, const void *dy, const struct weight *weight, int64_t rows,
                           void *workspace);

/* dW += x^T dy, in the master's layout; dbias += column sums of dy (NULL: none). Accumulates. x and dy are of
 * the weight's element, the gradients fp32. */
void matmul_backward_weight(float *dweight, float *dbias, const void *x, const void *dy,
                            const struct weight *weight, int64_t rows, void *workspace);

#endif
