/* The low-rank path beside a linear layer (LoRA; Hu et al. 2021, arXiv:2106.09685):
 * y = x W + b + scale (x A) B, with A (inputs, rank), B (rank, outputs) and scale = alpha / rank. A starts
 * normal and B zero, so that training starts from the model as it was; afterwards W + scale A B is a plain
 * weight again. */
#ifndef LLMPI_MODEL_ADAPTER_H
#define LLMPI_MODEL_ADAPTER_H

#include "llmpi/base/status.h"
#include "llmpi/kernels/matmul.h"
#include "llmpi/model/activations.h"
#include "llmpi/model/parameters.h"

#include <stdint.h>

struct pass;

struct adapter {
    struct weight *a, *b;       /* NULL: the layer has none */
    int64_t a_offset, b_offset; /* in the parameter array */
    int64_t inputs, outputs, rank;
    float scale;
};

/* Looks up "`name`.lora_A.weight" and "`name`.lora_B.weight"; none where the table has none. The rest as in
 * weight_create. Release with adapter_destroy, also after a failure. */
enum status adapter_create(struct adapter *adapter, const struct parameter_table *table, const char *name,
                           enum element element, const struct allocator *allocator);
void adapter_destroy(struct adapter *adapter);

/* Takes over changed parameters. */
void adapter_refresh(const struct adapter *adapter, const float *parameters);

/* y += scale (x A) B. Arrays are of the pass's element, here and below; nothing happens without an adapter.
 */
void adapter_forward(const struct adapter *adapter, const struct pass *pass, void *y, const void *x,
                     int64_t rows);

/* Adds to the gradients of A and B: dA += scale x^T (dy B^T), dB += scale (x A)^T dy. */
void adapter_backward_parameters(const struct adapter *adapter, const struct pass *pass, const void *x,
                                 const void *dy, int64_t rows);

/* dx += scale (dy B^T) A^T, right after adapter_backward_parameters. */
void adapter_backward_input(const struct adapter *adapter, const struct pass *pass, void *dx, int64_t rows);

/* weight (inputs, outputs) += scale A B, each number rounded once. */
void adapter_merge(float *weight, const float *a, const float *b, int64_t inputs, int64_t outputs,
                   int64_t rank, double scale);

#endif
