/* Layer normalisation against its reference, which finite differences prove. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "llmpi/kernels/layernorm.h"
#include "llmpi/kernels/threads.h"
#include "reference/reference.h"
#include "reference/samples.h"

static const struct {
    int64_t rows, width;
} shapes[] = {{0, 8},    {1, 2},   {1, 64},    {2, 17},   {63, 31}, {64, 256},
              {65, 257}, {7, 768}, {130, 100}, {300, 33}, {3, 2039}};

enum { SHAPES = sizeof shapes / sizeof *shapes };

struct small {
    double x[12], gain[4], bias[4], dy[12];
};

static double weighted_norm(void *context)
{
    struct small *small = context;
    double y[12], mean[3], rstd[3], sum = 0.0;
    reference_layernorm_forward(y, mean, rstd, small->x, small->gain, small->bias, 3, 4);
    for (int i = 0; i < 12; i++)
        sum += small->dy[i] * y[i];
    return sum;
}

static void reference_gradient_is_the_difference_quotient(void **state)
{
    (void)state;
    struct small small;
    for (int i = 0; i < 12; i++) {
        small.x[i] = sin(3.7 * i);
        small.dy[i] = cos(1.3 * i);
        small.gain[i % 4] = 1.0 + 0.1 * i;
        small.bias[i % 4] = 0.2 * i;
    }
    double y[12], mean[3], rstd[3], dx[12], dgain[4] = {0}, dbias[4] = {0};
    reference_layernorm_forward(y, mean, rstd, small.x, small.gain, small.bias, 3, 4);
    reference_layernorm_backward(dx, dgain, dbias, small.dy, small.x, mean, rstd, small.gain, 3, 4);
    assert_true(gradient_error(weighted_norm, &small, small.x, dx, 12) < 1e-7);
    assert_true(gradient_error(weighted_norm, &small, small.gain, dgain, 4) < 1e-8);
    assert_true(gradient_error(weighted_norm, &small, small.bias, dbias, 4) < 1e-8);
}

/* All arrays of one shape, in single and double precision. */
struct arrays {
    int64_t rows, width, n;
    float *x, *gain, *bias, *dy, *y, *mean, *rstd, *dx, *dgain, *dbias;
    double *wide_x, *wide_gain, *wide_bias, *wide_dy, *wide_y, *wide_mean, *wide_rstd, *wide_dx, *wide_dgain,
        *wide_dbias;
};

static struct arrays arrays_create(int64_t rows, int64_t width)
{
    int64_t n = rows * width;
    struct arrays a = {.rows = rows, .width = width, .n = n};
    a.x = samples(n, 1, 2.0), a.gain = samples(width, 2, 1.0), a.bias = samples(width, 3, 1.0);
    a.dy = samples(n, 4, 1.0), a.y = samples(n, 5, 1.0), a.dx = samples(n, 6, 1.0);
    a.mean = repeated(rows, 9.0f), a.rstd = repeated(rows, 9.0f);
    a.dgain = samples(width, 7, 1.0), a.dbias = samples(width, 8, 1.0);
    a.wide_x = widened(a.x, n), a.wide_gain = widened(a.gain, width), a.wide_bias = widened(a.bias, width);
    a.wide_dy = widened(a.dy, n), a.wide_y = zeros(n), a.wide_dx = zeros(n);
    a.wide_mean = zeros(rows), a.wide_rstd = zeros(rows);
    a.wide_dgain = widened(a.dgain, width), a.wide_dbias = widened(a.dbias, width);
    return a;
}

static void arrays_destroy(struct arrays *a)
{
    free(a->x), free(a->gain), free(a->bias), free(a->dy), free(a->y), free(a->mean), free(a->rstd);
    free(a->dx), free(a->dgain), free(a->dbias), free(a->wide_x), free(a->wide_gain), free(a->wide_bias);
    free(a->wide_dy), free(a->wide_y), free(a->wide_mean), free(a->wide_rstd), free(a->wide_dx);
    free(a->wide_dgain), free(a->wide_dbias);
}

