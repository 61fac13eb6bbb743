/* Products of few rows against plain sums, for sizes with remainders everywhere. */
#include "llmpi/kernels/row_matmul.h"

#include "llmpi/kernels/threads.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

static float *floats(int64_t count, uint32_t seed)
{
    float *values = malloc((size_t)count * sizeof *values);
    assert_non_null(values);
    for (int64_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        values[i] = (float)((double)(seed >> 8) / (1 << 24) - 0.5);
    }
    return values;
}

/* Rounded to the element and back. */
static void round_all(float *values, void *elements, enum element element, int64_t count)
{
    if (element == ELEMENT_FP32) {
        memcpy(elements, values, (size_t)count * sizeof *values);
        return;
    }
    element_from_float(elements, values, count);
    element_to_float(values, elements, count);
}

struct problem {
    int64_t inputs, outputs, rows;
    bool transposed, biased;
    enum element element;
};

static void check(const struct problem *p, int threads)
{
    float *x = floats(p->rows * p->inputs, 1), *master = floats(p->inputs * p->outputs, 2);
    float *bias = floats(p->outputs, 3), *y = floats(p->rows * p->outputs, 4);
    float *again = floats(p->outputs, 5);
    void *of_x = floats(p->rows * p->inputs, 6), *of_master = floats(p->inputs * p->outputs, 7);
    threads_set(threads);
    struct row_weight *weight =
        row_weight_create(p->inputs, p->outputs, p->transposed, p->element, &allocator_plain);
    assert_non_null(weight);
    row_weight_refresh(weight, master);
    round_all(x, of_x, p->element, p->rows * p->inputs);
    row_matmul(y, ELEMENT_FP32, of_x, weight, p->biased ? bias : NULL, p->rows);
    if (p->element == ELEMENT_BF16)
        round_all(master, of_master, ELEMENT_BF16, p->inputs * p->outputs);
    for (int64_t row = 0; row < p->rows; row++)
        for (int64_t o = 0; o < p->outputs; o++) {
            double sum = p->biased ? (double)bias[o] : 0, size = 1;
            for (int64_t i = 0; i < p->inputs; i++) {
                double w = (double)master[p->transposed ? o * p->inputs + i : i * p->outputs + o];
                sum += (double)x[row * p->inputs + i] * w;
                size += fabs((double)x[row * p->inputs + i] * w);
            }
            /* Each of up to `inputs` additions rounds by 2^-24 of sums that are no larger than `size`. */
            assert_true(fabs((double)y[row * p->outputs + o] - sum) <= 6e-8 * (double)p->inputs * size);
        }
    threads_set(3 - threads); /* a row alone has the same bits */
    size_t row_bytes = (size_t)p->inputs * element_size(p->element);
    for (int64_t row = 0; row < p->rows; row++) {
        row_matmul(again, ELEMENT_FP32, (char *)of_x + (size_t)row * row_bytes, weight,
                   p->biased ? bias : NULL, 1);
        assert_memory_equal(again, y + row * p->outputs, (size_t)p->outputs * sizeof *y);
    }
    row_weight_destroy(weight);
    float *all[] = {x, master, bias, y, again, of_x, of_master};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

static void test_products(void **state)
{
    (void)state;
    static const int64_t sizes[][3] = {{1, 1, 1},    {16, 64, 1},  {48, 130, 4},   {17, 3, 5},
                                       {33, 67, 11}, {7, 200, 70}, {100, 9000, 2}, {256, 100, 3}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int number = 0; number < 8; number++) {
            const struct problem problem = {sizes[i][0],       sizes[i][1],
                                            sizes[i][2],       (number & 1) != 0,
                                            (number & 2) != 0, number & 4 ? ELEMENT_BF16 : ELEMENT_FP32};
            check(&problem, 1 + number % 2);
        }
}

static void test_rounded_result(void **state)
{
    (void)state;
    const float master[4] = {1.0f, 0.00390625f, 1.0f, 0.0f}; /* (2, 2): 2^-8 is half of the last bit of 1 */
    const bf16 x[2] = {0x3f80, 0x3f80};
    bf16 y[2];
    struct row_weight *weight = row_weight_create(2, 2, true, ELEMENT_BF16, &allocator_plain);
    assert_non_null(weight);
    assert_int_equal(row_weight_bytes(2, 2, ELEMENT_BF16), 8);
    row_weight_refresh(weight, master);
    row_matmul(y, ELEMENT_BF16, x, weight, NULL, 1);
    assert_int_equal(y[0], 0x3f80); /* to the even one */
    assert_int_equal(y[1], 0x3f80);
    row_weight_destroy(weight);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_products),
                                       cmocka_unit_test(test_rounded_result)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
