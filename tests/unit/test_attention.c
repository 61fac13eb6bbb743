/* Attention against its reference over odd lengths and widths, with grouped heads, document masks, more keys
 * than queries, interleaved rows and dropout. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "llmpi/kernels/attention.h"
#include "llmpi/kernels/threads.h"
#include "reference/reference.h"
#include "reference/samples.h"

enum mask { MASK_NONE, MASK_DOCUMENTS, MASK_WILD };

struct situation {
    int64_t sequences, n_query, n_key, n_head, n_kv_head, head_width;
    enum mask mask;
    double dropout;
};

static const struct situation situations[] = {
    {1, 1, 1, 1, 1, 1, MASK_NONE, 0},         {2, 7, 7, 3, 3, 3, MASK_NONE, 0},
    {1, 63, 63, 2, 2, 64, MASK_NONE, 0},      {1, 64, 64, 1, 1, 80, MASK_NONE, 0},
    {2, 65, 65, 2, 1, 64, MASK_DOCUMENTS, 0}, {1, 200, 200, 2, 2, 128, MASK_DOCUMENTS, 0},
    {1, 200, 200, 2, 2, 16, MASK_WILD, 0},    {2, 1, 200, 4, 2, 64, MASK_NONE, 0},
    {1, 70, 133, 6, 2, 3, MASK_WILD, 0},      {1, 65, 200, 2, 2, 64, MASK_DOCUMENTS, 0.3},
    {2, 130, 130, 2, 1, 33, MASK_NONE, 0.1},  {1, 3, 300, 1, 1, 1, MASK_NONE, 0.5},
    {1, 130, 130, 1, 1, 300, MASK_NONE, 0},   {0, 5, 5, 1, 1, 8, MASK_NONE, 0},
    {2, 0, 5, 1, 1, 8, MASK_NONE, 0},         {1, 257, 300, 1, 1, 64, MASK_DOCUMENTS, 0},
};

enum { SITUATIONS = sizeof situations / sizeof *situations };

static const struct dropout dropout_of_step = {
    .probability = 0, .seed = 11, .step = 2, .place = 3, .first_sequence = 40};

/* Inputs, results and gradients of one situation. Queries, keys and values are interleaved in rows, as a
 * fused projection writes them, when there are as many queries as keys. */
struct problem {
    struct attention_shape shape;
    struct dropout dropout;
    int64_t query_size, key_size, out_size, lse_size;
    int32_t *first_visible;
    float *memory, *q, *k, *v, *dout, *out, *lse, *gradients, *dq, *dk, *dv;
    void *workspace;
    double *factors;
};

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

/* Scratch memory full of NaN. */
static void *workspace_create(int64_t bytes)
{
    size_t size = ((size_t)bytes / 64 + 1) * 64;
    void *workspace = aligned_alloc(64, size);
    assert_non_null(workspace);
    return memset(workspace, 0xff, size);
}

static struct problem problem_create(const struct situation *s)
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
    fill_masks(&p, s);
    p.shape.first_visible = s->mask == MASK_NONE ? NULL : p.first_visible;
    p.workspace = workspace_create(attention_workspace(&p.shape));
    return p;
}

static void problem_destroy(struct problem *p)
{
    free(p->memory), free(p->gradients), free(p->dout), free(p->out), free(p->lse), free(p->workspace);
    free(p->first_visible), free(p->factors);
}

static void run(struct problem *p)
{
    attention_forward(p->out, p->lse, p->q, p->k, p->v, &p->shape, &p->dropout, p->workspace);
    attention_backward(p->dq, p->dk, p->dv, p->dout, p->q, p->k, p->v, p->out, p->lse, &p->shape, &p->dropout,
                       p->workspace);
}

/* The reference adds to gradients: clears the columns that it adds to, and leaves the gaps as they were. */
static void clear_columns(double *gradients, int64_t rows, int64_t stride, int64_t columns)
{
    for (int64_t row = 0; row < rows; row++)
        for (int64_t i = 0; i < columns; i++)
            gradients[row * stride + i] = 0.0;
}

static void check(const struct situation *s)
{
    struct problem p = problem_create(s);
    int64_t all = p.query_size + 2 * p.key_size, kv_width = s->n_kv_head * s->head_width;
    double *memory = widened(p.memory, all), *dout = widened(p.dout, p.out_size),
           *out = widened(p.out, p.out_size);
    double *lse = zeros(p.lse_size), *dq = widened(p.gradients, all), *dk = dq + (p.k - p.q),
           *dv = dq + (p.v - p.q);
    const double *k = memory + (p.k - p.q), *v = memory + (p.v - p.q);
    clear_columns(dq, s->sequences * s->n_query, p.shape.query_stride, s->n_head * s->head_width);
    clear_columns(dk, s->sequences * s->n_key, p.shape.key_stride, kv_width);
    clear_columns(dv, s->sequences * s->n_key, p.shape.value_stride, kv_width);
    run(&p);
    reference_attention_forward(out, lse, memory, k, v, &p.shape, p.factors);
    reference_attention_backward(dq, dk, dv, dout, memory, k, v, &p.shape, p.factors);
    /* A score is a sum of up to 300 products and off by about sqrt(300) half steps of its size, about 4; the
     * exponential turns that into a relative error of the probability; everything else averages. */
    assert_true(worst_error(p.lse, lse, p.lse_size) < 64 * FLOAT_STEP);
    assert_true(worst_error(p.out, out, p.out_size) < 64 * FLOAT_STEP);
    /* dout . v is of size sqrt(width) <= 17, and up to 300 rows add up in dk and dv. */
    assert_true(worst_error(p.gradients, dq, all) < 512 * FLOAT_STEP);
    free(memory), free(dout), free(out), free(lse), free(dq);
    problem_destroy(&p);
}