static void matches_the_reference(void **state)
{
    (void)state;
    for (int s = 0; s < SHAPES; s++) {
        struct arrays a = arrays_create(shapes[s].rows, shapes[s].width);
        layernorm_forward(a.y, ELEMENT_FP32, a.mean, a.rstd, a.x, a.gain, a.bias, a.rows, a.width);
        reference_layernorm_forward(a.wide_y, a.wide_mean, a.wide_rstd, a.wide_x, a.wide_gain, a.wide_bias,
                                    a.rows, a.width);
        /* A sum of w numbers in at least 4 lanes errs by at most w / 4 half steps of the sum of magnitudes;
         * in the mean, w divides out again. 64 steps are far below any wrong term. */
        assert_true(worst_error(a.mean, a.wide_mean, a.rows) < 64 * FLOAT_STEP);
        assert_true(worst_error(a.rstd, a.wide_rstd, a.rows) < 64 * FLOAT_STEP);
        assert_true(worst_error(a.y, a.wide_y, a.n) < 64 * FLOAT_STEP);
        double *stream = widened(a.dx, a.n);
        layernorm_backward(a.dx, a.dgain, a.dbias, a.dy, ELEMENT_FP32, a.x, a.mean, a.rstd, a.gain, a.rows,
                           a.width);
        reference_layernorm_backward(a.wide_dx, a.wide_dgain, a.wide_dbias, a.wide_dy, a.wide_x, a.wide_mean,
                                     a.wide_rstd, a.wide_gain, a.rows, a.width);
        for (int64_t k = 0; k < a.n; k++)
            a.wide_dx[k] += stream[k];
        free(stream);
        assert_true(worst_error(a.dx, a.wide_dx, a.n) < 128 * FLOAT_STEP);
        /* Column sums of up to 300 rows in blocks of 64: errors of up to 64 + 5 half steps of sqrt(300). */
        assert_true(worst_error(a.dgain, a.wide_dgain, a.width) < 512 * FLOAT_STEP);
        assert_true(worst_error(a.dbias, a.wide_dbias, a.width) < 512 * FLOAT_STEP);
        arrays_destroy(&a);
    }
}

/* y is rounded once; dy is exactly bf16, and what is made of it stays fp32 and errs as in fp32. */
static void bf16_matches_the_reference(void **state)
{
    (void)state;
    for (int s = 0; s < SHAPES; s++) {
        struct arrays a = arrays_create(shapes[s].rows, shapes[s].width);
        bf16 *y = rounded_samples(a.n, 5, 1.0), *dy = rounded_samples(a.n, 4, 1.0);
        double *wide_dy = widened_bf16(dy, a.n), *stream = widened(a.dx, a.n);
        layernorm_forward(y, ELEMENT_BF16, a.mean, a.rstd, a.x, a.gain, s % 2 == 0 ? a.bias : NULL, a.rows,
                          a.width);
        reference_layernorm_forward(a.wide_y, a.wide_mean, a.wide_rstd, a.wide_x, a.wide_gain,
                                    s % 2 == 0 ? a.wide_bias : NULL, a.rows, a.width);
        assert_true(rounded_once(y, a.wide_y, a.n, 64 * FLOAT_STEP));
        layernorm_backward(a.dx, a.dgain, a.dbias, dy, ELEMENT_BF16, a.x, a.mean, a.rstd, a.gain, a.rows,
                           a.width);
        reference_layernorm_backward(a.wide_dx, a.wide_dgain, a.wide_dbias, wide_dy, a.wide_x, a.wide_mean,
                                     a.wide_rstd, a.wide_gain, a.rows, a.width);
        for (int64_t k = 0; k < a.n; k++)
            a.wide_dx[k] += stream[k];
        assert_true(worst_error(a.dx, a.wide_dx, a.n) < 128 * FLOAT_STEP);
        assert_true(worst_error(a.dgain, a.wide_dgain, a.width) < 512 * FLOAT_STEP);
        assert_true(worst_error(a.dbias, a.wide_dbias, a.width) < 512 * FLOAT_STEP);
        free(y), free(dy), free(wide_dy), free(stream);
        arrays_destroy(&a);
    }
}

