/* Scores of made-up losses. */
#include "../../src/train/loss_history.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void a_score_is_the_distance_in_standard_deviations(void **state)
{
    (void)state;
    struct loss_history history;
    assert_int_equal(loss_history_create(4, &history), STATUS_OK);
    loss_history_add(&history, 1);
    assert_true(loss_history_score(&history, 100) == 0); /* too few to judge */
    loss_history_add(&history, 1);
    assert_true(loss_history_score(&history, 100) == 0); /* all equal */
    loss_history_add(&history, 3);
    loss_history_add(&history, 3); /* mean 2, squares 4 of 3 degrees of freedom */
    assert_true(fabs(loss_history_score(&history, 4) - 2 / sqrt(4.0 / 3)) < 1e-12);
    assert_true(fabs(loss_history_score(&history, 1) + 1 / sqrt(4.0 / 3)) < 1e-12);
    loss_history_add(&history, 5); /* 1 3 3 5 */
    assert_true(fabs(loss_history_score(&history, 4) - 1 / sqrt(8.0 / 3)) < 1e-12);
    loss_history_clear(&history);
    assert_true(loss_history_score(&history, 100) == 0);
    loss_history_free(&history);
}

static void the_same_last_losses_give_the_same_bits(void **state)
{
    (void)state;
    struct loss_history all, last;
    assert_int_equal(loss_history_create(7, &all), STATUS_OK);
    assert_int_equal(loss_history_create(7, &last), STATUS_OK);
    for (int i = 0; i < 24; i++) {
        loss_history_add(&all, 3 + sin(i) / 7);
        if (i >= 17)
            loss_history_add(&last, 3 + sin(i) / 7);
    }
    assert_true(loss_history_score(&all, 3.5) == loss_history_score(&last, 3.5));
    loss_history_free(&all);
    loss_history_free(&last);
}

static void without_room_nothing_is_kept(void **state)
{
    (void)state;
    struct loss_history history;
    assert_int_equal(loss_history_create(0, &history), STATUS_OK);
    loss_history_add(&history, 1);
    assert_true(loss_history_score(&history, 100) == 0);
    loss_history_free(&history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_score_is_the_distance_in_standard_deviations),
                                       cmocka_unit_test(the_same_last_losses_give_the_same_bits),
                                       cmocka_unit_test(without_room_nothing_is_kept)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
