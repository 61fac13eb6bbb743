/* Blocks of queries meet blocks of keys: two matrix products with a row-wise part between them on the way
 * forward, five with one on the way back. Forward keeps per row the largest score so far and the sum of
 * exponentials relative to it, and rescales what it has when the largest grows. Backward computes the
 * probabilities again from the saved log-sum-exp.
 *
 * Each output row has one writer: forward shares out blocks of queries, backward whole key heads, whose
 * groups of query heads add up in dk and dv. So nothing depends on the number of threads. */
#include "llmpi/kernels/attention.h"

#include "dropout_mask.h"
#include "gemm.h"
#include "llmpi/base/clones.h"
#include "softmax_row.h"
#include "vector_math.h"

#include <math.h>
#include <string.h>

enum { QUERY_BLOCK = 64, KEY_BLOCK = 128 };

/* One query head of one sequence: where it begins in each array, and its mask. */
struct head {
    const struct attention_shape *shape;
    int64_t query, key, value, out, row; /* offsets of the first row; `row` in lse */
    uint64_t number;
    const int32_t *first_visible; /* of the sequence, or NULL */
    bool dropped;
    struct dropout_mask mask;
};

/* Queries [query, query + queries) against keys [key, key + keys). */
struct block {
    int64_t query, queries, key, keys;
};

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static struct head head_of(const struct attention_shape *shape, int64_t sequence, int64_t number,
                           const struct dropout *dropout)
{
    int64_t width = shape->head_width, kv = number / (shape->n_head / shape->n_kv_head);
    struct head head = {
        .shape = shape,
        .query = sequence * shape->n_query * shape->query_stride + number * width,
        .key = sequence * shape->n_key * shape->key_stride + kv * width,
        .value = sequence * shape->n_key * shape->value_stride + kv * width,
        .out = sequence * shape->n_query * shape->out_stride + number * width,
        .row = (sequence * shape->n_head + number) * shape->n_query,
        .number = (uint64_t)number,
        .dropped = dropout_active(dropout),
    };
    if (shape->first_visible != NULL)
        head.first_visible = shape->first_visible + sequence * shape->n_query;
    if (head.dropped)
        head.mask = dropout_mask(dropout, sequence);
    return head;
}

/* The place of a query among the keys: the last key that it sees. */
static int64_t place_of(const struct head *head, int64_t query)
{
    return head->shape->n_key - head->shape->n_query + query;
}

static int64_t first_of(const struct head *head, int64_t query)
{
    return head->first_visible != NULL ? head->first_visible[query] : 0;
}

/* The first key that any of these queries sees. */
static int64_t first_of_all(const struct head *head, int64_t query, int64_t queries)
{
    int64_t first = first_of(head, query);
    for (int64_t i = 1; head->first_visible != NULL && i < queries; i++)
        first = smaller(first, first_of(head, query + i));
    return first;
}

/* Which columns of a block one query sees: begin .. end, relative to the block and possibly none. */
struct span {
    int64_t begin, end;
};

static struct span span_of(const struct head *head, const struct block *block, int64_t query)
{
    int64_t begin = first_of(head, query) - block->key, end = place_of(head, query) + 1 - block->key;
    begin = begin < 0 ? 0 : begin;
    end = smaller(end, block->keys);
    return begin < end ? (struct span){begin, end} : (struct span){0, 0};
}

static float score_scale(const struct attention_shape *shape)
{
    return (float)(1.0 / sqrt((double)shape->head_width));
}

/* The number of a probability in the dropout mask of its sequence, the same however blocks are cut: bits 48..
 * for the head, 24 .. 47 for the query's place, 0 .. 23 for the key. */
static uint64_t mask_index(const struct head *head, int64_t query, int64_t key)
{
    return head->number << 48 | (uint64_t)place_of(head, query) << 24 | (uint64_t)key;
}

CLONED(void, drop_row, (float *values, const struct dropout_mask *shared, uint64_t index, int64_t n),
       (values, shared, index, n))
{
    const struct dropout_mask mask = *shared;
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        values[i] *= dropout_mask_factor(&mask, index + (uint64_t)i);
}

static void clear_outside(float *values, struct span span, int64_t n)
{
    memset(values, 0, (size_t)span.begin * sizeof *values);
    memset(values + span.end, 0, (size_t)(n - span.end) * sizeof *values);
}

/* The running softmax of one row of scores; `out` is the sum of values so far. */
static void soften(float *scores, struct span span, float *largest, float *sum, float *out, int64_t width)
{
    int64_t n = span.end - span.begin;
    float highest = softmax_row_largest(scores + span.begin, n);
    if (highest > *largest) {
        float factor = exp_float(*largest - highest);
        *largest = highest;
        *sum *= factor;
        softmax_row_scale(out, factor, width);
    }
    *sum += softmax_row_exponentiate(scores + span.begin, *largest, n);
}

