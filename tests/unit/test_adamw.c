/* AdamW against its formula in double precision over many steps, and its independence of how arrays are cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "llmpi/optimize/adamw.h"
#include "reference/reference.h"
#include "reference/samples.h"

enum { STEPS = 20 };

static struct adamw settings_of(int64_t step, double weight_decay)
{
    return (struct adamw){.learning_rate = 3e-3,
                          .beta1 = 0.9,
                          .beta2 = 0.95,
                          .epsilon = 1e-8,
                          .weight_decay = weight_decay,
                          .step = step};
}

static void follow_the_formula(int64_t n, double weight_decay, double gradient_scale)
{
    float *parameters = samples(n, 1, 1.0), *average = repeated(n, 0.0f), *square = repeated(n, 0.0f);
    double *wide = widened(parameters, n), *wide_average = zeros(n), *wide_square = zeros(n);
    for (int64_t step = 1; step <= STEPS; step++) {
        float *gradients = samples(n, (uint64_t)step + 5, 1.0);
        struct adamw settings = settings_of(step, weight_decay);
        struct reference_adamw reference = {settings.learning_rate, settings.beta1,        settings.beta2,
                                            settings.epsilon,       settings.weight_decay, step};
        adamw_update(&settings, parameters, gradients, average, square, n, gradient_scale);
        for (int64_t i = 0; i < n; i++)
            reference_adamw_update(&reference, wide + i, (double)gradients[i] * gradient_scale,
                                   wide_average + i, wide_square + i);
        free(gradients);
    }
    /* Each step rounds the parameter and the moments a few times: at most 4 half steps each, 20 times. */
    assert_true(worst_error(parameters, wide, n) < 4 * STEPS * FLOAT_STEP);
    assert_true(worst_error(average, wide_average, n) < 4 * STEPS * FLOAT_STEP);
    assert_true(worst_error(square, wide_square, n) < 4 * STEPS * FLOAT_STEP);
    free(parameters), free(average), free(square), free(wide), free(wide_average), free(wide_square);
}

static void follows_the_formula(void **state)
{
    (void)state;
    static const int64_t sizes[] = {0, 1, 17, 1000, 16385};
    for (int s = 0; s < 5; s++) {
        follow_the_formula(sizes[s], 0.0, 1.0);
        follow_the_formula(sizes[s], 0.1, 0.37);
    }
}

/* One step by hand: moments 0.1 and 0.05, corrected 1 and 1, so the step is the learning rate, after decay.
 */
static void first_step_is_the_learning_rate(void **state)
{
    (void)state;
    float parameter = 2.0f, gradient = 1.0f, average = 0.0f, square = 0.0f;
    struct adamw settings = settings_of(1, 0.5);
    adamw_update(&settings, &parameter, &gradient, &average, &square, 1, 1.0);
    assert_float_equal(parameter, 1.994f, 3e-7); /* 2 (1 - 0.003 0.5) - 0.003 */
    assert_float_equal(average, 0.1f, 1e-8);
    assert_float_equal(square, 0.05f, 1e-8);
}

static void pieces_give_the_same_bits(void **state)
{
    (void)state;
    enum { N = 40000 };
    float *gradients = samples(N, 9, 1.0), *first = NULL;
    struct adamw settings = settings_of(4, 0.1);
    static const int64_t pieces[] = {N, 777, 16};
    for (int variant = 0; variant < 3; variant++) {
        float *parameters = samples(N, 1, 1.0), *average = samples(N, 2, 0.1), *square = repeated(N, 0.3f);
        int64_t piece = pieces[variant];
        for (int64_t i = 0; i < N; i += piece)
            adamw_update(&settings, parameters + i, gradients + i, average + i, square + i,
                         i + piece < N ? piece : N - i, 0.5);
        if (variant > 0)
            assert_memory_equal(parameters, first, N * sizeof *first);
        free(average), free(square), free(variant > 0 ? parameters : NULL);
        first = variant > 0 ? first : parameters;
    }
    free(first), free(gradients);
}

static void nan_stays_in_its_place(void **state)
{
    (void)state;
    float parameters[40] = {0}, average[40] = {0}, square[40] = {0}, gradients[40] = {0};
    struct adamw settings = settings_of(1, 0.0);
    gradients[21] = NAN;
    adamw_update(&settings, parameters, gradients, average, square, 40, 1.0);
    for (int i = 0; i < 40; i++)
        assert_int_equal(isnan(parameters[i]) != 0, i == 21);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_the_formula),
        cmocka_unit_test(first_step_is_the_learning_rate),
        cmocka_unit_test(pieces_give_the_same_bits),
        cmocka_unit_test(nan_stays_in_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
