/* Every provider of bf16 products that is usable here against sums in double precision of the same rounded
 * factors, and the choice among them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/kernels/matmul_provider.h"
#include "llmpi/kernels/matmul_bf16.h"
#include "llmpi/kernels/threads.h"
#include "reference/reference.h"
#include "reference/samples.h"

#include <cmocka.h> /* last: it defines fail() */

/* 1, primes, around 16, 32 and 64, and more than one of the blocks that providers cut. */
static const struct {
    int64_t rows, inputs, outputs;
} shapes[] = {{0, 3, 5},      {1, 1, 1},     {1, 64, 192},  {2, 17, 31},   {4, 100, 90},   {7, 300, 257},
              {16, 32, 16},   {31, 33, 15},  {33, 128, 7},  {65, 63, 129}, {64, 64, 64},   {129, 1, 16},
              {197, 96, 101}, {5, 1031, 64}, {130, 7, 521}, {515, 48, 34}, {1027, 20, 18}, {300, 40, 1}};

enum { SHAPES = sizeof shapes / sizeof *shapes };

static bf16 *rounded(const float *values, int64_t n)
{
    bf16 *out = malloc((size_t)(n + 1) * sizeof *out);
    assert_non_null(out);
    element_from_float(out, values, n);
    return out;
}

static float *unrounded(const bf16 *values, int64_t n)
{
    float *out = repeated(n, 0.0f);
    element_to_float(out, values, n);
    return out;
}

static double *magnitudes(const double *values, int64_t n)
{
    double *out = zeros(n);
    for (int64_t i = 0; i < n; i++)
        out[i] = fabs(values[i]);
    return out;
}

/* What the products of one shape start from and give. Factors are bf16 numbers in every form. */
struct products {
    int64_t rows, inputs, outputs;
    bool transposed;
    float *master, *bias, *dweight_before;
    bf16 *x, *dy;
    float *y, *dweight;
    bf16 *y_rounded, *dx;
};

static struct products products_create(int64_t rows, int64_t inputs, int64_t outputs, bool transposed)
{
    struct products p = {.rows = rows, .inputs = inputs, .outputs = outputs, .transposed = transposed};
    float *x = samples(rows * inputs, 1, 1.0), *dy = samples(rows * outputs, 4, 1.0);
    p.x = rounded(x, rows * inputs);
    p.dy = rounded(dy, rows * outputs);
    p.master = samples(inputs * outputs, 2, 1.0);
    p.bias = samples(outputs, 3, 1.0);
    p.dweight_before = samples(inputs * outputs, 5, 1.0);
    p.y = repeated(rows * outputs, NAN);
    p.dweight = repeated(inputs * outputs, NAN);
    p.y_rounded = rounded(p.y, rows * outputs);
    p.dx = rounded(x, rows * inputs);
    free(x), free(dy);
    return p;
}

static void products_destroy(struct products *p)
{
    free(p->master), free(p->bias), free(p->dweight_before), free(p->x), free(p->dy);
    free(p->y), free(p->dweight), free(p->y_rounded), free(p->dx);
}

static void compute(const struct matmul_provider *provider, struct products *p, bool biased)
{
    void *weight = provider->create(p->inputs, p->outputs, &allocator_plain);
    void *workspace = memory_allocate(provider->workspace_bytes(p->inputs, p->outputs, p->rows), 1, "a test");
    assert_true(weight != NULL && workspace != NULL);
    const float *bias = biased ? p->bias : NULL;
    provider->pack(weight, p->master, p->transposed);
    provider->forward(p->y, ELEMENT_FP32, p->x, weight, bias, p->rows, workspace);
    provider->forward(p->y_rounded, ELEMENT_BF16, p->x, weight, bias, p->rows, workspace);
    provider->backward_input(p->dx, p->dy, weight, p->rows, workspace);
    memcpy(p->dweight, p->dweight_before, (size_t)(p->inputs * p->outputs) * sizeof *p->dweight);
    provider->backward_weight(p->dweight, p->transposed, p->x, p->dy, p->inputs, p->outputs, p->rows,
                              workspace);
    provider->destroy(weight, &allocator_plain);
    memory_free(workspace);
}

/* The products of bf16 numbers are exact in fp32. Adding k of them and one more number in any order errs by
 * at most k half steps, 2^-24 each, of the sum of magnitudes (Higham, Accuracy and Stability of Numerical
 * Algorithms, chapter 4). Rounding to the 8 significant bits of bf16 errs by at most 2^-8 of what is rounded.
 */
static void check(const char *what, const float *got, const double *wanted, const double *magnitude,
                  int64_t n, int64_t k, bool is_rounded)
{
    for (int64_t i = 0; i < n; i++) {
        double allowed = (double)(k + 1) * 0x1p-24 * magnitude[i];
        if (is_rounded)
            allowed += 0x1p-8 * (fabs(wanted[i]) + allowed);
        double error = fabs((double)got[i] - wanted[i]);
        if (!(error <= allowed))
            print_error("%s [%lld]: %.9g, not %.9g +- %.3g\n", what, (long long)i, (double)got[i], wanted[i],
                        allowed);
        assert_true(error <= allowed);
    }
}

