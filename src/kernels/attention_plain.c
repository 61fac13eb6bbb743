/* Blocks of queries meet blocks of keys: two matrix products with a row-wise part between them on the way
 * forward, five with one on the way back. Forward keeps per row the largest score so far and the sum of
 * exponentials relative to it, and rescales what it has when the largest grows. Backward computes the
 * probabilities again from the saved log-sum-exp. Numbers in bf16 are copied into fp32 one head at a time,
 * and the results rounded.
 *
 * Each output row has one writer: forward shares out blocks of queries, backward whole key heads, whose
 * groups of query heads add up in dk and dv. So nothing depends on the number of threads. */
#include "attention_private.h"
#include "gemm.h"
#include "llmpi/base/clones.h"
#include "llmpi/base/integer.h"
#include "llmpi/kernels/threads.h"
#include "softmax_row.h"
#include "vector_math.h"

#include <omp.h>
#include <string.h>

enum { QUERY_BLOCK = 64, KEY_BLOCK = 128 };

/* Queries [query, query + queries) against keys [key, key + keys). */
struct block {
    int64_t query, queries, key, keys;
};

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

/* --- fp32 copies of one head --- */

/* Rows of one head, close together. */
struct copies {
    float *q, *dout, *out, *dq; /* (n_query, head_width) */
    float *k, *v, *dk, *dv;     /* (n_key, head_width) */
};

static struct copies cut_copies(struct scratch *scratch, const struct attention_shape *shape)
{
    float *rows[8];
    for (int i = 0; i < 8; i++)
        rows[i] =
            scratch_cut(scratch, i < 4 ? shape->n_query : shape->n_key, shape->head_width, sizeof(float));
    return (struct copies){rows[0], rows[1], rows[2], rows[3], rows[4], rows[5], rows[6], rows[7]};
}

/* Means of all rows, then each thread's copies. */
static struct copies copies_of_thread(const struct attention_shape *shape, void *workspace, float **mean)
{
    struct scratch scratch = {.memory = workspace};
    struct copies copies = {0};
    float *rows = scratch_cut(&scratch, shape->sequences * shape->n_head, shape->n_query, sizeof(float));
    if (mean != NULL)
        *mean = rows;
    for (int thread = 0; thread <= omp_get_thread_num(); thread++)
        copies = cut_copies(&scratch, shape);
    return copies;
}

static struct attention_shape shape_of_copies(const struct attention_shape *shape)
{
    struct attention_shape copied = *shape;
    copied.query_stride = copied.key_stride = copied.value_stride = copied.out_stride = shape->head_width;
    copied.element = ELEMENT_FP32;
    return copied;
}

static struct head head_of_copies(const struct head *head, const struct attention_shape *shape)
{
    struct head copied = *head;
    copied.shape = shape;
    copied.query = copied.key = copied.value = copied.out = 0;
    return copied;
}

static void widen(float *out, const void *in, int64_t offset, int64_t rows, int64_t stride, int64_t width)
{
    for (int64_t row = 0; row < rows; row++)
        element_to_float(out + row * width, (const bf16 *)in + offset + row * stride, width);
}

static void narrow(void *out, int64_t offset, const float *in, int64_t rows, int64_t stride, int64_t width)
{
    for (int64_t row = 0; row < rows; row++)
        element_from_float((bf16 *)out + offset + row * stride, in + row * width, width);
}

/* --- forward --- */

static void forward_fp32(const struct attention_outputs *a, const struct attention_shape *shape,
                         const struct dropout *dropout)
{
    int64_t blocks = divide_up(shape->n_query, QUERY_BLOCK);
#pragma omp parallel for collapse(3) schedule(dynamic, 1)
    for (int64_t sequence = 0; sequence < shape->sequences; sequence++) {
        for (int64_t number = 0; number < shape->n_head; number++) {
            for (int64_t block = 0; block < blocks; block++) {
                struct head head = head_of(shape, sequence, number, dropout);
                forward_block(a->out, a->lse, a->q, a->k, a->v, &head, block * QUERY_BLOCK);
            }
        }
    }
}

static void forward_head_bf16(const struct attention_outputs *a, const struct head *head, void *workspace)
{
    const struct attention_shape *shape = head->shape, copied_shape = shape_of_copies(shape);
    const struct head copied = head_of_copies(head, &copied_shape);
    struct copies copies = copies_of_thread(shape, workspace, NULL);
    int64_t width = shape->head_width;
    widen(copies.q, a->q, head->query, shape->n_query, shape->query_stride, width);
    widen(copies.k, a->k, head->key, shape->n_key, shape->key_stride, width);
    widen(copies.v, a->v, head->value, shape->n_key, shape->value_stride, width);
    for (int64_t query = 0; query < shape->n_query; query += QUERY_BLOCK)
        forward_block(copies.out, a->lse, copies.q, copies.k, copies.v, &copied, query);
    narrow(a->out, head->out, copies.out, shape->n_query, shape->out_stride, width);
}

