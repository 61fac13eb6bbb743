/* Attention in bf16 against its reference: on tiles where the processor has them, through fp32 copies where
 * LLMPI_MAX_ISA hides them. Lengths and widths around those of tiles and blocks, grouped heads, document
 * masks that begin inside of blocks or hide whole ones, more keys than queries, and dropout. */
#include "llmpi/base/cpu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>

#include "llmpi/kernels/threads.h"
#include "reference/attention_problem.h"
#include "reference/samples.h"

/* Rounding to bf16 errs by at most this relative to the number. */
#define HALF_STEP 0x1p-9

static const struct situation situations[] = {
    {1, 1, 1, 1, 1, 1, MASK_NONE, 0},
    {2, 2, 2, 3, 3, 3, MASK_NONE, 0},
    {1, 15, 15, 2, 2, 8, MASK_NONE, 0},
    {1, 16, 16, 2, 1, 16, MASK_WILD, 0},
    {3, 17, 17, 2, 2, 32, MASK_NONE, 0},
    {1, 31, 31, 2, 2, 48, MASK_WILD, 0},
    {1, 33, 33, 2, 2, 64, MASK_NONE, 0},
    {2, 64, 64, 2, 2, 64, MASK_NONE, 0},
    {1, 100, 100, 2, 1, 80, MASK_NONE, 0},
    {1, 129, 129, 2, 2, 128, MASK_DOCUMENTS, 0},
    {1, 129, 129, 4, 2, 64, MASK_WILD, 0},
    {1, 300, 300, 2, 2, 64, MASK_DOCUMENTS, 0},
    {1, 257, 257, 1, 1, 64, MASK_NONE, 0},
    {2, 1, 200, 4, 2, 64, MASK_NONE, 0},
    {1, 2, 129, 2, 2, 1, MASK_NONE, 0},
    {1, 70, 133, 6, 2, 3, MASK_WILD, 0},
    {1, 33, 161, 2, 2, 64, MASK_DOCUMENTS, 0},
    {1, 64, 95, 2, 1, 32, MASK_NONE, 0},
    {1, 65, 200, 2, 2, 64, MASK_DOCUMENTS, 0.3},
    {2, 100, 100, 2, 1, 33, MASK_NONE, 0.1},
    {1, 3, 300, 1, 1, 1, MASK_NONE, 0.5},
    {1, 130, 130, 1, 1, 300, MASK_NONE, 0},
    {1, 40, 70, 2, 2, 32, MASK_NONE, 0},
    {0, 5, 5, 1, 1, 8, MASK_NONE, 0},
    {2, 0, 5, 1, 1, 8, MASK_NONE, 0},
};

enum { SITUATIONS = sizeof situations / sizeof *situations };

static void matches_the_reference(void **state)
{
    (void)state;
    for (int i = 0; i < SITUATIONS; i++) {
        struct errors errors = problem_errors(&situations[i], ELEMENT_BF16);
        /* Scores and their sums are fp32, products of bf16 numbers are exact in it. */
        assert_true(errors.lse < 64 * FLOAT_STEP);
        /* One rounding of the result, and of each probability, weighted with values of size 1, largest 5. */
        assert_true(errors.out < 4 * HALF_STEP);
        /* The scores' gradients come from rounded outputs, are rounded themselves, multiply numbers of size 1
         * and add up over a column of keys; the probabilities in them add up to a few where they are large.
         */
        assert_true(errors.gradients < 12 * HALF_STEP);
    }
}

static void same_bits_for_any_threads(void **state)
{
    (void)state;
    for (int i = 6; i < SITUATIONS; i++) {
        threads_set(1);
        struct problem alone = problem_create(&situations[i], ELEMENT_BF16);
        problem_run(&alone);
        for (int threads = 2; threads <= 3; threads++) {
            threads_set(threads);
            struct problem p = problem_create(&situations[i], ELEMENT_BF16);
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

/* Scores of +-1e4 overflow an exponential without the running maximum, and later keys exceed earlier ones. */
static void large_scores_are_stable(void **state)
{
    (void)state;
    static const struct situation situation = {1, 300, 300, 1, 1, 4, MASK_NONE, 0};
    struct problem p = problem_create(&situation, ELEMENT_BF16);
    for (int64_t i = 0; i < p.query_size; i++)
        p.memory[i] *= 128.0f;
    problem_run(&p);
    for (int64_t i = 0; i < p.query_size; i++)
        assert_true(isfinite(p.gradients[i]));
    for (int64_t row = 0; row < 300; row++)
        for (int i = 0; i < 4; i++)
            assert_true(fabsf(p.out[row * p.shape.out_stride + i]) < 768.0f);
    problem_destroy(&p);
}

static void nan_in_a_key_reaches_all_rows_that_see_it(void **state)
{
    (void)state;
    static const struct situation situation = {1, 150, 150, 1, 1, 8, MASK_NONE, 0};
    struct problem p = problem_create(&situation, ELEMENT_BF16);
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
        cmocka_unit_test(matches_the_reference),
        cmocka_unit_test(same_bits_for_any_threads),
        cmocka_unit_test(large_scores_are_stable),
        cmocka_unit_test(nan_in_a_key_reaches_all_rows_that_see_it),
    };
    printf("instruction set: %s\n", cpu_level_name(cpu_level()));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
