/* Binds kernels to the tensors of the table. Parameters and gradients share one layout, so one offset serves
 * both. */
#include "llmpi/model/layer.h"

#include "llmpi/kernels/layernorm.h"

#include <stdio.h>

struct dropout pass_dropout(const struct pass *pass, int64_t block, enum dropout_kind kind)
{
    struct dropout dropout = pass->dropout;
    dropout.place = 4 * (uint64_t)block + (uint64_t)kind;
    return dropout;
}

static const struct parameter *find_part(const struct parameter_table *table, const char *name,
                                         const char *part)
{
    char full[80];
    snprintf(full, sizeof full, "%s.%s", name, part);
    return parameter_find(table, full);
}

static int64_t offset_of(const struct parameter *row)
{
    return row == NULL ? -1 : row->offset;
}

static const float *optional(const float *array, int64_t offset)
{
    return offset < 0 ? NULL : array + offset;
}

static float *optional_gradient(float *array, int64_t offset)
{
    return offset < 0 ? NULL : array + offset;
}

enum status linear_create(struct linear *linear, const struct parameter_table *table, const char *name,
                          bool transposed, enum element element, const struct allocator *allocator)
{
    const struct parameter *matrix = find_part(table, name, "weight");
    linear->matrix = matrix->offset;
    linear->trained = matrix->trainable;
    linear->bias = offset_of(find_part(table, name, "bias"));
    linear->weight = weight_create(matrix->sizes[transposed ? 1 : 0], matrix->sizes[transposed ? 0 : 1],
                                   transposed, element, allocator);
    TRY(adapter_create(&linear->adapter, table, name, element, allocator));
    return linear->weight == NULL ? STATUS_FAILED : STATUS_OK;
}

void linear_destroy(struct linear *linear)
{
    linear_drop_few(linear);
    weight_destroy(linear->weight);
    linear->weight = NULL;
    adapter_destroy(&linear->adapter);
}

enum status linear_prepare_few(struct linear *linear)
{
    linear->few = weight_for_rows(linear->weight);
    return linear->few != NULL ? STATUS_OK : STATUS_FAILED;
}

void linear_drop_few(struct linear *linear)
{
    row_weight_destroy(linear->few);
    linear->few = NULL;
}

void linear_refresh(const struct linear *linear, const float *parameters, bool all)
{
    if (all || linear->trained)
        weight_refresh(linear->weight, parameters + linear->matrix);
    adapter_refresh(&linear->adapter, parameters);
}

static void multiply(const struct linear *linear, const struct pass *pass, void *y, enum element y_element,
                     const void *x, int64_t rows)
{
    const float *bias = optional(pass->parameters, linear->bias);
    if (pass->few)
        row_matmul(y, y_element, x, linear->few, bias, rows);
    else
        matmul_forward(y, y_element, x, linear->weight, bias, rows, pass->activations->workspace);
}

void linear_forward(const struct linear *linear, const struct pass *pass, void *y, const void *x,
                    int64_t rows)
{
    multiply(linear, pass, y, pass->activations->element, x, rows);
    adapter_forward(&linear->adapter, pass, y, x, rows);
}

void linear_forward_wide(const struct linear *linear, const struct pass *pass, float *y, const void *x,
                         int64_t rows)
{
    multiply(linear, pass, y, ELEMENT_FP32, x, rows);
}

void linear_backward(const struct linear *linear, const struct pass *pass, void *dx, const void *x,
                     const void *dy, int64_t rows)
{
    void *workspace = pass->activations->workspace;
    if (linear->trained)
        matmul_backward_weight(pass->gradients + linear->matrix,
                               optional_gradient(pass->gradients, linear->bias), x, dy, linear->weight, rows,
                               workspace);
    adapter_backward_parameters(&linear->adapter, pass, x, dy, rows);
    matmul_backward_input(dx, dy, linear->weight, rows, workspace);
    adapter_backward_input(&linear->adapter, pass, dx, rows);
}

struct norm norm_find(const struct parameter_table *table, const char *name)
{
    const struct parameter *gain = find_part(table, name, "weight");
    return (struct norm){gain->offset, offset_of(find_part(table, name, "bias")), gain->trainable};
}

void norm_forward(const struct norm *norm, const struct pass *pass, void *y, float *mean, float *rstd,
                  const float *x, int64_t rows)
{
    layernorm_forward(y, pass->activations->element, mean, rstd, x, pass->parameters + norm->gain,
                      optional(pass->parameters, norm->bias), rows, pass->shape->n_embd);
}

void norm_again(const struct norm *norm, const struct pass *pass, void *y, const float *mean,
                const float *rstd, const float *x, int64_t rows)
{
    layernorm_again(y, pass->activations->element, mean, rstd, x, pass->parameters + norm->gain,
                    optional(pass->parameters, norm->bias), rows, pass->shape->n_embd);
}

void norm_backward(const struct norm *norm, const struct pass *pass, float *dx, const void *dy,
                   const float *x, const float *mean, const float *rstd, int64_t rows)
{
    float *dgain = optional_gradient(pass->gradients, norm->trained ? norm->gain : -1);
    float *dbias = optional_gradient(pass->gradients, norm->trained ? norm->bias : -1);
    layernorm_backward(dx, dgain, dbias, dy, pass->activations->element, x, mean, rstd,
                       pass->parameters + norm->gain, rows, pass->shape->n_embd);
}
