/* The scale is applied where the path is narrowest, to x A and to dy B^T. What is added to y and dx is made a
 * few rows at a time, so that it is still in the cache when it is added. */
#include "llmpi/model/adapter.h"

#include "llmpi/kernels/accumulate.h"
#include "llmpi/model/layer.h"

#include <stdio.h>

static const struct parameter *find(const struct parameter_table *table, const char *name, const char *part)
{
    char full[80];
    snprintf(full, sizeof full, "%s.%s.weight", name, part);
    return parameter_find(table, full);
}

enum status adapter_create(struct adapter *adapter, const struct parameter_table *table, const char *name,
                           enum element element, const struct allocator *allocator)
{
    const struct parameter *a = find(table, name, "lora_A"), *b = find(table, name, "lora_B");
    *adapter = (struct adapter){0};
    if (a == NULL)
        return STATUS_OK;
    *adapter = (struct adapter){.a_offset = a->offset,
                                .b_offset = b->offset,
                                .inputs = a->sizes[0],
                                .outputs = b->sizes[1],
                                .rank = a->sizes[1],
                                .scale = (float)(table->lora.alpha / (double)a->sizes[1])};
    adapter->a = weight_create(adapter->inputs, adapter->rank, false, element, allocator);
    adapter->b = weight_create(adapter->rank, adapter->outputs, false, element, allocator);
    return adapter->a != NULL && adapter->b != NULL ? STATUS_OK : STATUS_FAILED;
}

void adapter_destroy(struct adapter *adapter)
{
    weight_destroy(adapter->a);
    weight_destroy(adapter->b);
    adapter->a = adapter->b = NULL;
}

void adapter_refresh(const struct adapter *adapter, const float *parameters)
{
    if (adapter->a == NULL)
        return;
    weight_refresh(adapter->a, parameters + adapter->a_offset);
    weight_refresh(adapter->b, parameters + adapter->b_offset);
}

static void *rows_of(void *values, enum element element, int64_t row, int64_t width)
{
    return (char *)values + (size_t)(row * width) * element_size(element);
}

static int64_t rows_at(int64_t first, int64_t rows)
{
    return rows - first < ADAPTER_ROWS ? rows - first : ADAPTER_ROWS;
}

/* Leaves scale x A in `low`. */
static void reduce(const struct adapter *adapter, const struct pass *pass, const void *x, int64_t rows)
{
    const struct activations *scratch = pass->activations;
    matmul_forward(scratch->low, scratch->element, x, adapter->a, NULL, rows, scratch->workspace);
    multiply_by(scratch->low, adapter->scale, scratch->element, rows * adapter->rank);
}

void adapter_forward(const struct adapter *adapter, const struct pass *pass, void *y, const void *x,
                     int64_t rows)
{
    const struct activations *scratch = pass->activations;
    enum element element = scratch->element;
    if (adapter->a == NULL)
        return;
    reduce(adapter, pass, x, rows);
    for (int64_t first = 0; first < rows; first += ADAPTER_ROWS) {
        int64_t count = rows_at(first, rows);
        matmul_forward(scratch->added, element, rows_of(scratch->low, element, first, adapter->rank),
                       adapter->b, NULL, count, scratch->workspace);
        accumulate(rows_of(y, element, first, adapter->outputs), scratch->added, element,
                   count * adapter->outputs);
    }
}

void adapter_backward_parameters(const struct adapter *adapter, const struct pass *pass, const void *x,
                                 const void *dy, int64_t rows)
{
    const struct activations *scratch = pass->activations;
    if (adapter->a == NULL)
        return;
    reduce(adapter, pass, x, rows);
    matmul_backward_weight(pass->gradients + adapter->b_offset, NULL, scratch->low, dy, adapter->b, rows,
                           scratch->workspace);
    matmul_backward_input(scratch->low, dy, adapter->b, rows, scratch->workspace);
    multiply_by(scratch->low, adapter->scale, scratch->element, rows * adapter->rank);
    matmul_backward_weight(pass->gradients + adapter->a_offset, NULL, x, scratch->low, adapter->a, rows,
                           scratch->workspace);
}

void adapter_backward_input(const struct adapter *adapter, const struct pass *pass, void *dx, int64_t rows)
{
    const struct activations *scratch = pass->activations;
    enum element element = scratch->element;
    if (adapter->a == NULL)
        return;
    for (int64_t first = 0; first < rows; first += ADAPTER_ROWS) {
        int64_t count = rows_at(first, rows);
        matmul_backward_input(scratch->added, rows_of(scratch->low, element, first, adapter->rank),
                              adapter->a, count, scratch->workspace);
        accumulate(rows_of(dx, element, first, adapter->inputs), scratch->added, element,
                   count * adapter->inputs);
    }
}

void adapter_merge(float *weight, const float *a, const float *b, int64_t inputs, int64_t outputs,
                   int64_t rank, double scale)
{
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < inputs; i++)
        for (int64_t o = 0; o < outputs; o++) {
            double sum = 0;
            for (int64_t k = 0; k < rank; k++)
                sum += (double)a[i * rank + k] * (double)b[k * outputs + o];
            weight[i * outputs + o] = (float)((double)weight[i * outputs + o] + scale * sum);
        }
}
