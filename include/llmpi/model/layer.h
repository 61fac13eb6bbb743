/* The two layers that have parameters, each with its tensors looked up once in the table: a matrix product
 * with bias, and layer normalisation. A pass holds what all of them work with. */
#ifndef LLMPI_MODEL_LAYER_H
#define LLMPI_MODEL_LAYER_H

#include "llmpi/base/batch.h"
#include "llmpi/base/status.h"
#include "llmpi/kernels/dropout.h"
#include "llmpi/kernels/matmul.h"
#include "llmpi/kernels/row_matmul.h"
#include "llmpi/model/activations.h"
#include "llmpi/model/adapter.h"
#include "llmpi/model/kv_cache.h"
#include "llmpi/model/parameters.h"

#include <stdbool.h>
#include <stdint.h>

/* One forward pass and, where `gradients` is not NULL, the backward pass after it. */
struct pass {
    const struct model_shape *shape;
    const struct activations *activations;
    const float *parameters;
    float *gradients;
    const struct batch *batch;
    int64_t rows;                 /* tokens of the batch */
    struct dropout dropout;       /* its place is set by pass_dropout; probability 0: none */
    const struct kv_pass *cached; /* NULL: every sequence is whole */
    bool few;                     /* products by linear->few */
};

/* The dropouts of a block, and of the embedding (block 0). */
enum dropout_kind { DROPOUT_EMBEDDING, DROPOUT_ATTENTION, DROPOUT_ATTENTION_BRANCH, DROPOUT_MLP_BRANCH };

/* The dropout of that place; its `place` is 4 * block + kind. */
struct dropout pass_dropout(const struct pass *pass, int64_t block, enum dropout_kind kind);

/* y = x W + b, with an adapter's path beside it where the table has one. */
struct linear {
    struct weight *weight;
    struct row_weight *few; /* for few rows; NULL outside of generation (linear_prepare_few) */
    struct adapter adapter;
    int64_t matrix, bias; /* offsets in the parameter array; bias -1: none */
    bool trained;
};

/* Looks up "`name`.weight" and "`name`.bias"; the rest as in weight_create. Release with linear_destroy,
 * also after a failure. */
enum status linear_create(struct linear *linear, const struct parameter_table *table, const char *name,
                          bool transposed, enum element element, const struct allocator *allocator);
void linear_destroy(struct linear *linear);

/* Takes over changed parameters: all, or those that are trained. */
void linear_refresh(const struct linear *linear, const float *parameters, bool all);

/* Makes the form for few rows, of the values that the parameters have now; drops it. */
enum status linear_prepare_few(struct linear *linear);
void linear_drop_few(struct linear *linear);

/* y = x W + b; dx = dy W^T, dW += x^T dy and db += column sums of dy, where they are trained. x, dx (which
 * may be x) and dy are of the pass's element, and y too; that of linear_forward_wide is fp32. */
void linear_forward(const struct linear *linear, const struct pass *pass, void *y, const void *x,
                    int64_t rows);
void linear_forward_wide(const struct linear *linear, const struct pass *pass, float *y, const void *x,
                         int64_t rows);
void linear_backward(const struct linear *linear, const struct pass *pass, void *dx, const void *x,
                     const void *dy, int64_t rows);

/* Layer normalisation of rows of n_embd elements. */
struct norm {
    int64_t gain, bias; /* offsets in the parameter array; bias -1: none */
    bool trained;
};

/* Looks up "`name`.weight" and "`name`.bias". */
struct norm norm_find(const struct parameter_table *table, const char *name);

/* y of the pass's element from x of the residual stream. */
void norm_forward(const struct norm *norm, const struct pass *pass, void *y, float *mean, float *rstd,
                  const float *x, int64_t rows);

/* The same y once more, from what norm_forward saved. */
void norm_again(const struct norm *norm, const struct pass *pass, void *y, const float *mean,
                const float *rstd, const float *x, int64_t rows);

/* Adds to dx, the gradient of the residual stream at x, and to those of gain and bias where they are
 * trained. */
void norm_backward(const struct norm *norm, const struct pass *pass, float *dx, const void *dy,
                   const float *x, const float *mean, const float *rstd, int64_t rows);

#endif
