/* Forward copies rows. Backward adds rows to rows that may coincide, so threads split the columns and each
 * adds all rows of its columns in order: the same sum for any number of threads, without locks. */
#include "llmpi/kernels/embedding.h"

#include "llmpi/base/clones.h"
#include "llmpi/base/integer.h"
#include "llmpi/kernels/threads.h"

#include <stddef.h>
#include <string.h>

static int64_t place(const int32_t *position, int64_t row, int64_t length)
{
    return position != NULL ? position[row] : row % length;
}

CLONED(void, add_columns, (float *restrict sum, const float *restrict dy, int64_t columns),
       (sum, dy, columns))
{
    for (int64_t i = 0; i < columns; i++)
        sum[i] += dy[i];
}

/* By the threads of the region that calls it. */
static void copy_rows(float *y, const float *wte, const float *wpe, const uint32_t *tokens,
                      const int32_t *position, int64_t rows, int64_t length, int64_t width)
{
#pragma omp for schedule(static) nowait
    for (int64_t row = 0; row < rows; row++) {
        const float *token = wte + (int64_t)tokens[row] * width;
        float *sum = y + row * width;
        memcpy(sum, token, (size_t)width * sizeof *sum);
        if (wpe != NULL)
            add_columns(sum, wpe + place(position, row, length) * width, width);
    }
}

void embedding_forward(float *y, const float *wte, const float *wpe, const uint32_t *tokens,
                       const int32_t *position, int64_t rows, int64_t length, int64_t width)
{
    ON_THREADS(rows * width, copy_rows(y, wte, wpe, tokens, position, rows, length, width));
}

/* By the threads of the region that calls it. */
static void add_rows(float *dwte, float *dwpe, const float *dy, const uint32_t *tokens,
                     const int32_t *position, int64_t rows, int64_t length, int64_t width)
{
    int64_t share = round_up(divide_up(width, threads_count()), 16);
#pragma omp for schedule(static) nowait
    for (int64_t column = 0; column < width; column += share) {
        int64_t columns = smaller(share, width - column);
        for (int64_t row = 0; row < rows; row++) {
            const float *gradient = dy + row * width + column;
            add_columns(dwte + (int64_t)tokens[row] * width + column, gradient, columns);
            if (dwpe != NULL)
                add_columns(dwpe + place(position, row, length) * width + column, gradient, columns);
        }
    }
}

void embedding_backward(float *dwte, float *dwpe, const float *dy, const uint32_t *tokens,
                        const int32_t *position, int64_t rows, int64_t length, int64_t width)
{
    ON_THREADS(rows * width, add_rows(dwte, dwpe, dy, tokens, position, rows, length, width));
}
