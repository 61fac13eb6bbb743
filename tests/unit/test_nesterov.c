/* Nesterov's momentum against numbers of torch.optim.SGD(nesterov=True) in double precision, and its limits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "llmpi/optimize/nesterov.h"
#include "reference/reference.h"
#include "reference/samples.h"

enum { STEPS = 4 };
static const float copies_sum[STEPS] = {1.75f, 1.5f, 0.875f, 1.0f};
static const double expected_parameter[STEPS] = {0.83375, 0.6514875, 0.25561037500000006, 0.35917128875};
static const double expected_momentum[STEPS] = {0.125, 0.19624999999999998, 0.3906125, 0.10716162500000004};

/* Each step rounds parameter and momentum once, to half a unit of 2^-23 at most: 4 steps of numbers below 2.
 */
static void follows_pytorch(void **state)
{
    (void)state;
    const struct nesterov settings = {.learning_rate = 0.7, .momentum = 0.9};
    float parameter = 1.0f, momentum = 0.0f;
    for (int i = 0; i < STEPS; i++) {
        float sum = copies_sum[i];
        nesterov_update(&settings, &parameter, &momentum, &sum, 2, 1);
        assert_true(fabs((double)parameter - expected_parameter[i]) < 1e-6);
        assert_true(fabs((double)momentum - expected_momentum[i]) < 1e-6);
    }
}

/* By hand: 2 -> mean of three copies 6 / 3 - 0.5 each: gradient 0.5, momentum 0.9 0.1 + 0.5 = 0.59, and the
 * step 0.5 (0.5 + 0.9 0.59) = 0.5155. */
static void one_step_by_hand(void **state)
{
    (void)state;
    const struct nesterov settings = {.learning_rate = 0.5, .momentum = 0.9};
    float parameter = 2.0f, momentum = 0.1f, sum = 4.5f;
    nesterov_update(&settings, &parameter, &momentum, &sum, 3, 1);
    assert_float_equal(momentum, 0.59f, 1e-7);
    assert_float_equal(parameter, 1.4845f, 2e-7);
}

/* Learning rate 1 without momentum: the average itself, bit for bit. */
static void plain_averaging_is_exact(void **state)
{
    (void)state;
    enum { N = 10001 };
    const struct nesterov settings = {.learning_rate = 1, .momentum = 0};
    float *parameters = samples(N, 1, 1.0), *copies = samples(N, 2, 1.0), *momentum = repeated(N, 0.0f);
    nesterov_update(&settings, parameters, momentum, copies, 1, N);
    assert_memory_equal(parameters, copies, N * sizeof *copies);
    free(parameters), free(copies), free(momentum);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_pytorch),
        cmocka_unit_test(one_step_by_hand),
        cmocka_unit_test(plain_averaging_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
