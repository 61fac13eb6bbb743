/* The learning rates of every kind at the places where they are known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "llmpi/optimize/schedule.h"

static struct schedule schedule_of(enum schedule_kind kind)
{
    return (struct schedule){
        .kind = kind, .peak = 1e-3, .final = 1e-4, .steps = 110, .warmup_steps = 10, .decay_steps = 20};
}

static void expect(const struct schedule *schedule, int64_t step, double rate)
{
    assert_true(fabs(schedule_rate(schedule, step) - rate) < 1e-15);
}

static void warmup_rises_to_the_peak(void **state)
{
    (void)state;
    for (int kind = SCHEDULE_KIND_COSINE; kind <= SCHEDULE_KIND_WSD; kind++) {
        struct schedule schedule = schedule_of((enum schedule_kind)kind);
        expect(&schedule, 1, 1e-4);
        expect(&schedule, 5, 5e-4);
        expect(&schedule, 10, 1e-3);
    }
}

static void cosine_falls_along_half_a_wave(void **state)
{
    (void)state;
    struct schedule schedule = schedule_of(SCHEDULE_KIND_COSINE);
    expect(&schedule, 35, 1e-4 + 9e-4 * (0.5 + 0.5 * sqrt(0.5))); /* an eighth of a wave */
    expect(&schedule, 60, 5.5e-4);
    expect(&schedule, 110, 1e-4);
    expect(&schedule, 5000, 1e-4);
}

static void linear_falls_along_a_line(void **state)
{
    (void)state;
    struct schedule schedule = schedule_of(SCHEDULE_KIND_LINEAR);
    expect(&schedule, 11, 1e-3 - 9e-6);
    expect(&schedule, 60, 5.5e-4);
    expect(&schedule, 110, 1e-4);
    expect(&schedule, 111, 1e-4);
}

static void constant_stays(void **state)
{
    (void)state;
    struct schedule schedule = schedule_of(SCHEDULE_KIND_CONSTANT);
    expect(&schedule, 11, 1e-3);
    expect(&schedule, 110, 1e-3);
    expect(&schedule, 111, 1e-3);
}

static void wsd_falls_at_the_end(void **state)
{
    (void)state;
    struct schedule schedule = schedule_of(SCHEDULE_KIND_WSD);
    expect(&schedule, 11, 1e-3);
    expect(&schedule, 90, 1e-3);
    expect(&schedule, 91, 1e-3 - 4.5e-5);
    expect(&schedule, 100, 5.5e-4);
    expect(&schedule, 110, 1e-4);
    schedule.decay_steps = 1000; /* longer than the run: all of it after the warm-up */
    expect(&schedule, 10, 1e-3);
    expect(&schedule, 60, 5.5e-4);
    schedule.decay_steps = 0;
    expect(&schedule, 109, 1e-3);
    expect(&schedule, 110, 1e-4);
}

static void short_runs_have_rates_too(void **state)
{
    (void)state;
    for (int kind = SCHEDULE_KIND_COSINE; kind <= SCHEDULE_KIND_WSD; kind++) {
        struct schedule schedule = schedule_of((enum schedule_kind)kind);
        double last = kind == SCHEDULE_KIND_CONSTANT ? 1e-3 : 1e-4;
        schedule.steps = 1, schedule.warmup_steps = 0, schedule.decay_steps = 0;
        expect(&schedule, 1, last);
        schedule.steps = 4, schedule.warmup_steps = 8; /* a run that ends while it warms up */
        expect(&schedule, 3, 3.0 / 8.0 * 1e-3);
        expect(&schedule, 4, last);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(warmup_rises_to_the_peak),  cmocka_unit_test(cosine_falls_along_half_a_wave),
        cmocka_unit_test(linear_falls_along_a_line), cmocka_unit_test(constant_stays),
        cmocka_unit_test(wsd_falls_at_the_end),      cmocka_unit_test(short_runs_have_rates_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