/* The factors of the products: queries, keys and so on of a block. */
static struct gemm_factor rows_at(const float *values, int64_t offset, int64_t row, int64_t stride,
                                  bool transposed)
{
    return (struct gemm_factor){values + offset + row * stride, stride, transposed};
}

static void forward_block(float *out, float *lse, const float *q, const float *k, const float *v,
                          const struct head *head, int64_t query)
{
    const struct attention_shape *shape = head->shape;
    _Alignas(64) float scores[QUERY_BLOCK * KEY_BLOCK], largest[QUERY_BLOCK], sum[QUERY_BLOCK];
    struct block block = {.query = query, .queries = smaller(QUERY_BLOCK, shape->n_query - query)};
    int64_t end = place_of(head, query + block.queries - 1) + 1, width = shape->head_width;
    float *rows = out + head->out + query * shape->out_stride;
    for (int64_t i = 0; i < block.queries; i++) {
        largest[i] = -INFINITY;
        sum[i] = 0.0f;
        memset(rows + i * shape->out_stride, 0, (size_t)width * sizeof *rows);
    }
    for (block.key = first_of_all(head, query, block.queries); block.key < end; block.key += KEY_BLOCK) {
        block.keys = smaller(KEY_BLOCK, end - block.key);
        gemm(scores, KEY_BLOCK, 0.0f, score_scale(shape),
             rows_at(q, head->query, query, shape->query_stride, false),
             rows_at(k, head->key, block.key, shape->key_stride, true), block.queries, block.keys, width);
        for (int64_t i = 0; i < block.queries; i++) {
            struct span span = span_of(head, &block, query + i);
            float *row = scores + i * KEY_BLOCK;
            soften(row, span, &largest[i], &sum[i], rows + i * shape->out_stride, width);
            clear_outside(row, span, block.keys);
            if (head->dropped)
                drop_row(row, &head->mask, mask_index(head, query + i, block.key), block.keys);
        }
        gemm(rows, shape->out_stride, 1.0f, 1.0f, (struct gemm_factor){scores, KEY_BLOCK, false},
             rows_at(v, head->value, block.key, shape->value_stride, false), block.queries, width,
             block.keys);
    }
    for (int64_t i = 0; i < block.queries; i++) {
        softmax_row_scale(rows + i * shape->out_stride, 1.0f / sum[i], width);
        lse[head->row + query + i] = largest[i] + logf(sum[i]);
    }
}

void attention_forward(void *out, float *lse, const void *q, const void *k, const void *v,
                       const struct attention_shape *shape, const struct dropout *dropout, void *workspace)
{
    (void)workspace;
    int64_t blocks = (shape->n_query + QUERY_BLOCK - 1) / QUERY_BLOCK;
#pragma omp parallel for collapse(3) schedule(dynamic, 1)
    for (int64_t sequence = 0; sequence < shape->sequences; sequence++) {
        for (int64_t number = 0; number < shape->n_head; number++) {
            for (int64_t block = 0; block < blocks; block++) {
                struct head head = head_of(shape, sequence, number, dropout);
                forward_block(out, lse, q, k, v, &head, block * QUERY_BLOCK);
            }
        }
    }
}

/* The arrays of backward. */
struct gradients {
    float *dq, *dk, *dv;
    const float *dout, *q, *k, *v, *out, *lse;
    float *mean; /* per row of lse: sum over keys of probability times its gradient */
};

CLONED(float, dot, (const float *a, const float *b, int64_t n), (a, b, n))
{
    float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* The probabilities of a row from its scores. */
CLONED(void, probabilities_of, (float *values, float lse, int64_t n), (values, lse, n))
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        values[i] = exp_float(values[i] - lse);
}

/* The scores' gradients from those of the probabilities: p (dp - mean) scale. */
CLONED(void, differentiate, (float *dscores, const float *probabilities, float mean, float scale, int64_t n),
       (dscores, probabilities, mean, scale, n))
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        dscores[i] = probabilities[i] * (dscores[i] - mean) * scale;
}

/* From scores and the gradients of dropped probabilities, row by row: the dropped probabilities in place of
 * the scores, and the scores' gradients in place of the others. */
