/* Problems are made of normal numbers; the kernels' scratch memory starts as NaN. */
#include "attention_problem.h"

#include "reference.h"
#include "samples.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const struct dropout dropout_of_step = {
    .probability = 0, .seed = 11, .step = 2, .place = 3, .first_sequence = 40};

static int32_t first_of(enum mask mask, int64_t place)
{
    switch (mask) {
    case MASK_DOCUMENTS:
        return (int32_t)(place / 40 * 40);
    case MASK_WILD:
        return (int32_t)(place - place * 7 % (place + 1) / (1 + place % 3));
    case MASK_NONE:
        break;
    }
    return 0;
}

static void fill_masks(struct problem *p, const struct situation *s)
{
    p->first_visible = calloc((size_t)(s->sequences * s->n_query) + 1, sizeof *p->first_visible);
    for (int64_t row = 0; row < s->sequences * s->n_query; row++)
        p->first_visible[row] = first_of(s->mask, s->n_key - s->n_query + row % s->n_query);
    p->factors = zeros(p->lse_size * s->n_key);
    for (int64_t row = 0; row < p->lse_size; row++) {
        int64_t sequence = row / (s->n_head * s->n_query), head = row / s->n_query % s->n_head;
        int64_t place = s->n_key - s->n_query + row % s->n_query;
        for (int64_t j = 0; j < s->n_key; j++)
            p->factors[row * s->n_key + j] =
                (double)dropout_factor(&p->dropout, sequence, head << 48 | place << 24 | j);
    }
}

static void round_to_bf16(float *values, int64_t n)
{
    bf16 value;
    for (int64_t i = 0; i < n; i++) {
        element_from_float(&value, &values[i], 1);
        element_to_float(&values[i], &value, 1);
    }
}

struct problem problem_create(const struct situation *s, enum element element)
{
    struct problem p = {.dropout = dropout_of_step};
    int64_t q_width = s->n_head * s->head_width, kv_width = s->n_kv_head * s->head_width;
    int64_t fused = s->n_query == s->n_key ? q_width + 2 * kv_width : 0;
    p.shape = (struct attention_shape){.sequences = s->sequences,
                                       .n_query = s->n_query,
                                       .n_key = s->n_key,
                                       .n_head = s->n_head,
                                       .n_kv_head = s->n_kv_head,
                                       .head_width = s->head_width,
                                       .query_stride = fused > 0 ? fused : q_width,
                                       .key_stride = fused > 0 ? fused : kv_width + 1,
                                       .value_stride = fused > 0 ? fused : kv_width,
                                       .out_stride = q_width + 2};
    p.dropout.probability = s->dropout;
    p.query_size = s->sequences * s->n_query * p.shape.query_stride;
    p.key_size = fused > 0 ? 0 : s->sequences * s->n_key * p.shape.key_stride;
    p.out_size = s->sequences * s->n_query * p.shape.out_stride;
    p.lse_size = s->sequences * s->n_head * s->n_query;
    p.memory = samples(p.query_size + 2 * p.key_size, 1, 1.0);
    p.gradients = samples(p.query_size + 2 * p.key_size, 2, 1.0);
    p.q = p.memory, p.dq = p.gradients;
    p.k = p.q + (fused > 0 ? q_width : p.query_size), p.dk = p.dq + (p.k - p.q);
    p.v = p.k + (fused > 0 ? kv_width : p.key_size), p.dv = p.dq + (p.v - p.q);
    p.dout = samples(p.out_size, 3, 1.0), p.out = samples(p.out_size, 4, 1.0),
    p.lse = repeated(p.lse_size, NAN);
    p.shape.element = element;
    if (element == ELEMENT_BF16) {
        round_to_bf16(p.memory, p.query_size + 2 * p.key_size);
        round_to_bf16(p.gradients, p.query_size + 2 * p.key_size);
        round_to_bf16(p.dout, p.out_size);
        round_to_bf16(p.out, p.out_size);
    }
    fill_masks(&p, s);
    p.shape.first_visible = s->mask == MASK_NONE ? NULL : p.first_visible;
    return p;
}

void problem_destroy(struct problem *p)
{
    free(p->memory), free(p->gradients), free(p->dout), free(p->out), free(p->lse);
    free(p->first_visible), free(p->factors);
}

/* Scratch memory full of NaN. */
static void *workspace_create(int64_t bytes)
{
    size_t size = ((size_t)bytes / 64 + 1) * 64;
    void *workspace = aligned_alloc(64, size);
    if (workspace == NULL)
        exit(EXIT_FAILURE);
    return memset(workspace, 0xff, size);
}

