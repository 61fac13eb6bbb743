/* Shares of an array: together they are all of it, once, in the order of the threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "llmpi/kernels/threads.h"

enum { MOST = 5 };

/* Every thread counts one up in its share. */
static void mark(unsigned char *marks, int64_t n, int threads)
{
    threads_set(threads);
#pragma omp parallel
    {
        struct share share = threads_share(n);
        for (int64_t i = share.first; i < share.first + share.count; i++)
            marks[i]++;
    }
    threads_set(2);
}

static void shares_cover_an_array_once(void **state)
{
    (void)state;
    static const int64_t sizes[] = {0, 1, 63, 64, 65, 128, 129, 1000, 24576};
    for (int s = 0; s < 9; s++) {
        for (int threads = 1; threads <= MOST; threads++) {
            unsigned char marks[24577] = {0};
            mark(marks, sizes[s], threads);
            for (int64_t i = 0; i < sizes[s]; i++)
                assert_int_equal(marks[i], 1);
            assert_int_equal(marks[sizes[s]], 0);
        }
    }
}

static void shares_are_nearly_equal(void **state)
{
    (void)state;
    int64_t largest = 0;
    threads_set(2);
#pragma omp parallel reduction(max : largest)
    {
        struct share share = threads_share(24577);
        largest = share.count;
    }
    assert_in_range(largest, 12289, 12289 + 63);
}

static void alone_everything_is_ones_own(void **state)
{
    (void)state;
    struct share share = threads_share(1001);
    assert_true(share.first == 0 && share.count == 1001);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_cover_an_array_once),
        cmocka_unit_test(shares_are_nearly_equal),
        cmocka_unit_test(alone_everything_is_ones_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
