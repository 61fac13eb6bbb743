/* A head of a row is one task: all scores, their softmax, then the sum of values. Scores fit the cache, so
 * nothing is gained by blocks. */
#include "llmpi/kernels/attention_rows.h"

#include "element_access.h"
#include "llmpi/base/clones.h"
#include "llmpi/kernels/threads.h"
#include "softmax_row.h"

#include <math.h>
#include <omp.h>
#include <string.h>

ELEMENT_LOOP void score_loop(float *scores, const void *query, const void *keys, enum element element,
                             int64_t count, int64_t stride, int64_t width, float scale)
{
    for (int64_t key = 0; key < count; key++) {
        const void *values = element_at_const(keys, element, key * stride);
        float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
        for (int64_t i = 0; i < width; i++)
            sum += element_load(query, element, i) * element_load(values, element, i);
        scores[key] = sum * scale;
    }
}

CLONED(void, score_keys,
       (float *scores, const void *query, const void *keys, enum element element, int64_t count,
        int64_t stride, int64_t width, float scale),
       (scores, query, keys, element, count, stride, width, scale))
{
    if (element == ELEMENT_BF16)
        score_loop(scores, query, keys, ELEMENT_BF16, count, stride, width, scale);
    else
        score_loop(scores, query, keys, ELEMENT_FP32, count, stride, width, scale);
}

ELEMENT_LOOP void value_loop(float *sums, const float *weights, const void *values, enum element element,
                             int64_t count, int64_t stride, int64_t width)
{
    for (int64_t key = 0; key < count; key++) {
        const void *value = element_at_const(values, element, key * stride);
        float weight = weights[key];
#pragma omp simd
        for (int64_t i = 0; i < width; i++)
            sums[i] += weight * element_load(value, element, i);
    }
}

CLONED(void, add_values,
       (float *sums, const float *weights, const void *values, enum element element, int64_t count,
        int64_t stride, int64_t width),
       (sums, weights, values, element, count, stride, width))
{
    if (element == ELEMENT_BF16)
        value_loop(sums, weights, values, ELEMENT_BF16, count, stride, width);
    else
        value_loop(sums, weights, values, ELEMENT_FP32, count, stride, width);
}

/* Floats of scratch of a thread: scores, and sums of values. */
static int64_t scratch_floats(const struct attention_rows *shape)
{
    return (shape->most_keys + shape->head_width + 15) / 16 * 16;
}

static void attend(const struct attention_row *row, int64_t head, const struct attention_rows *shape,
                   float *scratch)
{
    enum element element = shape->element;
    int64_t width = shape->head_width, at = head * width;
    float *sums = scratch + shape->most_keys, scale = (float)(1.0 / sqrt((double)width));
    score_keys(scratch, element_at_const(row->query, element, at), element_at_const(row->keys, element, at),
               element, row->n_key, shape->stride, width, scale);
    float sum = softmax_row_exponentiate(scratch, softmax_row_largest(scratch, row->n_key), row->n_key);
    memset(sums, 0, (size_t)width * sizeof *sums);
    add_values(sums, scratch, element_at_const(row->values, element, at), element, row->n_key, shape->stride,
               width);
    softmax_row_scale(sums, 1.0f / sum, width);
    void *out = element_at(row->out, element, at);
    if (element == ELEMENT_BF16)
        element_from_float(out, sums, width);
    else
        memcpy(out, sums, (size_t)width * sizeof *sums);
}

void attention_rows_forward(const struct attention_row *rows, int64_t count,
                            const struct attention_rows *shape, void *workspace)
{
    int64_t floats = scratch_floats(shape);
#pragma omp parallel for num_threads(threads_count()) collapse(2) schedule(static)
    for (int64_t row = 0; row < count; row++)
        for (int64_t head = 0; head < shape->n_head; head++)
            attend(&rows[row], head, shape, (float *)workspace + omp_get_thread_num() * floats);
}

int64_t attention_rows_workspace(const struct attention_rows *shape)
{
    return threads_count() * scratch_floats(shape) * (int64_t)sizeof(float);
}
