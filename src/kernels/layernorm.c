/* Rows are normalised independently. The parameters' gradients are sums down the columns: threads split the
 * columns, so that the sums have the same bits for any number of threads and need no memory for partial sums.
 */
#include "llmpi/kernels/layernorm.h"

#include "element_access.h"
#include "llmpi/base/clones.h"
#include "llmpi/base/integer.h"
#include "llmpi/kernels/threads.h"

#include <math.h>
#include <stddef.h>

#define EPSILON 1e-5f

/* Mean and inverse deviation of a row. */
struct statistics {
    float mean, rstd;
};

/* Sums go in as many lanes as the widest register has, and those are added in halves: the compiler would add
 * them one after the other, which takes longer than the sum of a short row. */
enum { LANES = 16 };

ELEMENT_LOOP float sum_of_lanes(float lanes[LANES])
{
    for (int distance = LANES / 2; distance > 0; distance /= 2)
        for (int lane = 0; lane < distance; lane++)
            lanes[lane] += lanes[lane + distance];
    return lanes[0];
}

ELEMENT_LOOP float sum_of(const float *x, int64_t width)
{
    float lanes[LANES] = {0};
    int64_t whole = width / LANES * LANES;
    for (int64_t i = 0; i < whole; i += LANES)
#pragma omp simd
        for (int lane = 0; lane < LANES; lane++)
            lanes[lane] += x[i + lane];
    for (int64_t i = whole; i < width; i++)
        lanes[i - whole] += x[i];
    return sum_of_lanes(lanes);
}

ELEMENT_LOOP float squares_of(const float *x, float mean, int64_t width)
{
    float lanes[LANES] = {0};
    int64_t whole = width / LANES * LANES;
    for (int64_t i = 0; i < whole; i += LANES)
#pragma omp simd
        for (int lane = 0; lane < LANES; lane++)
            lanes[lane] += (x[i + lane] - mean) * (x[i + lane] - mean);
    for (int64_t i = whole; i < width; i++)
        lanes[i - whole] += (x[i] - mean) * (x[i] - mean);
    return sum_of_lanes(lanes);
}

