/* Counts of answers: the best guess of each kind and of all, also with many answers and with the same answer
 * in two kinds. */
#include "llmpi/corpus/answer_counts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static int64_t add(struct answer_counts *counts, const char *kind, const char *answer)
{
    int64_t number = -1;
    assert_int_equal(answer_counts_add(counts, kind, answer, strlen(answer), &number), STATUS_OK);
    return number;
}

static void test_best_guess(void **state)
{
    (void)state;
    struct answer_counts counts = {0};
    assert_int_equal(add(&counts, "colour", "red"), 0);
    assert_int_equal(add(&counts, "colour", "blue"), 0);
    assert_int_equal(add(&counts, "metal", "red"), 1);
    assert_int_equal(add(&counts, "colour", "blue"), 0);
    assert_int_equal(add(&counts, "metal", "tin"), 1);
    assert_int_equal(counts.kind_count, 2);
    assert_string_equal(counts.kinds[0].name, "colour");
    assert_int_equal(counts.kinds[0].questions, 3);
    assert_int_equal(counts.kinds[0].answers, 2);
    assert_int_equal(counts.kinds[0].best, 2); /* blue */
    assert_int_equal(counts.kinds[1].best, 1); /* red or tin */
    assert_int_equal(counts.questions, 5);
    assert_int_equal(counts.best, 3);
    answer_counts_free(&counts);
    assert_int_equal(counts.kind_count, 0);
}

/* Enough answers for the table to grow several times. */
static void test_many(void **state)
{
    (void)state;
    enum { ANSWERS = 5000 };
    struct answer_counts counts = {0};
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < ANSWERS; i += round + 1) {
            char answer[16];
            snprintf(answer, sizeof answer, "%d", i);
            add(&counts, i % 2 == 0 ? "even" : "odd", answer);
        }
    assert_int_equal(counts.kinds[0].answers, ANSWERS / 2);
    assert_int_equal(counts.kinds[1].answers, ANSWERS / 2);
    assert_int_equal(counts.kinds[0].best, 3); /* multiples of 6 */
    assert_int_equal(counts.kinds[1].best, 2); /* odd multiples of 3 */
    assert_int_equal(counts.best, 5);
    answer_counts_free(&counts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_best_guess),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
