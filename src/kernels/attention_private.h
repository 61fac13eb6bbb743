/* What the implementations of attention share: where the rows of a head begin and what its queries see. */
#ifndef LLMPI_KERNELS_ATTENTION_PRIVATE_H
#define LLMPI_KERNELS_ATTENTION_PRIVATE_H

#include "dropout_mask.h"
#include "llmpi/base/integer.h"
#include "llmpi/kernels/attention.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* One query head of one sequence: where it begins in each array, and its mask. */
struct head {
    const struct attention_shape *shape;
    int64_t query, key, value, out, row; /* offsets of the first row; `row` in lse */
    uint64_t number;
    const int32_t *first_visible; /* of the sequence, or NULL */
    bool dropped;
    struct dropout_mask mask;
};

static inline struct head head_of(const struct attention_shape *shape, int64_t sequence, int64_t number,
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
static inline int64_t place_of(const struct head *head, int64_t query)
{
    return head->shape->n_key - head->shape->n_query + query;
}

static inline int64_t first_of(const struct head *head, int64_t query)
{
    return head->first_visible != NULL ? head->first_visible[query] : 0;
}

/* The first key that any of these queries sees. */
static inline int64_t first_of_all(const struct head *head, int64_t query, int64_t queries)
{
    int64_t first = first_of(head, query);
    for (int64_t i = 1; head->first_visible != NULL && i < queries; i++)
        first = smaller(first, first_of(head, query + i));
    return first;
}

static inline float score_scale(const struct attention_shape *shape)
{
    return (float)(1.0 / sqrt((double)shape->head_width));
}

/* The number of a probability in the dropout mask of its sequence, the same however blocks are cut: bits 48..
 * for the head, 24 .. 47 for the query's place, 0 .. 23 for the key. */
static inline uint64_t mask_index(const struct head *head, int64_t query, int64_t key)
{
    return head->number << 48 | (uint64_t)place_of(head, query) << 24 | (uint64_t)key;
}

/* The arrays of forward and of backward, in the element of the shape. */
struct attention_outputs {
    void *out;
    float *lse;
    const void *q, *k, *v;
};

struct attention_gradients {
    void *dq, *dk, *dv;
    const void *dout, *q, *k, *v, *out;
    const float *lse;
};

/* A cursor that cuts scratch memory into pieces aligned to 64 bytes, or only counts when `memory` is NULL.
 * A size that would pass 64 bits saturates. */
struct scratch {
    char *memory;
    int64_t used;
};

static inline int64_t scratch_product(int64_t a, int64_t b)
{
    int64_t product;
    return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

static inline void *scratch_cut(struct scratch *scratch, int64_t rows, int64_t width, size_t size)
{
    int64_t bytes = scratch_product(scratch_product(rows, width), (int64_t)size), end;
    void *piece = scratch->memory == NULL ? NULL : scratch->memory + scratch->used;
    if (__builtin_add_overflow(bytes, 63, &end) ||
        __builtin_add_overflow(scratch->used, end / 64 * 64, &scratch->used))
        scratch->used = INT64_MAX / 64 * 64;
    return piece;
}

/* Anywhere: fp32, and bf16 through fp32 copies of one head at a time. */
void attention_forward_plain(const struct attention_outputs *arrays, const struct attention_shape *shape,
                             const struct dropout *dropout, void *workspace);
void attention_backward_plain(const struct attention_gradients *arrays, const struct attention_shape *shape,
                              const struct dropout *dropout, void *workspace);
int64_t attention_workspace_plain(const struct attention_shape *shape);

#ifdef __x86_64__
/* bf16 in tiles, from CPU_AVX512_BF16 on. */
void attention_forward_tiles(const struct attention_outputs *arrays, const struct attention_shape *shape,
                             const struct dropout *dropout, void *workspace);
void attention_backward_tiles(const struct attention_gradients *arrays, const struct attention_shape *shape,
                              const struct dropout *dropout, void *workspace);
int64_t attention_workspace_tiles_forward(const struct attention_shape *shape);
int64_t attention_workspace_tiles_backward(const struct attention_shape *shape);
#endif

#endif
