/* Matrix products with weights. Only this module sees how a weight is stored. All matrices are row-major. */
#ifndef LLMPI_KERNELS_MATMUL_H
#define LLMPI_KERNELS_MATMUL_H

#include "llmpi/base/status.h"

#include <stdbool.h>
#include <stdint.h>

/* A weight as the products want it: today a view of the fp32 master, later packed forms of it. Opaque. */
struct weight;

/* A weight that maps `inputs` to `outputs` features. Its master is (inputs, outputs), or (outputs, inputs)
 * when `transposed` (the embedding used as the output head). NULL after fail(). */
struct weight *weight_create(int64_t inputs, int64_t outputs, bool transposed);
void weight_destroy(struct weight *weight);

/* Takes over the values of `master`, which must stay valid; called once after every update. */
void weight_refresh(struct weight *weight, const float *master);

/* y (rows, outputs) = x (rows, inputs) W + bias (outputs; NULL: none). */
void matmul_forward(float *y, const float *x, const struct weight *weight, const float *bias, int64_t rows);

/* dx (rows, inputs) = dy (rows, outputs) W^T. Overwrites dx. */
void matmul_backward_input(float *dx, const float *dy, const struct weight *weight, int64_t rows);

/* dW += x^T dy, in the master's layout; dbias += column sums of dy (NULL: none). Accumulates. */
void matmul_backward_weight(float *dweight, float *dbias, const float *x, const float *dy,
                            const struct weight *weight, int64_t rows);

#endif
