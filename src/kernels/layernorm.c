/* Rows are normalised independently. The parameters' gradients are sums down the columns: threads split the
 * columns, so that the sums have the same bits for any number of threads and need no memory for partial sums.
 */
#include "llmpi/kernels/layernorm.h"

#include "element_access.h"
#include "llmpi/base/clones.h"
#include "llmpi/kernels/threads.h"

#include <math.h>
#include <stddef.h>

#define EPSILON 1e-5f

/* Mean and inverse deviation of a row. */
struct statistics {
    float mean, rstd;
};

CLONED(struct statistics, statistics_of, (const float *x, int64_t width), (x, width))
{
    float sum = 0.0f, squares = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < width; i++)
        sum += x[i];
    float mean = sum / (float)width;
#pragma omp simd reduction(+ : squares)
    for (int64_t i = 0; i < width; i++)
        squares += (x[i] - mean) * (x[i] - mean);
    return (struct statistics){mean, 1.0f / sqrtf(squares / (float)width + EPSILON)};
}

ELEMENT_LOOP void normalise_loop(void *y, enum element element, const float *x, struct statistics row,
                                 const float *gain, const float *bias, int64_t width)
{
    if (bias != NULL) {
#pragma omp simd
        for (int64_t i = 0; i < width; i++)
            element_store(y, element, i, (x[i] - row.mean) * row.rstd * gain[i] + bias[i]);
    } else {
#pragma omp simd
        for (int64_t i = 0; i < width; i++)
            element_store(y, element, i, (x[i] - row.mean) * row.rstd * gain[i]);
    }
}

CLONED(void, normalise_row,
       (void *y, enum element element, const float *x, struct statistics row, const float *gain,
        const float *bias, int64_t width),
       (y, element, x, row, gain, bias, width))
{
    if (element == ELEMENT_BF16)
        normalise_loop(y, ELEMENT_BF16, x, row, gain, bias, width);
    else
        normalise_loop(y, ELEMENT_FP32, x, row, gain, bias, width);
}

void layernorm_forward(void *y, enum element element, float *mean, float *rstd, const float *x,
                       const float *gain, const float *bias, int64_t rows, int64_t width)
{
#pragma omp parallel for schedule(static) if (rows * width > THREADS_WORTH)
    for (int64_t row = 0; row < rows; row++) {
        struct statistics statistics = statistics_of(x + row * width, width);
        mean[row] = statistics.mean;
        rstd[row] = statistics.rstd;
        normalise_row(element_at(y, element, row * width), element, x + row * width, statistics, gain, bias,
                      width);
    }
}

/* With n = (x - mean) rstd and g = dy gain: dx += rstd (g - mean(g) - n mean(g n)). */
ELEMENT_LOOP void differentiate_loop(float *dx, const void *dy, enum element element, const float *x,
                                     struct statistics row, const float *gain, int64_t width)
{
    float sum = 0.0f, product = 0.0f;
#pragma omp simd reduction(+ : sum, product)
    for (int64_t i = 0; i < width; i++) {
        float scaled = element_load(dy, element, i) * gain[i];
        sum += scaled;
        product += scaled * ((x[i] - row.mean) * row.rstd);
    }
    sum /= (float)width;
    product /= (float)width;
#pragma omp simd
    for (int64_t i = 0; i < width; i++)
        dx[i] += (element_load(dy, element, i) * gain[i] - sum - (x[i] - row.mean) * row.rstd * product) *
                 row.rstd;
}

CLONED(void, differentiate_row,
       (float *dx, const void *dy, enum element element, const float *x, struct statistics row,
        const float *gain, int64_t width),
       (dx, dy, element, x, row, gain, width))
{
    if (element == ELEMENT_BF16)
        differentiate_loop(dx, dy, ELEMENT_BF16, x, row, gain, width);
    else
        differentiate_loop(dx, dy, ELEMENT_FP32, x, row, gain, width);
}

enum { BLOCK_ROWS = 64, BLOCK_COLUMNS = 256 };

/* A block of dy and x and the statistics of its rows. */
struct gradient_block {
    const void *dy;
    const float *x, *mean, *rstd;
    int64_t rows, columns, width;
};

ELEMENT_LOOP void sum_loop(float *gains, float *biases, const struct gradient_block *block,
                           enum element element)
{
    for (int64_t row = 0; row < block->rows; row++) {
        const void *dy = element_at_const(block->dy, element, row * block->width);
        const float *x = block->x + row * block->width;
        float mean = block->mean[row], rstd = block->rstd[row];
#pragma omp simd
        for (int64_t i = 0; i < block->columns; i++) {
            float slope = element_load(dy, element, i);
            gains[i] += slope * ((x[i] - mean) * rstd);
            biases[i] += slope;
        }
    }
}

/* Adds one block's sums for dgain and dbias; blocks of rows keep rounding errors small. */
CLONED(void, add_block,
       (float *dgain, float *dbias, const struct gradient_block *block, enum element element),
       (dgain, dbias, block, element))
{
    float gains[BLOCK_COLUMNS] = {0}, biases[BLOCK_COLUMNS] = {0};
    if (element == ELEMENT_BF16)
        sum_loop(gains, biases, block, ELEMENT_BF16);
    else
        sum_loop(gains, biases, block, ELEMENT_FP32);
    for (int64_t i = 0; i < block->columns; i++)
        dgain[i] += gains[i];
    for (int64_t i = 0; dbias != NULL && i < block->columns; i++)
        dbias[i] += biases[i];
}

/* By the threads of the region that calls it, none of which waits for the others. */
static void parameter_gradients(float *dgain, float *dbias, const void *dy, enum element element,
                                const float *x, const float *mean, const float *rstd, int64_t rows,
                                int64_t width)
{
    int64_t widest = (width + threads_count() - 1) / threads_count();
    int64_t step = widest >= BLOCK_COLUMNS ? BLOCK_COLUMNS : (widest + 15) / 16 * 16;
#pragma omp for schedule(static) nowait
    for (int64_t column = 0; column < width; column += step) {
        for (int64_t row = 0; row < rows; row += BLOCK_ROWS) {
            int64_t corner = row * width + column;
            const struct gradient_block block = {
                .dy = element_at_const(dy, element, corner),
                .x = x + corner,
                .mean = mean + row,
                .rstd = rstd + row,
                .rows = row + BLOCK_ROWS < rows ? BLOCK_ROWS : rows - row,
                .columns = column + step < width ? step : width - column,
                .width = width,
            };
            add_block(dgain + column, dbias != NULL ? dbias + column : NULL, &block, element);
        }
    }
}

void layernorm_backward(float *dx, float *dgain, float *dbias, const void *dy, enum element element,
                        const float *x, const float *mean, const float *rstd, const float *gain, int64_t rows,
                        int64_t width)
{
#pragma omp parallel if (rows * width > THREADS_WORTH)
    {
        if (dgain != NULL)
            parameter_gradients(dgain, dbias, dy, element, x, mean, rstd, rows, width);
#pragma omp for schedule(static) nowait
        for (int64_t row = 0; row < rows; row++)
            differentiate_row(dx + row * width, element_at_const(dy, element, row * width), element,
                              x + row * width, (struct statistics){mean[row], rstd[row]}, gain, width);
    }
}