static void check_rounded(const char *what, const bf16 *got, const double *wanted, const double *magnitude,
                          int64_t n, int64_t k)
{
    float *wide = unrounded(got, n);
    check(what, wide, wanted, magnitude, n, k, true);
    free(wide);
}

/* The factors in double precision; `absolute` instead as their magnitudes, with which the reference's sums
 * are the sums of magnitudes. */
struct wide_products {
    double *x, *dy, *master, *bias, *y, *dx, *dweight;
};

static double *wide(const float *values, int64_t n, bool absolute)
{
    double *out = widened(values, n), *positive = magnitudes(out, n);
    free(absolute ? out : positive);
    return absolute ? positive : out;
}

static double *wide_bf16(const bf16 *values, int64_t n, bool absolute)
{
    float *floats = unrounded(values, n);
    double *out = wide(floats, n, absolute);
    free(floats);
    return out;
}

static struct wide_products reference(const struct products *p, bool biased, bool absolute)
{
    int64_t n = p->inputs * p->outputs, rows = p->rows;
    bf16 *master = rounded(p->master, n);
    struct wide_products w = {.x = wide_bf16(p->x, rows * p->inputs, absolute),
                              .dy = wide_bf16(p->dy, rows * p->outputs, absolute),
                              .master = wide_bf16(master, n, absolute),
                              .bias = wide(p->bias, p->outputs, absolute),
                              .y = zeros(rows * p->outputs),
                              .dx = zeros(rows * p->inputs),
                              .dweight = wide(p->dweight_before, n, absolute)};
    struct reference_weight weight = {w.master, p->inputs, p->outputs, p->transposed};
    reference_matmul_forward(w.y, w.x, &weight, biased ? w.bias : NULL, rows);
    reference_matmul_backward_input(w.dx, w.dy, &weight, rows);
    reference_matmul_backward_weight(w.dweight, NULL, w.x, w.dy, &weight, rows);
    free(master);
    return w;
}

static void wide_products_destroy(struct wide_products *w)
{
    free(w->x), free(w->dy), free(w->master), free(w->bias), free(w->y), free(w->dx), free(w->dweight);
}

static void check_shape(const struct matmul_provider *provider, int shape, bool transposed, bool biased)
{
    int64_t rows = shapes[shape].rows, inputs = shapes[shape].inputs, outputs = shapes[shape].outputs;
    struct products p = products_create(rows, inputs, outputs, transposed);
    struct wide_products value = reference(&p, biased, false), size = reference(&p, biased, true);
    compute(provider, &p, biased);
    check("y", p.y, value.y, size.y, rows * outputs, inputs, false);
    check_rounded("y in bf16", p.y_rounded, value.y, size.y, rows * outputs, inputs);
    check_rounded("dx", p.dx, value.dx, size.dx, rows * inputs, outputs);
    check("dweight", p.dweight, value.dweight, size.dweight, inputs * outputs, rows, false);
    products_destroy(&p), wide_products_destroy(&value), wide_products_destroy(&size);
}

static const struct matmul_provider *next_provider(int *index)
{
    while (*index < matmul_provider_count()) {
        const struct matmul_provider *provider = matmul_provider_at((*index)++);
        if (provider != NULL)
            return provider;
    }
    return NULL;
}

static void match_the_reference(void **state)
{
    (void)state;
    int index = 0;
    for (const struct matmul_provider *provider; (provider = next_provider(&index)) != NULL;) {
        print_message("provider %s\n", provider->name);
        for (int threads = 1; threads <= 3; threads++) {
            threads_set(threads);
            for (int shape = 0; shape < SHAPES; shape++)
                for (int variant = 0; variant < 4; variant++)
                    check_shape(provider, shape, variant % 2 == 1, variant / 2 == 1);
        }
    }
    threads_set(2);
}

static void assert_same_bits(const struct products *a, const struct products *b)
{
    size_t y = (size_t)(a->rows * a->outputs), x = (size_t)(a->rows * a->inputs);
    assert_memory_equal(a->y, b->y, y * sizeof *a->y);
    assert_memory_equal(a->y_rounded, b->y_rounded, y * sizeof *a->y_rounded);
    assert_memory_equal(a->dx, b->dx, x * sizeof *a->dx);
    assert_memory_equal(a->dweight, b->dweight, (size_t)(a->inputs * a->outputs) * sizeof *a->dweight);
}

/* Our own providers; oneDNN promises it for one number of threads only. */
static void thread_counts_give_the_same_bits(void **state)
{
    (void)state;
    int index = 0;
    for (const struct matmul_provider *provider; (provider = next_provider(&index)) != NULL;) {
        int most = strcmp(provider->name, "onednn") == 0 ? 1 : 3;
        for (int shape = 0; shape < SHAPES; shape++) {
            struct products first = products_create(shapes[shape].rows, shapes[shape].inputs,
                                                    shapes[shape].outputs, shape % 2 == 1);
            threads_set(1);
            compute(provider, &first, true);
            for (int threads = 1; threads <= most; threads++) {
                struct products again = products_create(shapes[shape].rows, shapes[shape].inputs,
                                                        shapes[shape].outputs, shape % 2 == 1);
                threads_set(threads);
                compute(provider, &again, true);
                assert_same_bits(&first, &again);
                products_destroy(&again);
            }
            products_destroy(&first);
        }
    }
    threads_set(2);
}

