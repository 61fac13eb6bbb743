/* Cross-entropy against its reference, stable for large logits, and honest about NaN. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "llmpi/kernels/cross_entropy.h"
#include "llmpi/kernels/threads.h"
#include "reference/reference.h"
#include "reference/samples.h"

static const struct {
    int64_t rows, vocab;
} shapes[] = {{0, 5},    {1, 1},    {3, 2},    {5, 17},   {4, 256},
              {2, 2047}, {3, 2048}, {2, 2049}, {7, 5003}, {2, 50257}};

enum { SHAPES = sizeof shapes / sizeof *shapes };

struct small {
    double logits[15], weight[3];
    uint32_t targets[3];
};

static double weighted_loss(void *context)
{
    struct small *small = context;
    double loss[3];
    reference_cross_entropy_forward(loss, small->logits, small->targets, 3, 5);
    return small->weight[0] * loss[0] + small->weight[1] * loss[1] + small->weight[2] * loss[2];
}

static void reference_gradient_is_the_difference_quotient(void **state)
{
    (void)state;
    struct small small = {.weight = {1.0, 0.0, 0.3}, .targets = {2, 0, 4}};
    double gradient[15];
    for (int i = 0; i < 15; i++)
        small.logits[i] = 3.0 * sin(1.7 * i);
    reference_cross_entropy_backward(gradient, small.logits, small.targets, small.weight, 3, 5);
    assert_true(gradient_error(weighted_loss, &small, small.logits, gradient, 15) < 1e-8);
}

static void check_shape(int64_t rows, int64_t vocab, double scale)
{
    float *logits = samples(rows * vocab, 1, scale), *weight = samples(rows, 2, 1.0),
          *loss = repeated(rows, NAN);
    float *second_loss = repeated(rows, NAN);
    double *wide = widened(logits, rows * vocab), *wide_weight = widened(weight, rows),
           *wide_loss = zeros(rows);
    double *gradient = zeros(rows * vocab);
    uint32_t *targets = calloc((size_t)rows + 1, sizeof *targets);
    for (int64_t r = 0; r < rows; r++)
        targets[r] = (uint32_t)(r * 7919 % vocab);
    cross_entropy_forward(loss, logits, targets, rows, vocab);
    reference_cross_entropy_forward(wide_loss, wide, targets, rows, vocab);
    /* Each exponential has 2 steps, sums of 2048 in 4 lanes at least have at most 512 half steps, and
     * typically 10. */
    assert_true(worst_error(loss, wide_loss, rows) < 64 * FLOAT_STEP);
    reference_cross_entropy_backward(gradient, wide, targets, vocab % 2 == 0 ? NULL : wide_weight, rows,
                                     vocab);
    cross_entropy_backward(logits, ELEMENT_FP32, second_loss, logits, targets, vocab % 2 == 0 ? NULL : weight,
                           rows, vocab);
    assert_true(worst_error(logits, gradient, rows * vocab) < 64 * FLOAT_STEP);
    assert_true(worst_error(second_loss, wide_loss, rows) < 64 * FLOAT_STEP);
    free(logits), free(weight), free(loss), free(second_loss), free(wide), free(wide_weight), free(wide_loss);
    free(gradient), free(targets);
}

static void matches_the_reference(void **state)
{
    (void)state;
    for (int s = 0; s < SHAPES; s++) {
        check_shape(shapes[s].rows, shapes[s].vocab, 0.01);
        check_shape(shapes[s].rows, shapes[s].vocab, 2.0);
        check_shape(shapes[s].rows, shapes[s].vocab, 200.0);
    }
}

/* The gradient of fp32 logits, rounded once; the loss stays fp32. */
static void check_bf16(int64_t rows, int64_t vocab, double scale)
{
    float *logits = samples(rows * vocab, 1, scale), *weight = samples(rows, 2, 1.0),
          *loss = repeated(rows, NAN);
    double *wide = widened(logits, rows * vocab), *wide_weight = widened(weight, rows),
           *wide_loss = zeros(rows), *gradient = zeros(rows * vocab);
    uint32_t *targets = calloc((size_t)rows + 1, sizeof *targets);
    bf16 *dlogits = rounded_samples(rows * vocab, 3, 1.0);
    for (int64_t r = 0; r < rows; r++)
        targets[r] = (uint32_t)(r * 7919 % vocab);
    reference_cross_entropy_forward(wide_loss, wide, targets, rows, vocab);
    reference_cross_entropy_backward(gradient, wide, targets, wide_weight, rows, vocab);
    cross_entropy_backward(dlogits, ELEMENT_BF16, loss, logits, targets, weight, rows, vocab);
    assert_true(rounded_once(dlogits, gradient, rows * vocab, 64 * FLOAT_STEP));
    assert_true(worst_error(loss, wide_loss, rows) < 64 * FLOAT_STEP);
    /* Probabilities are small beside 1, so compare them to themselves as well: they may err by one rounding,
     * and by less than a tenth of it in their exponents, which are below 1000 in half steps. */
    double *got = widened_bf16(dlogits, rows * vocab);
    for (int64_t i = 0; i < rows * vocab; i++)
        if (fabs(gradient[i]) > 1e-30 && (int64_t)targets[i / vocab] != i % vocab)
            assert_true(fabs(got[i] - gradient[i]) <= 1.1 * BF16_HALF_STEP * fabs(gradient[i]));
    free(got);
    free(logits), free(weight), free(loss), free(wide), free(wide_weight), free(wide_loss), free(gradient);
    free(targets), free(dlogits);
}

