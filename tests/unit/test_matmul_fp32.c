/* The products with weights against plain sums, for both layouts of the weight and several numbers of
 * threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "llmpi/kernels/matmul.h"
#include "llmpi/kernels/threads.h"
#include "reference/reference.h"
#include "reference/samples.h"

#include <cmocka.h> /* last: it defines fail() */

static const struct {
    int64_t rows, inputs, outputs;
} shapes[] = {{0, 3, 5},    {1, 1, 1},     {1, 64, 192}, {2, 17, 31},    {4, 100, 90},  {5, 100, 90},
              {64, 64, 64}, {65, 63, 129}, {33, 128, 7}, {200, 96, 101}, {7, 300, 257}, {129, 1, 16}};

enum { SHAPES = sizeof shapes / sizeof *shapes };

struct small {
    double x[6], master[12], bias[4], dy[8];
    bool transposed;
};

static double weighted_product(void *context)
{
    struct small *small = context;
    struct reference_weight weight = {small->master, 3, 4, small->transposed};
    double y[8], sum = 0.0;
    reference_matmul_forward(y, small->x, &weight, small->bias, 2);
    for (int i = 0; i < 8; i++)
        sum += small->dy[i] * y[i];
    return sum;
}

static void reference_gradient_is_the_difference_quotient(void **state)
{
    (void)state;
    for (int transposed = 0; transposed < 2; transposed++) {
        struct small small = {.transposed = transposed != 0};
        for (int i = 0; i < 12; i++) {
            small.x[i % 6] = sin(3.7 * i);
            small.dy[i % 8] = cos(1.3 * i);
            small.master[i] = 1.0 - 0.1 * i;
            small.bias[i % 4] = 0.2 * i;
        }
        struct reference_weight weight = {small.master, 3, 4, small.transposed};
        double dx[6], dmaster[12] = {0}, dbias[4] = {0};
        reference_matmul_backward_input(dx, small.dy, &weight, 2);
        reference_matmul_backward_weight(dmaster, dbias, small.x, small.dy, &weight, 2);
        assert_true(gradient_error(weighted_product, &small, small.x, dx, 6) < 1e-8);
        assert_true(gradient_error(weighted_product, &small, small.master, dmaster, 12) < 1e-8);
        assert_true(gradient_error(weighted_product, &small, small.bias, dbias, 4) < 1e-8);
    }
}

/* A sum of k products of normal numbers errs by at most k half steps of the sum of magnitudes, which is below
 * 0.8 k + 10; typically by sqrt(k). */
static double tolerance(int64_t k)
{
    return 16.0 * FLOAT_STEP * sqrt((double)k) + 16.0 * FLOAT_STEP;
}

static void check_shape(int64_t rows, int64_t inputs, int64_t outputs, bool transposed, bool biased)
{
    int64_t n = inputs * outputs;
    float *x = samples(rows * inputs, 1, 1.0), *master = samples(n, 2, 1.0), *bias = samples(outputs, 3, 1.0);
    float *dy = samples(rows * outputs, 4, 1.0), *y = repeated(rows * outputs, NAN),
          *dx = repeated(rows * inputs, NAN);
    float *dmaster = samples(n, 5, 1.0), *dbias = samples(outputs, 6, 1.0);
    double *wide_x = widened(x, rows * inputs), *wide_master = widened(master, n),
           *wide_bias = widened(bias, outputs);
    double *wide_dy = widened(dy, rows * outputs), *wide_y = zeros(rows * outputs),
           *wide_dx = zeros(rows * inputs);
    double *wide_dmaster = widened(dmaster, n), *wide_dbias = widened(dbias, outputs);
    struct reference_weight reference = {wide_master, inputs, outputs, transposed};
    struct weight *weight = weight_create(inputs, outputs, transposed, ELEMENT_FP32, &allocator_plain);
    assert_non_null(weight);
    weight_refresh(weight, master);
    matmul_forward(y, ELEMENT_FP32, x, weight, biased ? bias : NULL, rows, NULL);
    matmul_backward_input(dx, dy, weight, rows, NULL);
    matmul_backward_weight(dmaster, biased ? dbias : NULL, x, dy, weight, rows, NULL);
    reference_matmul_forward(wide_y, wide_x, &reference, biased ? wide_bias : NULL, rows);
    reference_matmul_backward_input(wide_dx, wide_dy, &reference, rows);
    reference_matmul_backward_weight(wide_dmaster, biased ? wide_dbias : NULL, wide_x, wide_dy, &reference,
                                     rows);
    assert_true(worst_error(y, wide_y, rows * outputs) < tolerance(inputs));
    assert_true(worst_error(dx, wide_dx, rows * inputs) < tolerance(outputs));
    assert_true(worst_error(dmaster, wide_dmaster, n) < tolerance(rows));
    assert_true(worst_error(dbias, wide_dbias, outputs) < tolerance(rows));
    weight_destroy(weight);
    free(x), free(master), free(bias), free(dy), free(y), free(dx), free(dmaster), free(dbias);
    free(wide_x), free(wide_master), free(wide_bias), free(wide_dy), free(wide_y), free(wide_dx),
        free(wide_dmaster);
    free(wide_dbias);
}

