/* The measured peak: a plausible rate, of one of the sizes, in about the time that is given. */
#include "llmpi/kernels/matmul_peak.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void a_rate_is_measured(void **state)
{
    (void)state;
    double rate = 0;
    int64_t size = 0;
    assert_int_equal(matmul_peak(ELEMENT_FP32, 0.05, &rate, &size), STATUS_OK);
    assert_true(isfinite(rate) && rate > 1e6 &&
                rate < 1e17); /* from an emulator to a whole machine's chips */
    assert_true(size == 768 || size == 1536 || size == 2304 || size == 4608);
}

static void without_time_the_smallest_is_measured(void **state)
{
    (void)state;
    double rate = 0;
    int64_t size = 0;
    assert_int_equal(matmul_peak(ELEMENT_FP32, 0, &rate, &size), STATUS_OK);
    assert_true(rate > 0);
    assert_int_equal(size, 768);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_rate_is_measured),
                                       cmocka_unit_test(without_time_the_smallest_is_measured)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