static void bf16_is_rounded_once(void **state)
{
    (void)state;
    for (int s = 0; s < SHAPES; s++) {
        check_bf16(shapes[s].rows, shapes[s].vocab, 0.01);
        check_bf16(shapes[s].rows, shapes[s].vocab, 2.0);
        check_bf16(shapes[s].rows, shapes[s].vocab, 200.0);
    }
}

static void bf16_has_the_same_bits_for_any_threads(void **state)
{
    (void)state;
    enum { ROWS = 7, VOCAB = 3001 };
    uint32_t targets[ROWS] = {1, 2, 3, 4, 5, 6, 7};
    bf16 *first = rounded_samples(ROWS * VOCAB, 2, 1.0), *again = rounded_samples(ROWS * VOCAB, 3, 1.0);
    for (int threads = 1; threads <= 3; threads++) {
        float *logits = samples(ROWS * VOCAB, 1, 1.0), loss[ROWS];
        threads_set(threads);
        cross_entropy_backward(threads == 1 ? first : again, ELEMENT_BF16, loss, logits, targets, NULL, ROWS,
                               VOCAB);
        free(logits);
        if (threads > 1)
            assert_memory_equal(again, first, ROWS * VOCAB * sizeof *first);
    }
    threads_set(2);
    free(first), free(again);
}

static void far_logits_neither_overflow_nor_vanish(void **state)
{
    (void)state;
    float logits[] = {1e30f, -1e30f, 1e30f, 0, -INFINITY, 0}, loss[2];
    uint32_t targets[] = {0, 0};
    cross_entropy_backward(logits, ELEMENT_FP32, loss, logits, targets, NULL, 2, 3);
    assert_float_equal(loss[0], 0.69314718f, 1e-6);
    assert_float_equal(loss[1], 0.69314718f, 1e-6);
    assert_float_equal(logits[0], -0.5f, 1e-6);
    assert_float_equal(logits[1], 0.0f, 0.0);
    assert_float_equal(logits[2], 0.5f, 1e-6);
    assert_float_equal(logits[4], 0.0f, 0.0);
}

static void nan_gives_nan(void **state)
{
    (void)state;
    static const float bad[] = {NAN, -NAN, INFINITY};
    for (int b = 0; b < 3; b++) {
        for (int at = 0; at < 100; at++) {
            float *logits = samples(200, 1, 1.0), loss[2];
            uint32_t targets[] = {5, 5};
            logits[100 + at] = bad[b];
            cross_entropy_forward(loss, logits, targets, 2, 100);
            assert_true(isfinite(loss[0]) && !isfinite(loss[1]));
            cross_entropy_backward(logits, ELEMENT_FP32, loss, logits, targets, NULL, 2, 100);
            assert_true(isfinite(loss[0]) && !isfinite(loss[1]));
            assert_true(isfinite(logits[0]) && isnan(logits[100 + at]));
            free(logits);
        }
    }
}

static void largest_is_the_first_of_equals(void **state)
{
    (void)state;
    const float logits[] = {1,  3,  3,      2,   /**/ 1, 3, 3,      2, /**/ -1, -2,
                            -3, -4, /**/ 1, NAN, 0,      0, /**/ 0, 0, 0,       5};
    const uint32_t targets[] = {1, 2, 0, 0, 3};
    const bool expected[] = {true, false, true, false, true};
    bool largest[5];
    cross_entropy_largest(largest, logits, targets, 5, 4);
    assert_memory_equal(largest, expected, sizeof expected);
}

static void same_bits_for_any_threads(void **state)
{
    (void)state;
    uint32_t targets[7] = {1, 2, 3, 4, 5, 6, 7};
    float first[7], *gradient = samples(7 * 3001, 1, 1.0);
    threads_set(1);
    cross_entropy_backward(gradient, ELEMENT_FP32, first, gradient, targets, NULL, 7, 3001);
    for (int threads = 2; threads <= 3; threads++) {
        float loss[7], *logits = samples(7 * 3001, 1, 1.0);
        threads_set(threads);
        cross_entropy_backward(logits, ELEMENT_FP32, loss, logits, targets, NULL, 7, 3001);
        assert_memory_equal(loss, first, sizeof loss);
        assert_memory_equal(logits, gradient, 7 * 3001 * sizeof *logits);
        free(logits);
    }
    threads_set(2);
    free(gradient);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_gradient_is_the_difference_quotient),
        cmocka_unit_test(matches_the_reference),
        cmocka_unit_test(bf16_is_rounded_once),
        cmocka_unit_test(bf16_has_the_same_bits_for_any_threads),
        cmocka_unit_test(far_logits_neither_overflow_nor_vanish),
        cmocka_unit_test(nan_gives_nan),
        cmocka_unit_test(largest_is_the_first_of_equals),
        cmocka_unit_test(same_bits_for_any_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
