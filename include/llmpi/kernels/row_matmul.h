/* Products of few rows with a weight, as generation has them: one row per sequence. Such a product is bound
 * by reading the weight, so each weight is read once, from a layout that streams, and nothing is packed. */
#ifndef LLMPI_KERNELS_ROW_MATMUL_H
#define LLMPI_KERNELS_ROW_MATMUL_H

#include "llmpi/base/memory.h"
#include "llmpi/kernels/element.h"

#include <stdbool.h>
#include <stdint.h>

/* A weight for few rows: for fp32 a view of the master, for bf16 a rounded copy, (outputs, inputs). */
struct row_weight;

/* `inputs`, `outputs`, `transposed`, `element` and `allocator` as in weight_create. NULL after fail(). */
struct row_weight *row_weight_create(int64_t inputs, int64_t outputs, bool transposed, enum element element,
                                     const struct allocator *allocator);
void row_weight_destroy(struct row_weight *weight); /* NULL is fine */

/* Bytes that the copy takes. */
int64_t row_weight_bytes(int64_t inputs, int64_t outputs, enum element element);

/* Takes over the values of `master`, which must stay valid. */
void row_weight_refresh(struct row_weight *weight, const float *master);

/* y (rows, outputs) = x (rows, inputs) W + bias (outputs; NULL: none). x is of the weight's element, y of
 * `y_element`: that of the weight, or fp32. Sums are fp32; the bits of a row depend neither on the other rows
 * nor on the number of threads. */
void row_matmul(void *y, enum element y_element, const void *x, const struct row_weight *weight,
                const float *bias, int64_t rows);

#endif