static void backward_rows(float *scores, float *dscores, const struct gradients *g, const struct head *head,
                          const struct block *block)
{
    for (int64_t i = 0; i < block->queries; i++) {
        int64_t query = block->query + i, row = head->row + query;
        struct span span = span_of(head, block, query);
        float *score = scores + i * KEY_BLOCK, *dscore = dscores + i * KEY_BLOCK;
        uint64_t index = mask_index(head, query, block->key);
        probabilities_of(score + span.begin, g->lse[row], span.end - span.begin);
        clear_outside(score, span, block->keys);
        if (head->dropped)
            drop_row(dscore, &head->mask, index, block->keys);
        differentiate(dscore + span.begin, score + span.begin, g->mean[row], score_scale(head->shape),
                      span.end - span.begin);
        clear_outside(dscore, span, block->keys);
        if (head->dropped)
            drop_row(score, &head->mask, index, block->keys);
    }
}

static void backward_block(const struct gradients *g, const struct head *head, const struct block *block)
{
    const struct attention_shape *shape = head->shape;
    _Alignas(64) float scores[QUERY_BLOCK * KEY_BLOCK], dscores[QUERY_BLOCK * KEY_BLOCK];
    int64_t width = shape->head_width, queries = block->queries, keys = block->keys;
    struct gemm_factor q = rows_at(g->q, head->query, block->query, shape->query_stride, false);
    struct gemm_factor k = rows_at(g->k, head->key, block->key, shape->key_stride, false);
    struct gemm_factor v = rows_at(g->v, head->value, block->key, shape->value_stride, true);
    struct gemm_factor dout = rows_at(g->dout, head->out, block->query, shape->out_stride, false);
    struct gemm_factor k_transposed = {k.values, k.stride, true};
    gemm(scores, KEY_BLOCK, 0.0f, score_scale(shape), q, k_transposed, queries, keys, width);
    gemm(dscores, KEY_BLOCK, 0.0f, 1.0f, dout, v, queries, keys, width);
    backward_rows(scores, dscores, g, head, block);
    gemm(g->dv + head->value + block->key * shape->value_stride, shape->value_stride, 1.0f, 1.0f,
         (struct gemm_factor){scores, KEY_BLOCK, true}, dout, keys, width, queries);
    gemm(g->dk + head->key + block->key * shape->key_stride, shape->key_stride, 1.0f, 1.0f,
         (struct gemm_factor){dscores, KEY_BLOCK, true}, q, keys, width, queries);
    gemm(g->dq + head->query + block->query * shape->query_stride, shape->query_stride, 1.0f, 1.0f,
         (struct gemm_factor){dscores, KEY_BLOCK, false}, k, queries, width, keys);
}

static void clear_rows(float *values, int64_t rows, int64_t stride, int64_t width)
{
    for (int64_t row = 0; row < rows; row++)
        memset(values + row * stride, 0, (size_t)width * sizeof *values);
}

/* All that one query head contributes. */
static void backward_head(const struct gradients *g, const struct head *head)
{
    const struct attention_shape *shape = head->shape;
    clear_rows(g->dq + head->query, shape->n_query, shape->query_stride, shape->head_width);
    for (int64_t query = 0; query < shape->n_query; query++) {
        int64_t at = head->out + query * shape->out_stride;
        g->mean[head->row + query] = dot(g->dout + at, g->out + at, shape->head_width);
    }
    for (int64_t query = 0; query < shape->n_query; query += QUERY_BLOCK) {
        struct block block = {.query = query, .queries = smaller(QUERY_BLOCK, shape->n_query - query)};
        int64_t end = place_of(head, query + block.queries - 1) + 1;
        for (block.key = first_of_all(head, query, block.queries); block.key < end; block.key += KEY_BLOCK) {
            block.keys = smaller(KEY_BLOCK, end - block.key);
            backward_block(g, head, &block);
        }
    }
}

void attention_backward(void *dq, void *dk, void *dv, const void *dout, const void *q, const void *k,
                        const void *v, const void *out, const float *lse, const struct attention_shape *shape,
                        const struct dropout *dropout, void *workspace)
{
    const struct gradients g = {dq, dk, dv, dout, q, k, v, out, lse, workspace};
    int64_t group = shape->n_head / shape->n_kv_head;
#pragma omp parallel for collapse(2) schedule(dynamic, 1)
    for (int64_t sequence = 0; sequence < shape->sequences; sequence++) {
        for (int64_t kv = 0; kv < shape->n_kv_head; kv++) {
            for (int64_t number = kv * group; number < (kv + 1) * group; number++) {
                struct head head = head_of(shape, sequence, number, dropout);
                if (number == kv * group) {
                    clear_rows(g.dk + head.key, shape->n_key, shape->key_stride, shape->head_width);
                    clear_rows(g.dv + head.value, shape->n_key, shape->value_stride, shape->head_width);
                }
                backward_head(&g, &head);
            }
        }
    }
}

int64_t attention_workspace(const struct attention_shape *shape)
{
    return shape->sequences * shape->n_head * shape->n_query * (int64_t)sizeof(float);
}
