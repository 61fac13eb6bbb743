/* GELU against its formula in double precision over a dense range, at the limits, and in place; the
 * exponential that it is made of against libm. */
#include "llmpi/base/cpu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/kernels/vector_math.h"
#include "llmpi/kernels/gelu.h"
#include "llmpi/kernels/threads.h"
#include "reference/reference.h"
#include "reference/samples.h"

static void exponential_is_within_two_steps(void **state)
{
    (void)state;
    /* From the smallest normal result to the largest finite one. exp_float's own claim. */
    for (double x = -87.3; x < 88.7; x += 1.7e-4) {
        double wanted = exp((double)(float)x), error = fabs((double)exp_float((float)x) - wanted) / wanted;
        assert_true(error <= 2.0 * FLOAT_STEP);
    }
    for (double x = -200.0; x < -87.34; x += 0.01)
        assert_true(exp_float((float)x) == 0.0f);
}

static void exponential_has_the_limits(void **state)
{
    (void)state;
    assert_true(exp_float(0.0f) == 1.0f);
    assert_true(exp_float(-INFINITY) == 0.0f);
    assert_true(exp_float(-1e30f) == 0.0f);
    assert_true(isinf(exp_float(INFINITY)));
    assert_true(isinf(exp_float(88.73f)));
    assert_true(isfinite(exp_float(88.72f)));
    assert_true(isnan(exp_float(NAN)));
    assert_true(isnan(exp_float(-NAN)));
}

static double weighted_gelu(void *context)
{
    double *x = context, y[5], sum = 0.0;
    reference_gelu_forward(y, x, 5);
    for (int i = 0; i < 5; i++)
        sum += (i + 1) * y[i];
    return sum;
}

static void reference_gradient_is_the_difference_quotient(void **state)
{
    (void)state;
    double x[5] = {-3.1, -0.7, 0.0, 0.4, 2.5}, dy[5] = {1, 2, 3, 4, 5}, dx[5];
    reference_gelu_backward(dx, x, dy, 5);
    assert_true(gradient_error(weighted_gelu, x, x, dx, 5) < 1e-8);
}

static void forward_and_backward_match_the_reference(void **state)
{
    (void)state;
    static const int64_t sizes[] = {0, 1, 2, 15, 16, 17, 16383, 16384, 16385, 50001};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        int64_t n = sizes[s];
        float *x = samples(n, 1, 3.0), *dy = samples(n, 2, 1.0), *y = samples(n, 3, 1.0),
              *dx = samples(n, 4, 1.0);
        double *wide = widened(x, n), *wide_dy = widened(dy, n), *wanted = zeros(n);
        gelu_forward(y, x, ELEMENT_FP32, n);
        reference_gelu_forward(wanted, wide, n);
        /* The exponent is rounded to within |u| steps, u <= 20 where s matters: 20 steps of 6e-8. */
        assert_true(worst_error(y, wanted, n) < 1.5e-6);
        gelu_backward(dx, x, dy, ELEMENT_FP32, n);
        reference_gelu_backward(wanted, wide, wide_dy, n);
        assert_true(worst_error(dx, wanted, n) < 3e-6); /* twice as many factors, and slopes up to 6 */
        gelu_forward(x, x, ELEMENT_FP32, n);
        assert_memory_equal(x, y, (size_t)n * sizeof *x);
        free(x), free(dy), free(y), free(dx), free(wide), free(wide_dy), free(wanted);
    }
}

/* What the arithmetic before the rounding claims: with AVX-512 and bf16 less than that of fp32. */
static double forward_error(void)
{
    return cpu_level() >= CPU_AVX512_BF16 ? 1e-4 : 1.5e-6;
}

static double backward_error(void)
{
    return cpu_level() >= CPU_AVX512_BF16 ? 2e-5 : 3e-6;
}

/* The inputs are exactly bf16, so the error of the arithmetic and one rounding remain. */
static void bf16_is_rounded_once(void **state)
{
    (void)state;
    static const int64_t sizes[] = {0, 1, 15, 16, 31, 32, 33, 63, 16383, 16385, 50001};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        int64_t n = sizes[s];
        bf16 *x = rounded_samples(n, 1, 3.0), *dy = rounded_samples(n, 2, 1.0),
             *y = rounded_samples(n, 3, 1.0);
        double *wide = widened_bf16(x, n), *wide_dy = widened_bf16(dy, n), *wanted = zeros(n);
        gelu_forward(y, x, ELEMENT_BF16, n);
        reference_gelu_forward(wanted, wide, n);
        assert_true(rounded_once(y, wanted, n, forward_error()));
        gelu_backward(dy, x, dy, ELEMENT_BF16, n);
        reference_gelu_backward(wanted, wide, wide_dy, n);
        assert_true(rounded_once(dy, wanted, n, backward_error()));
        gelu_forward(x, x, ELEMENT_BF16, n);
        assert_memory_equal(x, y, (size_t)n * sizeof *x);
        free(x), free(dy), free(y), free(wide), free(wide_dy), free(wanted);
    }
}

