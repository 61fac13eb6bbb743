/* The residual stream: exact sums, in place, NaN included. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "llmpi/kernels/residual.h"
#include "llmpi/kernels/threads.h"
#include "reference/samples.h"

static void sums_are_exactly_rounded(void **state)
{
    (void)state;
    static const int64_t sizes[] = {0, 1, 15, 16, 17, 1000, 70001};
    for (int s = 0; s < 7; s++) {
        int64_t n = sizes[s];
        float *a = samples(n, 1, 1.0), *b = samples(n, 2, 1.0), *y = repeated(n, NAN);
        for (int threads = 1; threads <= 3; threads++) {
            threads_set(threads);
            residual_forward(y, a, b, ELEMENT_FP32, n);
            for (int64_t i = 0; i < n; i++)
                assert_true(y[i] == a[i] + b[i]);
        }
        residual_backward(a, b, n);
        assert_memory_equal(a, y, (size_t)n * sizeof *a);
        residual_forward(y, a, b, ELEMENT_FP32, n);
        residual_forward(b, a, b, ELEMENT_FP32, n);
        assert_memory_equal(b, y, (size_t)n * sizeof *b);
        free(a), free(b), free(y);
    }
    threads_set(2);
}

/* A bf16 number is a float, so the sum is that of floats. */
static void bf16_branches_are_added_exactly(void **state)
{
    (void)state;
    static const int64_t sizes[] = {0, 1, 15, 17, 33, 1000, 70001};
    for (int s = 0; s < 7; s++) {
        int64_t n = sizes[s];
        float *stream = samples(n, 1, 1.0), *y = repeated(n, NAN), *wide = repeated(n, 0.0f);
        bf16 *branch = rounded_samples(n, 2, 1.0);
        element_to_float(wide, branch, n);
        for (int threads = 1; threads <= 3; threads++) {
            threads_set(threads);
            residual_forward(y, stream, branch, ELEMENT_BF16, n);
            for (int64_t i = 0; i < n; i++)
                assert_true(y[i] == stream[i] + wide[i]);
        }
        residual_forward(stream, stream, branch, ELEMENT_BF16, n);
        assert_memory_equal(stream, y, (size_t)n * sizeof *y);
        free(stream), free(y), free(wide), free(branch);
    }
    threads_set(2);
}

static void nan_stays(void **state)
{
    (void)state;
    float a[] = {1, NAN, 3, INFINITY}, b[] = {NAN, 2, 3, -INFINITY};
    residual_forward(b, a, b, ELEMENT_FP32, 4);
    assert_true(isnan(b[0]) && isnan(b[1]) && b[2] == 6.0f && isnan(b[3]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_exactly_rounded),
        cmocka_unit_test(bf16_branches_are_added_exactly),
        cmocka_unit_test(nan_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
