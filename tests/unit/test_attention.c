/* Attention against its reference over odd lengths and widths, with grouped heads, document masks, more keys
 * than queries, interleaved rows and dropout. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "llmpi/kernels/attention.h"
#include "llmpi/kernels/threads.h"
#include "reference/attention_problem.h"
#include "reference/reference.h"
#include "reference/samples.h"

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

static void matches_the_reference(void **state)
{
    (void)state;
    for (int i = 0; i < SITUATIONS; i++) {
        /* A score is a sum of up to 300 products and off by about sqrt(300) half steps of its size, about 4;
         * the exponential turns that into a relative error of the probability; everything else averages. */
        struct errors errors = problem_errors(&situations[i], ELEMENT_FP32);
        assert_true(errors.lse < 64 * FLOAT_STEP);
        assert_true(errors.out < 64 * FLOAT_STEP);
        /* dout . v is of size sqrt(width) <= 17, and up to 300 rows add up in dk and dv. */
        assert_true(errors.gradients < 512 * FLOAT_STEP);
    }
}

static void same_bits_for_any_threads(void **state)
{
    (void)state;
    for (int i = 4; i < SITUATIONS; i += 2) {
        threads_set(1);
        struct problem alone = problem_create(&situations[i], ELEMENT_FP32);
        problem_run(&alone);
        for (int threads = 2; threads <= 3; threads++) {
            threads_set(threads);
            struct problem p = problem_create(&situations[i], ELEMENT_FP32);
            problem_run(&p);
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
    struct problem p = problem_create(&situation, ELEMENT_FP32);
    for (int64_t i = 0; i < p.query_size; i++)
        p.memory[i] *= 100.0f;
    problem_run(&p);
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
    struct problem p = problem_create(&situation, ELEMENT_FP32);
    p.k[100 * p.shape.key_stride + 3] = NAN;
    problem_run(&p);
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