void attention_forward_plain(const struct attention_outputs *arrays, const struct attention_shape *shape,
                             const struct dropout *dropout, void *workspace)
{
    if (shape->element == ELEMENT_FP32) {
        forward_fp32(arrays, shape, dropout);
        return;
    }
#pragma omp parallel for collapse(2) schedule(dynamic, 1)
    for (int64_t sequence = 0; sequence < shape->sequences; sequence++) {
        for (int64_t number = 0; number < shape->n_head; number++) {
            struct head head = head_of(shape, sequence, number, dropout);
            forward_head_bf16(arrays, &head, workspace);
        }
    }
}

/* --- backward --- */

/* The arrays of backward in fp32. */
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

static void backward_group_fp32(const struct gradients *g, const struct attention_shape *shape,
                                int64_t sequence, int64_t kv, const struct dropout *dropout)
{
    int64_t group = shape->n_head / shape->n_kv_head;
    for (int64_t number = kv * group; number < (kv + 1) * group; number++) {
        struct head head = head_of(shape, sequence, number, dropout);
        if (number == kv * group) {
            clear_rows(g->dk + head.key, shape->n_key, shape->key_stride, shape->head_width);
            clear_rows(g->dv + head.value, shape->n_key, shape->value_stride, shape->head_width);
        }
        backward_head(g, &head);
    }
}

static void backward_group_bf16(const struct attention_gradients *a, const struct attention_shape *shape,
                                int64_t sequence, int64_t kv, const struct dropout *dropout, void *workspace)
{
    const struct attention_shape copied_shape = shape_of_copies(shape);
    int64_t group = shape->n_head / shape->n_kv_head, width = shape->head_width;
    float *mean;
    struct copies copies = copies_of_thread(shape, workspace, &mean);
    const struct gradients g = {copies.dq, copies.dk, copies.dv,  copies.dout, copies.q,
                                copies.k,  copies.v,  copies.out, a->lse,      mean};
    struct head head = head_of(shape, sequence, kv * group, dropout);
    widen(copies.k, a->k, head.key, shape->n_key, shape->key_stride, width);
    widen(copies.v, a->v, head.value, shape->n_key, shape->value_stride, width);
    clear_rows(copies.dk, shape->n_key, width, width);
    clear_rows(copies.dv, shape->n_key, width, width);
    for (int64_t number = kv * group; number < (kv + 1) * group; number++) {
        head = head_of(shape, sequence, number, dropout);
        const struct head copied = head_of_copies(&head, &copied_shape);
        widen(copies.q, a->q, head.query, shape->n_query, shape->query_stride, width);
        widen(copies.dout, a->dout, head.out, shape->n_query, shape->out_stride, width);
        widen(copies.out, a->out, head.out, shape->n_query, shape->out_stride, width);
        backward_head(&g, &copied);
        narrow(a->dq, head.query, copies.dq, shape->n_query, shape->query_stride, width);
    }
    narrow(a->dk, head.key, copies.dk, shape->n_key, shape->key_stride, width);
    narrow(a->dv, head.value, copies.dv, shape->n_key, shape->value_stride, width);
}

void attention_backward_plain(const struct attention_gradients *arrays, const struct attention_shape *shape,
                              const struct dropout *dropout, void *workspace)
{
    const struct gradients g = {arrays->dq, arrays->dk, arrays->dv,  arrays->dout, arrays->q,
                                arrays->k,  arrays->v,  arrays->out, arrays->lse,  workspace};
#pragma omp parallel for collapse(2) schedule(dynamic, 1)
    for (int64_t sequence = 0; sequence < shape->sequences; sequence++) {
        for (int64_t kv = 0; kv < shape->n_kv_head; kv++) {
            if (shape->element == ELEMENT_FP32)
                backward_group_fp32(&g, shape, sequence, kv, dropout);
            else
                backward_group_bf16(arrays, shape, sequence, kv, dropout, workspace);
        }
    }
}

int64_t attention_workspace_plain(const struct attention_shape *shape)
{
    struct scratch scratch = {0};
    scratch_cut(&scratch, scratch_product(shape->sequences, shape->n_head), shape->n_query, sizeof(float));
    for (int thread = 0; shape->element == ELEMENT_BF16 && thread < threads_count(); thread++)
        cut_copies(&scratch, shape);
    return scratch.used;
}