/* Of some rows: one call of a clone for many short ones, whose latencies then overlap. */
CLONED(void, find_statistics, (float *mean, float *rstd, const float *x, int64_t rows, int64_t width),
       (mean, rstd, x, rows, width))
{
    for (int64_t row = 0; row < rows; row++, x += width) {
        mean[row] = sum_of(x, width) / (float)width;
        rstd[row] = 1.0f / sqrtf(squares_of(x, mean[row], width) / (float)width + EPSILON);
    }
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

CLONED(void, normalise_rows,
       (void *y, enum element element, const float *mean, const float *rstd, const float *x,
        const float *gain, const float *bias, int64_t rows, int64_t width),
       (y, element, mean, rstd, x, gain, bias, rows, width))
{
    for (int64_t row = 0; row < rows; row++) {
        struct statistics statistics = {mean[row], rstd[row]};
        int64_t at = row * width;
        if (element == ELEMENT_BF16)
            normalise_loop((bf16 *)y + at, ELEMENT_BF16, x + at, statistics, gain, bias, width);
        else
            normalise_loop((float *)y + at, ELEMENT_FP32, x + at, statistics, gain, bias, width);
    }
}

enum { BLOCK_ROWS = 64, BLOCK_COLUMNS = 256 };

/* Rows of a block that stays in the first cache. */
static int64_t rows_at_once(int64_t width)
{
    return width < 4096 ? 4096 / width : 1;
}

/* By the threads of the region that calls it. */
static void forward(void *y, enum element element, float *mean, float *rstd, const float *x,
                    const float *gain, const float *bias, int64_t rows, int64_t width)
{
    int64_t step = rows_at_once(width);
#pragma omp for schedule(static) nowait
    for (int64_t row = 0; row < rows; row += step) {
        int64_t count = smaller(step, rows - row), at = row * width;
        find_statistics(mean + row, rstd + row, x + at, count, width);
        normalise_rows(element_at(y, element, at), element, mean + row, rstd + row, x + at, gain, bias, count,
                       width);
    }
}

static void again(void *y, enum element element, const float *mean, const float *rstd, const float *x,
                  const float *gain, const float *bias, int64_t rows, int64_t width)
{
    int64_t step = rows_at_once(width);
#pragma omp for schedule(static) nowait
    for (int64_t row = 0; row < rows; row += step) {
        int64_t at = row * width;
        normalise_rows(element_at(y, element, at), element, mean + row, rstd + row, x + at, gain, bias,
                       smaller(step, rows - row), width);
    }
}

void layernorm_forward(void *y, enum element element, float *mean, float *rstd, const float *x,
                       const float *gain, const float *bias, int64_t rows, int64_t width)
{
    ON_THREADS(rows * width, forward(y, element, mean, rstd, x, gain, bias, rows, width));
}

void layernorm_again(void *y, enum element element, const float *mean, const float *rstd, const float *x,
                     const float *gain, const float *bias, int64_t rows, int64_t width)
{
    ON_THREADS(rows * width, again(y, element, mean, rstd, x, gain, bias, rows, width));
}

/* With n = (x - mean) rstd and g = dy gain: dx += rstd (g - mean(g) - n mean(g n)). */
ELEMENT_LOOP void differentiate_loop(float *dx, const void *dy, enum element element, const float *x,
                                     struct statistics row, const float *gain, int64_t width)
{
    float sums[LANES] = {0}, products[LANES] = {0};
    int64_t whole = width / LANES * LANES;
    for (int64_t i = 0; i < whole; i += LANES)
#pragma omp simd
        for (int lane = 0; lane < LANES; lane++) {
            float scaled = element_load(dy, element, i + lane) * gain[i + lane];
            sums[lane] += scaled;
            products[lane] += scaled * ((x[i + lane] - row.mean) * row.rstd);
        }
    for (int64_t i = whole; i < width; i++) {
        float scaled = element_load(dy, element, i) * gain[i];
        sums[i - whole] += scaled;
        products[i - whole] += scaled * ((x[i] - row.mean) * row.rstd);
    }
    float sum = sum_of_lanes(sums) / (float)width, product = sum_of_lanes(products) / (float)width;
#pragma omp simd
    for (int64_t i = 0; i < width; i++)
        dx[i] += (element_load(dy, element, i) * gain[i] - sum - (x[i] - row.mean) * row.rstd * product) *
                 row.rstd;
}

CLONED(void, differentiate_rows,
       (float *dx, const void *dy, enum element element, const float *x, const float *mean, const float *rstd,
        const float *gain, int64_t rows, int64_t width),
       (dx, dy, element, x, mean, rstd, gain, rows, width))
{
    for (int64_t row = 0; row < rows; row++) {
        struct statistics statistics = {mean[row], rstd[row]};
        int64_t at = row * width;
        if (element == ELEMENT_BF16)
            differentiate_loop(dx + at, (const bf16 *)dy + at, ELEMENT_BF16, x + at, statistics, gain, width);
        else
            differentiate_loop(dx + at, (const float *)dy + at, ELEMENT_FP32, x + at, statistics, gain,
                               width);
    }
}

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
    int64_t widest = divide_up(width, threads_count());
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
                .rows = smaller(BLOCK_ROWS, rows - row),
                .columns = smaller(step, width - column),
                .width = width,
            };
            add_block(dgain + column, dbias != NULL ? dbias + column : NULL, &block, element);
        }
    }
}

/* By the threads of the region that calls it. */
static void differentiate(float *dx, const void *dy, enum element element, const float *x, const float *mean,
                          const float *rstd, const float *gain, int64_t rows, int64_t width)
{
    int64_t step = rows_at_once(width);
#pragma omp for schedule(static) nowait
    for (int64_t row = 0; row < rows; row += step) {
        int64_t at = row * width;
        differentiate_rows(dx + at, element_at_const(dy, element, at), element, x + at, mean + row,
                           rstd + row, gain, smaller(step, rows - row), width);
    }
}

static void gradients(float *dx, float *dgain, float *dbias, const void *dy, enum element element,
                      const float *x, const float *mean, const float *rstd, const float *gain, int64_t rows,
                      int64_t width)
{
    if (dgain != NULL)
        parameter_gradients(dgain, dbias, dy, element, x, mean, rstd, rows, width);
    differentiate(dx, dy, element, x, mean, rstd, gain, rows, width);
}

void layernorm_backward(float *dx, float *dgain, float *dbias, const void *dy, enum element element,
                        const float *x, const float *mean, const float *rstd, const float *gain, int64_t rows,
                        int64_t width)
{
    ON_THREADS(rows * width, gradients(dx, dgain, dbias, dy, element, x, mean, rstd, gain, rows, width));
}