static void matches_the_reference(void **state)
{
    (void)state;
    for (int i = 0; i < SITUATIONS; i++)
        check(&situations[i]);
}

static void same_bits_for_any_threads(void **state)
{
    (void)state;
    for (int i = 4; i < SITUATIONS; i += 2) {
        threads_set(1);
        struct problem alone = problem_create(&situations[i]);
        run(&alone);
        for (int threads = 2; threads <= 3; threads++) {
            threads_set(threads);
            struct problem p = problem_create(&situations[i]);
            run(&p);
            assert_memory_equal(p.out, alone.out, (size_t)p.out_size * sizeof(float));
            assert_memory_equal(p.lse, alone.lse, (size_t)p.lse_size * sizeof(float));
            assert_memory_equal(p.gradients, alone.gradients,
                                (size_t)(p.query_size + 2 * p.key_size) * sizeof(float));
            problem_destroy(&p);
        }
        problem_destroy(&alone);
    }
    threads_set(2);
}

/* The reference's problem, small enough to move every input. */
struct small {
    struct attention_shape shape;
    double *q, *k, *v, *dout, *factors;
};

static double weighted_attention(void *context)
{
    struct small *small = context;
    int64_t n = small->shape.sequences * small->shape.n_query * small->shape.out_stride;
    double out[200], lse[200], sum = 0.0;
    reference_attention_forward(out, lse, small->q, small->k, small->v, &small->shape, small->factors);
    for (int64_t i = 0; i < n; i++)
        sum += small->dout[i] * out[i];
    return sum;
}

static void reference_gradient_is_the_difference_quotient(void **state)
{
    (void)state;
    static const int32_t first_visible[] = {0, 1, 0, 3};
    struct small small = {.shape = {.sequences = 1,
                                    .n_query = 4,
                                    .n_key = 6,
                                    .n_head = 4,
                                    .n_kv_head = 2,
                                    .head_width = 3,
                                    .query_stride = 12,
                                    .key_stride = 6,
                                    .value_stride = 6,
                                    .out_stride = 12,
                                    .first_visible = first_visible}};
    float *q = samples(48, 1, 1.0), *k = samples(36, 2, 1.0), *v = samples(36, 3, 1.0),
          *dout = samples(48, 4, 1.0);
    float *factors = samples(96, 5, 1.0);
    double dq[48] = {0}, dk[36] = {0}, dv[36] = {0};
    small.q = widened(q, 48), small.k = widened(k, 36), small.v = widened(v, 36),
    small.dout = widened(dout, 48);
    small.factors = widened(factors, 96);
    reference_attention_backward(dq, dk, dv, small.dout, small.q, small.k, small.v, &small.shape,
                                 small.factors);
    assert_true(gradient_error(weighted_attention, &small, small.q, dq, 48) < 1e-8);
    assert_true(gradient_error(weighted_attention, &small, small.k, dk, 36) < 1e-8);
    assert_true(gradient_error(weighted_attention, &small, small.v, dv, 36) < 1e-8);
    free(q), free(k), free(v), free(dout), free(factors);
    free(small.q), free(small.k), free(small.v), free(small.dout), free(small.factors);
}

/* Scores of +-1e4 overflow an exponential without the running maximum. */
static void large_scores_are_stable(void **state)
{
    (void)state;
    static const struct situation situation = {1, 150, 150, 1, 1, 4, MASK_NONE, 0};
    struct problem p = problem_create(&situation);
    for (int64_t i = 0; i < p.query_size; i++)
        p.memory[i] *= 100.0f;
    run(&p);
    for (int64_t i = 0; i < p.query_size; i++)
        assert_true(isfinite(p.gradients[i]));
    for (int64_t row = 0; row < 150; row++)
        for (int i = 0; i < 4; i++)
            assert_true(fabsf(p.out[row * p.shape.out_stride + i]) < 600.0f);
    problem_destroy(&p);
}

static void nan_in_a_key_reaches_all_rows_that_see_it(void **state)
{
    (void)state;
    static const struct situation situation = {1, 150, 150, 1, 1, 8, MASK_NONE, 0};
    struct problem p = problem_create(&situation);
    p.k[100 * p.shape.key_stride + 3] = NAN;
    run(&p);
    for (int64_t row = 100; row < 150; row++)
        assert_true(isnan(p.out[row * p.shape.out_stride]) && isnan(p.lse[row]) &&
                    isnan(p.dq[row * p.shape.query_stride]));
    for (int64_t row = 0; row < 64; row++)
        assert_true(isfinite(p.out[row * p.shape.out_stride]) && isfinite(p.lse[row]));
    problem_destroy(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_gradient_is_the_difference_quotient),
        cmocka_unit_test(matches_the_reference),
        cmocka_unit_test(same_bits_for_any_threads),
        cmocka_unit_test(large_scores_are_stable),
        cmocka_unit_test(nan_in_a_key_reaches_all_rows_that_see_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