/* Every finite bf16 number: where the result is exact in the limit, and nothing overflows on the way. */
static void every_bf16_number(void **state)
{
    (void)state;
    enum { PATTERNS = 65536 };
    bf16 *x = malloc(PATTERNS * sizeof *x), *y = malloc(PATTERNS * sizeof *y);
    double *wanted = zeros(PATTERNS), *ones = zeros(PATTERNS);
    assert_true(x != NULL && y != NULL);
    for (int i = 0; i < PATTERNS; i++) {
        x[i] = (i & 0x7f80) == 0x7f80 ? 0 : (bf16)i;
        y[i] = 0x3f80;
        ones[i] = 1.0;
    }
    double *wide = widened_bf16(x, PATTERNS);
    gelu_backward(y, x, y, ELEMENT_BF16, PATTERNS);
    reference_gelu_backward(wanted, wide, ones, PATTERNS);
    for (int i = 0; i < PATTERNS; i++) /* the formula has 0 times infinity far out */
        wanted[i] = wide[i] > 12.0 ? 1.0 : wide[i] < -12.0 ? 0.0 : wanted[i];
    assert_true(rounded_once(y, wanted, PATTERNS, backward_error()));
    gelu_forward(y, x, ELEMENT_BF16, PATTERNS);
    reference_gelu_forward(wanted, wide, PATTERNS);
    assert_true(rounded_once(y, wanted, PATTERNS, forward_error()));
    /* In relation to themselves, too, above where 1 + tanh of the reference cancels and below what bf16 may
     * lose. */
    double *got = widened_bf16(y, PATTERNS);
    for (int i = 0; i < PATTERNS; i++)
        if (fabs(wanted[i]) >= 0x1p-125 && wide[i] > -5.0)
            assert_true(fabs(got[i] - wanted[i]) <= (BF16_HALF_STEP + 1.01e-4) * fabs(wanted[i]));
    free(x), free(y), free(wanted), free(got), free(ones), free(wide);
}

static void bf16_has_the_limits(void **state)
{
    (void)state;
    enum { N = 40 }; /* in a whole register and in a rest */
    static const bf16 far[] = {0x7f80, 0xff80, 0x7fc0, 0xffc0, 0x7f81, 0x7f7f, 0xff7f, 0x0000, 0x8000};
    enum { KINDS = sizeof far / sizeof *far };
    bf16 x[N], y[N], dx[N], dy[N];
    for (int i = 0; i < N; i++) {
        x[i] = far[i % KINDS];
        dy[i] = 0x3f80;
    }
    gelu_forward(y, x, ELEMENT_BF16, N);
    gelu_backward(dx, x, dy, ELEMENT_BF16, N);
    double *values = widened_bf16(y, N), *slopes = widened_bf16(dx, N), *wide = widened_bf16(x, N);
    for (int i = 0; i < N; i++) {
        bool nan = isnan(wide[i]);
        /* -infinity times 0, as the formula has it */
        assert_true(isnan(values[i]) == (nan || wide[i] == -INFINITY));
        assert_true(isnan(slopes[i]) == nan);
        if (!isnan(values[i]))
            assert_true(values[i] == (wide[i] > 0.0 ? wide[i] : 0.0));
        if (!nan)
            assert_true(fabs(slopes[i] - (wide[i] > 0.0 ? 1.0 : wide[i] < 0.0 ? 0.0 : 0.5)) < 1e-30);
    }
    free(values), free(slopes), free(wide);
}

static void same_bits_for_any_threads(void **state)
{
    (void)state;
    enum { N = 70001 };
    bf16 *x = rounded_samples(N, 1, 3.0), *first = rounded_samples(N, 2, 1.0);
    threads_set(1);
    gelu_backward(first, x, first, ELEMENT_BF16, N);
    for (int threads = 2; threads <= 4; threads++) {
        bf16 *dx = rounded_samples(N, 2, 1.0);
        threads_set(threads);
        gelu_backward(dx, x, dx, ELEMENT_BF16, N);
        assert_memory_equal(dx, first, N * sizeof *dx);
        free(dx);
    }
    threads_set(2);
    free(x), free(first);
}

static void backward_works_in_place(void **state)
{
    (void)state;
    float *x = samples(1000, 5, 2.0), *dy = samples(1000, 6, 1.0), *dx = repeated(1000, 0.0f);
    gelu_backward(dx, x, dy, ELEMENT_FP32, 1000);
    gelu_backward(dy, x, dy, ELEMENT_FP32, 1000);
    assert_memory_equal(dx, dy, 1000 * sizeof *dx);
    free(x), free(dy), free(dx);
}

static void far_values_and_nan(void **state)
{
    (void)state;
    float x[] = {1e30f, 50.0f, -50.0f, -1e30f, INFINITY, NAN}, y[6], dx[6], dy[] = {1, 1, 1, 1, 1, 1};
    gelu_forward(y, x, ELEMENT_FP32, 6);
    gelu_backward(dx, x, dy, ELEMENT_FP32, 6);
    assert_true(y[0] == 1e30f && y[1] == 50.0f && y[2] == 0.0f && y[3] == 0.0f && isinf(y[4]) && isnan(y[5]));
    assert_true(dx[0] == 1.0f && dx[1] == 1.0f && dx[4] == 1.0f && isnan(dx[5]));
    assert_true(fabsf(dx[2]) < 1e-30f && fabsf(dx[3]) < 1e-30f);
    float bad = NAN;
    gelu_backward(dx, x, &bad, ELEMENT_FP32, 1);
    assert_true(isnan(dx[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exponential_is_within_two_steps),
        cmocka_unit_test(exponential_has_the_limits),
        cmocka_unit_test(reference_gradient_is_the_difference_quotient),
        cmocka_unit_test(forward_and_backward_match_the_reference),
        cmocka_unit_test(bf16_is_rounded_once),
        cmocka_unit_test(every_bf16_number),
        cmocka_unit_test(bf16_has_the_limits),
        cmocka_unit_test(same_bits_for_any_threads),
        cmocka_unit_test(backward_works_in_place),
        cmocka_unit_test(far_values_and_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
