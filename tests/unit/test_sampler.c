/* The order of windows: bijections per epoch, whatever the batch size, and a pure function of the number. */
#include "llmpi/data/sampler.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Counts how often numbers [first, first + count) name each window. */
static void count_windows(const struct sampler *sampler, int64_t first, int64_t count, int *seen)
{
    memset(seen, 0, (size_t)sampler->windows * sizeof *seen);
    for (int64_t number = first; number < first + count; number++) {
        int64_t window = sampler_window(sampler, number);
        assert_in_range(window, 0, sampler->windows - 1);
        seen[window]++;
    }
}

static void test_epoch_is_a_bijection(void **state)
{
    (void)state;
    int seen[1000];
    for (int64_t windows = 1; windows <= 1000; windows = windows * 3 / 2 + 1) {
        const struct sampler sampler = {SAMPLER_EPOCH, 42, windows, 8, false};
        assert_int_equal(sampler_epoch(&sampler), windows);
        for (int64_t epoch = 0; epoch < 5; epoch++) {
            count_windows(&sampler, epoch * windows, windows, seen);
            for (int64_t i = 0; i < windows; i++)
                assert_int_equal(seen[i], 1);
        }
    }
}

static void test_drop_last(void **state)
{
    (void)state;
    int seen[103];
    const struct sampler sampler = {SAMPLER_EPOCH, 42, 103, 10, true};
    bool left_out[103] = {false};
    assert_int_equal(sampler_epoch(&sampler), 100);
    for (int64_t epoch = 0; epoch < 40; epoch++) {
        int sum = 0;
        count_windows(&sampler, epoch * 100, 100, seen);
        for (int64_t i = 0; i < 103; i++) {
            assert_in_range(seen[i], 0, 1);
            sum += seen[i];
            left_out[i] = left_out[i] || seen[i] == 0;
        }
        assert_int_equal(sum, 100);
    }
    int different = 0; /* each epoch leaves out others: 3 of 103 in 40 epochs touch about 70 of them */
    for (int64_t i = 0; i < 103; i++)
        different += left_out[i];
    assert_true(different > 40);
}

static void test_less_than_a_batch(void **state)
{
    (void)state;
    int seen[5];
    const struct sampler sampler = {SAMPLER_EPOCH, 1, 5, 8, true};
    assert_int_equal(sampler_epoch(&sampler), 5);
    count_windows(&sampler, 10, 5, seen);
    for (int64_t i = 0; i < 5; i++)
        assert_int_equal(seen[i], 1);
}

static void test_orders_differ(void **state)
{
    (void)state;
    const struct sampler one = {SAMPLER_EPOCH, 1, 512, 8, false}, two = {SAMPLER_EPOCH, 2, 512, 8, false};
    int same_seed = 0, same_epoch = 0, in_place = 0;
    for (int64_t i = 0; i < 512; i++) {
        same_seed += sampler_window(&one, i) == sampler_window(&two, i);
        same_epoch += sampler_window(&one, i) == sampler_window(&one, i + 512);
        in_place += sampler_window(&one, i) == i;
    }
    /* Two random orders agree in one place on average; ten or more has a chance of one in a million. */
    assert_in_range(same_seed, 0, 9);
    assert_in_range(same_epoch, 0, 9);
    assert_in_range(in_place, 0, 9);
}

/* Without drop_last the batch size has no influence, so it may change while a run goes on. */
static void test_batch_size_changes(void **state)
{
    (void)state;
    const struct sampler small = {SAMPLER_EPOCH, 9, 77, 3, false}, large = {SAMPLER_EPOCH, 9, 77, 50, false};
    for (int64_t i = 0; i < 500; i++)
        assert_int_equal(sampler_window(&small, i), sampler_window(&large, i));
}

static void test_sequential_and_random(void **state)
{
    (void)state;
    const struct sampler sequential = {SAMPLER_SEQUENTIAL, 9, 7, 3, false},
                         dropping = {SAMPLER_SEQUENTIAL, 9, 7, 3, true};
    const struct sampler random = {SAMPLER_RANDOM, 9, 64, 3, true};
    for (int64_t i = 0; i < 50; i++) {
        assert_int_equal(sampler_window(&sequential, i), i % 7);
        assert_int_equal(sampler_window(&dropping, i), i % 6);
    }
    int seen[64], most = 0, none = 0;
    count_windows(&random, 0, 64, seen);
    for (int i = 0; i < 64; i++) {
        none += seen[i] == 0;
        most = seen[i] > most ? seen[i] : most;
    }
    assert_true(most > 1); /* with replacement: 64/e = 24 windows do not come at all, on average */
    assert_in_range(none, 12, 36);
}

static void test_large_numbers(void **state)
{
    (void)state;
    const struct sampler sampler = {SAMPLER_EPOCH, UINT64_MAX, (int64_t)1 << 40, 512, true};
    int64_t last = -1;
    for (int64_t i = 0; i < 100; i++) {
        int64_t window = sampler_window(&sampler, ((int64_t)1 << 61) + i);
        assert_in_range(window, 0, ((int64_t)1 << 40) - 1);
        assert_true(window != last);
        last = window;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_epoch_is_a_bijection), cmocka_unit_test(test_drop_last),
        cmocka_unit_test(test_less_than_a_batch),    cmocka_unit_test(test_orders_differ),
        cmocka_unit_test(test_batch_size_changes),   cmocka_unit_test(test_sequential_and_random),
        cmocka_unit_test(test_large_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