/* bf16 numbers whose last byte is the last of a page, before a page without access. */
struct guarded {
    bf16 *numbers;
    void *pages;
    size_t size;
};

static struct guarded guarded_create(const float *values, int64_t n)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = (size_t)n * sizeof(bf16);
    struct guarded guarded = {.size = (bytes + page - 1) / page * page + page};
    guarded.pages = mmap(NULL, guarded.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (guarded.pages == MAP_FAILED ||
        mprotect((char *)guarded.pages + guarded.size - page, page, PROT_NONE) != 0) {
        perror("guarded memory for a test");
        exit(EXIT_FAILURE);
    }
    guarded.numbers = (bf16 *)(void *)((char *)guarded.pages + guarded.size - page - bytes);
    element_from_float(guarded.numbers, values, n);
    return guarded;
}

static void guarded_destroy(struct guarded *guarded, float *values, int64_t n)
{
    element_to_float(values, guarded->numbers, n);
    munmap(guarded->pages, guarded->size);
}

static void run_bf16(struct problem *p, void *workspace)
{
    int64_t all = p->query_size + 2 * p->key_size, k = p->k - p->q, v = p->v - p->q;
    struct guarded memory = guarded_create(p->memory, all), gradients = guarded_create(p->gradients, all);
    struct guarded dout = guarded_create(p->dout, p->out_size), out = guarded_create(p->out, p->out_size);
    const bf16 *q = memory.numbers;
    bf16 *dq = gradients.numbers;
    attention_forward(out.numbers, p->lse, q, q + k, q + v, &p->shape, &p->dropout, workspace);
    attention_backward(dq, dq + k, dq + v, dout.numbers, q, q + k, q + v, out.numbers, p->lse, &p->shape,
                       &p->dropout, workspace);
    guarded_destroy(&memory, p->memory, all);
    guarded_destroy(&gradients, p->gradients, all);
    guarded_destroy(&dout, p->dout, p->out_size);
    guarded_destroy(&out, p->out, p->out_size);
}

void problem_run(struct problem *p)
{
    void *workspace = workspace_create(attention_workspace(&p->shape));
    if (p->shape.element == ELEMENT_BF16) {
        run_bf16(p, workspace);
    } else {
        attention_forward(p->out, p->lse, p->q, p->k, p->v, &p->shape, &p->dropout, workspace);
        attention_backward(p->dq, p->dk, p->dv, p->dout, p->q, p->k, p->v, p->out, p->lse, &p->shape,
                           &p->dropout, workspace);
    }
    free(workspace);
}

/* The reference adds to gradients: clears the columns that it adds to, and leaves the gaps as they were. */
static void clear_columns(double *gradients, int64_t rows, int64_t stride, int64_t columns)
{
    for (int64_t row = 0; row < rows; row++)
        for (int64_t i = 0; i < columns; i++)
            gradients[row * stride + i] = 0.0;
}

struct errors problem_errors(const struct situation *s, enum element element)
{
    struct problem p = problem_create(s, element);
    int64_t all = p.query_size + 2 * p.key_size, kv_width = s->n_kv_head * s->head_width;
    double *memory = widened(p.memory, all), *dout = widened(p.dout, p.out_size),
           *out = widened(p.out, p.out_size);
    double *lse = zeros(p.lse_size), *dq = widened(p.gradients, all), *dk = dq + (p.k - p.q),
           *dv = dq + (p.v - p.q);
    const double *k = memory + (p.k - p.q), *v = memory + (p.v - p.q);
    clear_columns(dq, s->sequences * s->n_query, p.shape.query_stride, s->n_head * s->head_width);
    clear_columns(dk, s->sequences * s->n_key, p.shape.key_stride, kv_width);
    clear_columns(dv, s->sequences * s->n_key, p.shape.value_stride, kv_width);
    problem_run(&p);
    reference_attention_forward(out, lse, memory, k, v, &p.shape, p.factors);
    reference_attention_backward(dq, dk, dv, dout, memory, k, v, &p.shape, p.factors);
    const struct errors errors = {worst_error(p.lse, lse, p.lse_size), worst_error(p.out, out, p.out_size),
                                  worst_error(p.gradients, dq, all)};
    free(memory), free(dout), free(out), free(lse), free(dq);
    problem_destroy(&p);
    return errors;
}