static void bf16_is_the_same_for_any_threads(void **state)
{
    (void)state;
    struct arrays a = arrays_create(201, 331), b = arrays_create(201, 331);
    bf16 *dy = rounded_samples(a.n, 4, 1.0), *y = rounded_samples(a.n, 5, 1.0),
         *again = rounded_samples(a.n, 6, 1.0);
    threads_set(1);
    layernorm_forward(y, ELEMENT_BF16, a.mean, a.rstd, a.x, a.gain, a.bias, a.rows, a.width);
    layernorm_backward(a.dx, a.dgain, a.dbias, dy, ELEMENT_BF16, a.x, a.mean, a.rstd, a.gain, a.rows,
                       a.width);
    threads_set(3);
    layernorm_forward(again, ELEMENT_BF16, b.mean, b.rstd, b.x, b.gain, b.bias, b.rows, b.width);
    layernorm_backward(b.dx, b.dgain, b.dbias, dy, ELEMENT_BF16, b.x, b.mean, b.rstd, b.gain, b.rows,
                       b.width);
    assert_memory_equal(again, y, (size_t)a.n * sizeof *y);
    memset(again, 0, (size_t)a.n * sizeof *y);
    layernorm_again(again, ELEMENT_BF16, b.mean, b.rstd, b.x, b.gain, b.bias, b.rows, b.width);
    threads_set(2);
    assert_memory_equal(again, y, (size_t)a.n * sizeof *y);
    assert_memory_equal(b.dx, a.dx, (size_t)a.n * sizeof *a.dx);
    assert_memory_equal(b.dgain, a.dgain, (size_t)a.width * sizeof *a.dgain);
    assert_memory_equal(b.dbias, a.dbias, (size_t)a.width * sizeof *a.dbias);
    free(dy), free(y), free(again);
    arrays_destroy(&a), arrays_destroy(&b);
}

static void backward_is_the_same_for_any_threads(void **state)
{
    (void)state;
    struct arrays a = arrays_create(201, 331);
    float *first_gain = NULL, *first_bias = NULL, *first_dx = NULL;
    layernorm_forward(a.y, ELEMENT_FP32, a.mean, a.rstd, a.x, a.gain, a.bias, a.rows, a.width);
    for (int threads = 1; threads <= 4; threads++) {
        threads_set(threads);
        float *dgain = repeated(a.width, 0.5f), *dbias = repeated(a.width, 0.5f), *dx = samples(a.n, 4, 1.0);
        layernorm_backward(dx, dgain, dbias, a.dy, ELEMENT_FP32, a.x, a.mean, a.rstd, a.gain, a.rows,
                           a.width);
        if (threads == 1) {
            first_gain = dgain, first_bias = dbias, first_dx = dx;
            continue;
        }
        assert_memory_equal(dgain, first_gain, (size_t)a.width * sizeof(float));
        assert_memory_equal(dbias, first_bias, (size_t)a.width * sizeof(float));
        assert_memory_equal(dx, first_dx, (size_t)a.n * sizeof(float));
        free(dgain), free(dbias), free(dx);
    }
    threads_set(2);
    free(first_gain), free(first_bias), free(first_dx);
    arrays_destroy(&a);
}

static void works_without_bias(void **state)
{
    (void)state;
    struct arrays a = arrays_create(5, 40), b = arrays_create(5, 40);
    memset(a.bias, 0, 40 * sizeof(float));
    layernorm_forward(a.y, ELEMENT_FP32, a.mean, a.rstd, a.x, a.gain, a.bias, 5, 40);
    layernorm_forward(b.y, ELEMENT_FP32, b.mean, b.rstd, b.x, b.gain, NULL, 5, 40);
    layernorm_backward(a.dx, a.dgain, a.dbias, a.dy, ELEMENT_FP32, a.x, a.mean, a.rstd, a.gain, 5, 40);
    layernorm_backward(b.dx, b.dgain, NULL, b.dy, ELEMENT_FP32, b.x, b.mean, b.rstd, b.gain, 5, 40);
    for (int i = 0; i < 200; i++)
        assert_true(a.y[i] == b.y[i] && a.dx[i] == b.dx[i]);
    assert_memory_equal(a.dgain, b.dgain, 40 * sizeof(float));
    arrays_destroy(&a), arrays_destroy(&b);
}

static void nan_stays(void **state)
{
    (void)state;
    struct arrays a = arrays_create(3, 50);
    a.x[70] = NAN;
    layernorm_forward(a.y, ELEMENT_FP32, a.mean, a.rstd, a.x, a.gain, a.bias, 3, 50);
    layernorm_backward(a.dx, a.dgain, a.dbias, a.dy, ELEMENT_FP32, a.x, a.mean, a.rstd, a.gain, 3, 50);
    for (int i = 0; i < 50; i++)
        assert_true(!isnan(a.y[i]) && isnan(a.y[50 + i]) && isnan(a.dx[50 + i]) && isnan(a.dgain[i]));
    arrays_destroy(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_gradient_is_the_difference_quotient),
        cmocka_unit_test(matches_the_reference),
        cmocka_unit_test(bf16_matches_the_reference),
        cmocka_unit_test(bf16_is_the_same_for_any_threads),
        cmocka_unit_test(backward_is_the_same_for_any_threads),
        cmocka_unit_test(works_without_bias),
        cmocka_unit_test(nan_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
