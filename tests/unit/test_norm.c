/* The sum of squares: its value, its order, and what it does with NaN. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>

#include "llmpi/optimize/norm.h"
#include "reference/samples.h"

static double norm_squared(const float *values, int64_t n)
{
    int64_t chunks = (n + NORM_CHUNK - 1) / NORM_CHUNK;
    double *sums = malloc((size_t)(chunks + 1) * sizeof *sums), total;
    assert_non_null(sums);
    norm_chunks(values, n, sums);
    total = norm_tree(sums, chunks);
    free(sums);
    return total;
}

static void sums_match_plain_addition(void **state)
{
    (void)state;
    static const int64_t sizes[] = {0, 1, 15, 16, 17, 4095, 4096, 4097, 3 * 4096, 100003};
    for (int s = 0; s < 10; s++) {
        float *values = samples(sizes[s], 1, 1.0);
        double sum = 0.0;
        for (int64_t i = 0; i < sizes[s]; i++)
            sum += (double)values[i] * (double)values[i];
        /* 1e5 additions of at most half a step, 1.1e-16, of the sum each */
        assert_true(fabs(norm_squared(values, sizes[s]) - sum) <= 1.2e-11 * sum);
        free(values);
    }
}

/* The tree over chunks, written as the recursion that it is: the left part is the largest power of two of
 * chunks below the whole. */
static double tree(const float *values, int64_t n)
{
    int64_t left = NORM_CHUNK;
    if (n <= NORM_CHUNK)
        return norm_squared(values, n);
    while (left * 2 < n)
        left *= 2;
    return tree(values, left) + tree(values + left, n - left);
}

static void chunks_are_added_along_a_binary_tree(void **state)
{
    (void)state;
    for (int64_t chunks = 1; chunks <= 40; chunks++) {
        int64_t n = chunks * NORM_CHUNK - 1000;
        float *values = samples(n, (uint64_t)chunks, 1.0);
        assert_true(norm_squared(values, n) == tree(values, n));
        free(values);
    }
}

static void same_bits_for_any_threads_and_address(void **state)
{
    (void)state;
    int64_t n = 700 * NORM_CHUNK + 77;
    float *values = samples(n + 3, 1, 1.0), *shifted = samples(n, 2, 1.0);
    for (int64_t i = 0; i < n; i++)
        shifted[i] = values[i + 3];
    omp_set_num_threads(1);
    double alone = norm_squared(values + 3, n);
    for (int threads = 2; threads <= 4; threads++) {
        omp_set_num_threads(threads);
        assert_true(norm_squared(shifted, n) == alone);
    }
    omp_set_num_threads(2);
    free(values), free(shifted);
}

static void nan_and_infinity_stay(void **state)
{
    (void)state;
    float *values = samples(10000, 1, 1.0);
    for (int at = 0; at < 10000; at += 1111) {
        float kept = values[at];
        values[at] = NAN;
        assert_true(isnan(norm_squared(values, 10000)));
        values[at] = -INFINITY;
        assert_true(isinf(norm_squared(values, 10000)));
        values[at] = 1e30f; /* its square is too large for a float */
        assert_true(fabs(norm_squared(values, 10000) - 1e60) < 1e54);
        values[at] = kept;
    }
    free(values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_match_plain_addition),
        cmocka_unit_test(chunks_are_added_along_a_binary_tree),
        cmocka_unit_test(same_bits_for_any_threads_and_address),
        cmocka_unit_test(nan_and_infinity_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