/* A row of y or dx, computed alone, has the bits that it has among others: generation and training agree. */
static void rows_do_not_depend_on_their_neighbours(void **state)
{
    (void)state;
    enum { ROWS = 70, INPUTS = 301, OUTPUTS = 77 };
    int index = 0;
    for (const struct matmul_provider *provider; (provider = next_provider(&index)) != NULL;) {
        if (strcmp(provider->name, "onednn") == 0)
            continue;
        struct products all = products_create(ROWS, INPUTS, OUTPUTS, false);
        compute(provider, &all, true);
        for (int64_t row = 0; row < ROWS; row += 23) {
            struct products one = products_create(1, INPUTS, OUTPUTS, false);
            memcpy(one.x, all.x + row * INPUTS, INPUTS * sizeof *one.x);
            memcpy(one.dy, all.dy + row * OUTPUTS, OUTPUTS * sizeof *one.dy);
            compute(provider, &one, true);
            assert_memory_equal(one.y, all.y + row * OUTPUTS, OUTPUTS * sizeof *one.y);
            assert_memory_equal(one.dx, all.dx + row * INPUTS, INPUTS * sizeof *one.dx);
            products_destroy(&one);
        }
        products_destroy(&all);
    }
}

/* One NaN in x reaches its row of y; an infinity in the weight its column, as infinity or, times zero, NaN.
 */
static void nan_and_infinity_come_through(void **state)
{
    (void)state;
    enum { ROWS = 30, INPUTS = 40, OUTPUTS = 50 };
    int index = 0;
    for (const struct matmul_provider *provider; (provider = next_provider(&index)) != NULL;) {
        struct products p = products_create(ROWS, INPUTS, OUTPUTS, false);
        float nan_value = NAN;
        element_from_float(p.x + 7 * INPUTS + 3, &nan_value, 1);
        p.x[9 * INPUTS + 5] = 0;
        p.master[5 * OUTPUTS + 11] = INFINITY;
        compute(provider, &p, true);
        float *y = unrounded(p.y_rounded, ROWS * OUTPUTS), *dx = unrounded(p.dx, ROWS * INPUTS);
        for (int i = 0; i < ROWS * OUTPUTS; i++) {
            int row = i / OUTPUTS, column = i % OUTPUTS;
            bool is_nan = row == 7 || (row == 9 && column == 11);
            assert_int_equal(isnan(p.y[i]) != 0, is_nan);
            assert_int_equal(isnan(y[i]) != 0, is_nan);
            assert_int_equal(isinf(p.y[i]) != 0, !is_nan && column == 11);
        }
        for (int i = 0; i < ROWS * INPUTS; i++)
            assert_int_equal(isfinite(dx[i]) != 0, i % INPUTS != 5);
        for (int i = 0; i < INPUTS * OUTPUTS; i++)
            assert_int_equal(isnan(p.dweight[i]) != 0, i / OUTPUTS == 3);
        free(y), free(dx);
        products_destroy(&p);
    }
}

static void one_provider_is_chosen_and_can_only_be_weakened(void **state)
{
    (void)state;
    const char *wanted = getenv("LLMPI_MATMUL");
    assert_int_equal(matmul_bf16_check(), STATUS_OK);
    assert_string_equal(matmul_provider_choose()->name, matmul_bf16_name());
    assert_true(matmul_provider_at(matmul_bf16_index()) == matmul_provider_choose());
    if (wanted != NULL)
        assert_string_equal(matmul_bf16_name(), wanted);
    assert_true(matmul_provider_at(-1) == NULL);
    assert_true(matmul_provider_at(matmul_provider_count()) == NULL);
    assert_true(strlen(matmul_bf16_onednn()) > 0);
    setenv("LLMPI_MATMUL", "fast", 1);
    assert_int_equal(matmul_bf16_check(), STATUS_USAGE);
    assert_true(strstr(status_message(), "'fast'") != NULL);
    setenv("LLMPI_MATMUL", "plain", 1);
    assert_string_equal(matmul_bf16_name(), "plain");
    assert_false(matmul_bf16_native());
    unsetenv("LLMPI_MATMUL");
    cpu_limit(CPU_AVX2);
    assert_string_equal(matmul_bf16_name(), "plain");
    setenv("LLMPI_MATMUL", "onednn", 1);
    assert_int_equal(matmul_bf16_check(), STATUS_USAGE);
    matmul_bf16_limit(matmul_provider_count() - 1);
    matmul_bf16_limit(0);
    assert_string_equal(matmul_bf16_name(), "plain");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(match_the_reference),
        cmocka_unit_test(thread_counts_give_the_same_bits),
        cmocka_unit_test(rows_do_not_depend_on_their_neighbours),
        cmocka_unit_test(nan_and_infinity_come_through),
        cmocka_unit_test(one_provider_is_chosen_and_can_only_be_weakened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
