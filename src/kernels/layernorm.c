/* Rows are normalised independently. The parameters' gradients are sums down the columns: threads split the
 * columns, so that the sums have the same bits for any number of threads and need no memory for partial sums.
 */
#include "llmpi/kernels/layernorm.h"

#include "llmpi/base/clones.h"
#include "llmpi/kernels/threads.h"

#include <math.h>
#include <stddef.h>

#define EPSILON 1e-5f

CLONED(void, normalise_row,
       (float *y, float *mean, float *rstd, const float *x, const float *gain, const float *bias,
        int64_t width),
       (y, mean, rstd, x, gain, bias, width))
{
    float sum = 0.0f, squares = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < width; i++)
        sum += x[i];
    float centre = sum / (float)width;
#pragma omp simd reduction(+ : squares)
    for (int64_t i = 0; i < width; i++)
        squares += (x[i] - centre) * (x[i] - centre);
    float scale = 1.0f / sqrtf(squares / (float)width + EPSILON);
    if (bias != NULL) {
#pragma omp simd
        for (int64_t i = 0; i < width; i++)
            y[i] = (x[i] - centre) * scale * gain[i] + bias[i];
    } else {
#pragma omp simd
        for (int64_t i = 0; i < width; i++)
            y[i] = (x[i] - centre) * scale * gain[i];
    }
    *mean = centre;
    *rstd = scale;
}

void layernorm_forward(float *y, float *mean, float *rstd, const float *x, const float *gain,
                       const float *bias, int64_t rows, int64_t width)
{
#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < rows; row++)
        normalise_row(y + row * width, mean + row, rstd + row, x + row * width, gain, bias, width);
}

/* With n = (x - mean) rstd and g = dy gain: dx = rstd (g - mean(g) - n mean(g n)). */
CLONED(void, differentiate_row,
       (float *dx, const float *dy, const float *x, float mean, float rstd, const float *gain, int64_t width),
       (dx, dy, x, mean, rstd, gain, width))
{
    float sum = 0.0f, product = 0.0f;
#pragma omp simd reduction(+ : sum, product)
    for (int64_t i = 0; i < width; i++) {
        float scaled = dy[i] * gain[i];
        sum += scaled;
        product += scaled * ((x[i] - mean) * rstd);
    }
    sum /= (float)width;
    product /= (float)width;
#pragma omp simd
    for (int64_t i = 0; i < width; i++)
        dx[i] = (dy[i] * gain[i] - sum - (x[i] - mean) * rstd * product) * rstd;
}

enum { BLOCK_ROWS = 64, BLOCK_COLUMNS = 256 };

/* Adds one block's sums for dgain and dbias; blocks of rows keep rounding errors small. */
CLONED(void, add_block,
       (float *dgain, float *dbias, const float *dy, const float *x, const float *mean, const float *rstd,
        int64_t rows, int64_t width, int64_t columns),
       (dgain, dbias, dy, x, mean, rstd, rows, width, columns))
{
    float gains[BLOCK_COLUMNS] = {0}, biases[BLOCK_COLUMNS] = {0};
    for (int64_t row = 0; row < rows; row++) {
        const float *gradient = dy + row * width, *value = x + row * width;
#pragma omp simd
        for (int64_t i = 0; i < columns; i++) {
            gains[i] += gradient[i] * ((value[i] - mean[row]) * rstd[row]);
            biases[i] += gradient[i];
        }
    }
    for (int64_t i = 0; i < columns; i++)
        dgain[i] += gains[i];
    for (int64_t i = 0; dbias != NULL && i < columns; i++)
        dbias[i] += biases[i];
}

static void parameter_gradients(float *dgain, float *dbias, const float *dy, const float *x,
                                const float *mean, const float *rstd, int64_t rows, int64_t width)
{
    int64_t widest = (width + threads_count() - 1) / threads_count();
    int64_t step = widest >= BLOCK_COLUMNS ? BLOCK_COLUMNS : (widest + 15) / 16 * 16;
#pragma omp parallel for schedule(static)
    for (int64_t column = 0; column < width; column += step) {
        int64_t columns = column + step < width ? step : width - column;
        for (int64_t row = 0; row < rows; row += BLOCK_ROWS) {
            int64_t count = row + BLOCK_ROWS < rows ? BLOCK_ROWS : rows - row, corner = row * width + column;
            add_block(dgain + column, dbias != NULL ? dbias + column : NULL, dy + corner, x + corner,
                      mean + row, rstd + row, count, width, columns);
        }
    }
}

void layernorm_backward(float *dx, float *dgain, float *dbias, const float *dy, const float *x,
                        const float *mean, const float *rstd, const float *gain, int64_t rows, int64_t width)
{
    parameter_gradients(dgain, dbias, dy, x, mean, rstd, rows, width); /* before dx, which may be dy */
#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < rows; row++)
        differentiate_row(dx + row * width, dy + row * width, x + row * width, mean[row], rstd[row], gain,
                          width);
}
