/* Weights, and which products serve them: fp32 through gemm.h on the master itself, bf16 through the provider
 * that matmul_bf16.c chose. */
#include "llmpi/kernels/matmul.h"

#include "element_access.h"
#include "gemm.h"
#include "llmpi/base/clones.h"
#include "llmpi/base/integer.h"
#include "llmpi/kernels/threads.h"
#include "matmul_provider.h"

struct weight {
    int64_t inputs, outputs;
    bool transposed;
    const float *master;
    const struct matmul_provider *provider; /* of bf16 products; NULL: fp32 */
    void *packed;                           /* the provider's forms */
    struct allocator allocator;
};

static const struct matmul_provider *provider_of(enum element element)
{
    return element == ELEMENT_BF16 ? matmul_provider_choose() : NULL;
}

struct weight *weight_create(int64_t inputs, int64_t outputs, bool transposed, enum element element,
                             const struct allocator *allocator)
{
    if (inputs < 1 || outputs < 1 || inputs > GEMM_LARGEST || outputs > GEMM_LARGEST) {
        fail(STATUS_FAILED, "a weight of %lld inputs and %lld outputs; allowed are 1 to %lld",
             (long long)inputs, (long long)outputs, (long long)GEMM_LARGEST);
        return NULL;
    }
    struct weight *weight = memory_allocate(1, sizeof *weight, "a weight");
    if (weight == NULL)
        return NULL;
    weight->inputs = inputs;
    weight->outputs = outputs;
    weight->transposed = transposed;
    weight->provider = provider_of(element);
    weight->allocator = *allocator;
    if (weight->provider != NULL &&
        (weight->packed = weight->provider->create(inputs, outputs, &weight->allocator)) == NULL) {
        memory_free(weight);
        return NULL;
    }
    return weight;
}

void weight_destroy(struct weight *weight)
{
    if (weight != NULL && weight->provider != NULL)
        weight->provider->destroy(weight->packed, &weight->allocator);
    memory_free(weight);
}

int64_t weight_packed_bytes(int64_t inputs, int64_t outputs, enum element element)
{
    const struct matmul_provider *provider = provider_of(element);
    return provider != NULL ? provider->packed_bytes(inputs, outputs) : 0;
}

void weight_refresh(struct weight *weight, const float *master)
{
    weight->master = master;
    if (weight->provider != NULL)
        weight->provider->pack(weight->packed, master, weight->transposed);
}

struct row_weight *weight_for_rows(const struct weight *weight)
{
    enum element element = weight->provider != NULL ? ELEMENT_BF16 : ELEMENT_FP32;
    struct row_weight *rows =
        row_weight_create(weight->inputs, weight->outputs, weight->transposed, element, &weight->allocator);
    if (rows != NULL)
        row_weight_refresh(rows, weight->master);
    return rows;
}

int64_t matmul_workspace(int64_t inputs, int64_t outputs, enum element element, int64_t rows)
{
    const struct matmul_provider *provider = provider_of(element);
    return provider != NULL ? provider->workspace_bytes(inputs, outputs, rows) : 0;
}

/* The master as the (inputs, outputs) matrix W, or as W^T. */
static struct gemm_factor weight_factor(const struct weight *weight, bool transposed)
{
    return (struct gemm_factor){weight->master, weight->transposed ? weight->inputs : weight->outputs,
                                weight->transposed != transposed};
}

void matmul_forward(void *y, enum element y_element, const void *x, const struct weight *weight,
                    const float *bias, int64_t rows, void *workspace)
{
    struct gemm_factor left = {x, weight->inputs, false};
    if (weight->provider != NULL)
        weight->provider->forward(y, y_element, x, weight->packed, bias, rows, workspace);
    else
        gemm_threads(y, 0.0f, bias, left, weight_factor(weight, false), rows, weight->outputs,
                     weight->inputs);
}

void matmul_backward_input(void *dx, const void *dy, const struct weight *weight, int64_t rows,
                           void *workspace)
{
    struct gemm_factor left = {dy, weight->outputs, false};
    if (weight->provider != NULL)
        weight->provider->backward_input(dx, dy, weight->packed, rows, workspace);
    else
        gemm_threads(dx, 0.0f, NULL, left, weight_factor(weight, true), rows, weight->inputs,
                     weight->outputs);
}

enum { SUM_ROWS = 64, SUM_COLUMNS = 256 };

/* A block's column sums; blocks of rows keep rounding errors small. */
ELEMENT_LOOP void sum_loop(float *sums, const void *dy, enum element element, int64_t rows, int64_t stride,
                           int64_t columns)
{
    for (int64_t row = 0; row < rows; row++) {
        const void *values = element_at_const(dy, element, row * stride);
#pragma omp simd
        for (int64_t column = 0; column < columns; column++)
            sums[column] += element_load(values, element, column);
    }
}

CLONED(void, add_column_sums,
       (float *sums, const void *dy, enum element element, int64_t rows, int64_t stride, int64_t columns),
       (sums, dy, element, rows, stride, columns))
{
    float block[SUM_COLUMNS] = {0};
    if (element == ELEMENT_BF16)
        sum_loop(block, dy, ELEMENT_BF16, rows, stride, columns);
    else
        sum_loop(block, dy, ELEMENT_FP32, rows, stride, columns);
    for (int64_t column = 0; column < columns; column++)
        sums[column] += block[column];
}

/* By the threads of the region that calls it, which split the columns, so that the sums do not depend on
 * their number. */
static void bias_backward(float *dbias, const void *dy, enum element element, int64_t rows, int64_t outputs)
{
    int64_t widest = divide_up(outputs, threads_count());
    int64_t step = widest >= SUM_COLUMNS ? SUM_COLUMNS : round_up(widest, 16);
#pragma omp for schedule(static) nowait
    for (int64_t column = 0; column < outputs; column += step)
        for (int64_t row = 0; row < rows; row += SUM_ROWS)
            add_column_sums(dbias + column, element_at_const(dy, element, row * outputs + column), element,
                            smaller(SUM_ROWS, rows - row), outputs, smaller(step, outputs - column));
}

static void fp32_backward_weight(float *dweight, const float *x, const float *dy, const struct weight *weight,
                                 int64_t rows)
{
    struct gemm_factor inputs = {x, weight->inputs, true}, outputs = {dy, weight->outputs, true};
    if (weight->transposed) {
        inputs.transposed = false;
        gemm_threads(dweight, 1.0f, NULL, outputs, inputs, weight->outputs, weight->inputs, rows);
    } else {
        outputs.transposed = false;
        gemm_threads(dweight, 1.0f, NULL, inputs, outputs, weight->inputs, weight->outputs, rows);
    }
}

void matmul_backward_weight(float *dweight, float *dbias, const void *x, const void *dy,
                            const struct weight *weight, int64_t rows, void *workspace)
{
    if (weight->provider != NULL)
        weight->provider->backward_weight(dweight, weight->transposed, x, dy, weight->inputs, weight->outputs,
                                          rows, workspace);
    else
        fp32_backward_weight(dweight, x, dy, weight, rows);
    if (dbias != NULL)
        ON_THREADS(rows * weight->outputs,
                   bias_backward(dbias, dy, weight->provider != NULL ? ELEMENT_BF16 : ELEMENT_FP32, rows,
                                 weight->outputs));
}
