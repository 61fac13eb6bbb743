/* Keys, and values, of one token lie side by side for all heads. A thread that has several heads of a row
 * therefore goes from token to token, and at each through its heads: memory is read in order, once. */
#include "llmpi/kernels/attention_rows.h"

#include "lanes.h"
#include "llmpi/base/clones.h"
#include "llmpi/kernels/threads.h"
#include "softmax_row.h"

#include <math.h>
#include <omp.h>
#include <string.h>

/* Some heads of a row, and a thread's scratch for them. */
struct heads {
    const void *query, *keys, *values; /* of the first of them */
    int64_t count, n_key;
    float scale;
    float *sums;   /* (count, head_width) */
    float *scores; /* (count, most_keys) */
};

ELEMENT_LOOP void score_loop(const struct heads *heads, const struct attention_rows *shape,
                             enum element element)
{
    for (int64_t key = 0; key < heads->n_key; key++) {
        const void *values = element_at_const(heads->keys, element, key * shape->stride);
        for (int64_t head = 0; head < heads->count; head++) {
            int64_t first = head * shape->head_width;
            float *score = heads->scores + head * shape->most_keys + key;
            dot_rows(score, element_at_const(values, element, first),
                     element_at_const(heads->query, element, first), element, shape->head_width, 1);
            *score *= heads->scale;
        }
    }
}

CLONED(void, score_keys, (const struct heads *heads, const struct attention_rows *shape), (heads, shape))
{
    if (shape->element == ELEMENT_BF16)
        score_loop(heads, shape, ELEMENT_BF16);
    else
        score_loop(heads, shape, ELEMENT_FP32);
}

ELEMENT_LOOP void value_loop(const struct heads *heads, const struct attention_rows *shape,
                             enum element element)
{
    for (int64_t key = 0; key < heads->n_key; key++) {
        const void *values = element_at_const(heads->values, element, key * shape->stride);
        for (int64_t head = 0; head < heads->count; head++) {
            float weight = heads->scores[head * shape->most_keys + key];
            int64_t first = head * shape->head_width;
            float *sums = heads->sums + first;
            lanes sum, of_value;
            for (int64_t left = shape->head_width; left > 0; left -= LANES, sums += LANES, first += LANES) {
                load_lanes(&sum, sums, ELEMENT_FP32, 0, left);
                load_lanes(&of_value, values, element, first, left);
                sum += weight * of_value;
                store_lanes(sums, &sum, left);
            }
        }
    }
}

CLONED(void, add_values, (const struct heads *heads, const struct attention_rows *shape), (heads, shape))
{
    if (shape->element == ELEMENT_BF16)
        value_loop(heads, shape, ELEMENT_BF16);
    else
        value_loop(heads, shape, ELEMENT_FP32);
}

/* Floats of scratch of a thread. */
static int64_t scratch_floats(const struct attention_rows *shape)
{
    return (shape->n_head * (shape->most_keys + shape->head_width) + 15) / 16 * 16;
}

/* `count` heads from `first` on. */
static void attend(const struct attention_row *row, int64_t first, int64_t count,
                   const struct attention_rows *shape, float *scratch)
{
    enum element element = shape->element;
    int64_t width = shape->head_width, at = first * width;
    const struct heads heads = {.query = element_at_const(row->query, element, at),
                                .keys = element_at_const(row->keys, element, at),
                                .values = element_at_const(row->values, element, at),
                                .count = count,
                                .n_key = row->n_key,
                                .scale = (float)(1.0 / sqrt((double)width)),
                                .sums = scratch,
                                .scores = scratch + count * width};
    score_keys(&heads, shape);
    memset(heads.sums, 0, (size_t)(count * width) * sizeof *heads.sums);
    for (int64_t head = 0; head < count; head++) {
        float *scores = heads.scores + head * shape->most_keys;
        float sum = softmax_row_exponentiate(scores, softmax_row_largest(scores, row->n_key), row->n_key);
        softmax_row_scale(scores, 1.0f / sum, row->n_key);
    }
    add_values(&heads, shape);
    void *out = element_at(row->out, element, at);
    if (element == ELEMENT_BF16)
        element_from_float(out, heads.sums, count * width);
    else
        memcpy(out, heads.sums, (size_t)(count * width) * sizeof *heads.sums);
}

void attention_rows_forward(const struct attention_row *rows, int64_t count,
                            const struct attention_rows *shape, void *workspace)
{
#pragma omp parallel num_threads(threads_count())
    {
        struct share share = threads_share(count * shape->n_head);
        float *scratch = (float *)workspace + omp_get_thread_num() * scratch_floats(shape);
        while (share.count > 0) {
            int64_t head = share.first % shape->n_head, left = shape->n_head - head;
            int64_t taken = share.count < left ? share.count : left;
            attend(&rows[share.first / shape->n_head], head, taken, shape, scratch);
            share.first += taken;
            share.count -= taken;
        }
    }
}

int64_t attention_rows_workspace(const struct attention_rows *shape)
{
    return threads_count() * scratch_floats(shape) * (int64_t)sizeof(float);
}