static void matches_the_reference(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 6; threads++) {
        threads_set(threads);
        for (int s = 0; s < SHAPES; s++)
            for (int variant = 0; variant < 4; variant++)
                check_shape(shapes[s].rows, shapes[s].inputs, shapes[s].outputs, variant % 2 == 1,
                            variant / 2 == 1);
    }
    threads_set(2);
}

static void bias_gradient_is_the_same_for_any_threads(void **state)
{
    (void)state;
    float *dy = samples(300 * 331, 1, 1.0), *x = samples(300 * 2, 2, 1.0), *dmaster = repeated(2 * 331, 0.0f);
    float *first = repeated(331, 0.25f);
    struct weight *weight = weight_create(2, 331, false, ELEMENT_FP32, &allocator_plain);
    for (int threads = 1; threads <= 4; threads++) {
        threads_set(threads);
        float *dbias = repeated(331, 0.25f);
        matmul_backward_weight(dmaster, threads == 1 ? first : dbias, x, dy, weight, 300, NULL);
        if (threads > 1)
            assert_memory_equal(dbias, first, 331 * sizeof *first);
        free(dbias);
    }
    threads_set(2);
    weight_destroy(weight);
    free(dy), free(x), free(dmaster), free(first);
}

static void repeats_give_the_same_bits(void **state)
{
    (void)state;
    struct weight *weight = weight_create(256, 100, false, ELEMENT_FP32, &allocator_plain);
    float *x = samples(70 * 256, 1, 1.0), *master = samples(256 * 100, 2, 1.0);
    float *first = repeated(70 * 100, 0.0f), *second = repeated(70 * 100, 1.0f);
    weight_refresh(weight, master);
    matmul_forward(first, ELEMENT_FP32, x, weight, NULL, 70, NULL);
    matmul_forward(second, ELEMENT_FP32, x, weight, NULL, 70, NULL);
    assert_memory_equal(first, second, 70 * 100 * sizeof *first);
    weight_destroy(weight);
    free(x), free(master), free(first), free(second);
}

/* One NaN in x reaches its row of y and nothing else. */
static void nan_stays_in_its_row(void **state)
{
    (void)state;
    struct weight *weight = weight_create(40, 50, false, ELEMENT_FP32, &allocator_plain);
    float *x = samples(30 * 40, 1, 1.0), *master = samples(40 * 50, 2, 1.0), *y = repeated(30 * 50, 0.0f);
    x[7 * 40 + 3] = NAN;
    weight_refresh(weight, master);
    matmul_forward(y, ELEMENT_FP32, x, weight, NULL, 30, NULL);
    for (int i = 0; i < 30 * 50; i++)
        assert_int_equal(isnan(y[i]) != 0, i / 50 == 7);
    weight_destroy(weight);
    free(x), free(master), free(y);
}

static void sizes_out_of_range_are_refused(void **state)
{
    (void)state;
    assert_null(weight_create(0, 5, false, ELEMENT_FP32, &allocator_plain));
    assert_null(weight_create(5, -1, false, ELEMENT_FP32, &allocator_plain));
    assert_null(weight_create((int64_t)1 << 40, 5, true, ELEMENT_FP32, &allocator_plain));
    assert_true(strstr(status_message(), "1099511627776 inputs") != NULL);
}

static void library_is_named_and_uses_one_thread(void **state)
{
    (void)state;
    assert_true(strlen(threads_blas_library()) > 0);
    assert_true(threads_cores() >= 1);
    threads_set(3);
    assert_int_equal(threads_count(), 3);
    threads_set(0);
    assert_int_equal(threads_count(), 1);
    threads_set(2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_gradient_is_the_difference_quotient),
        cmocka_unit_test(matches_the_reference),
        cmocka_unit_test(bias_gradient_is_the_same_for_any_threads),
        cmocka_unit_test(repeats_give_the_same_bits),
        cmocka_unit_test(nan_stays_in_its_row),
        cmocka_unit_test(sizes_out_of_range_are_refused),
        cmocka_unit_test(library_is_named_and_uses_one_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
