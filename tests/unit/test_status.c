/* The message of a failure: one line, whatever it quotes. */
#include "llmpi/base/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

/* The brackets keep cmocka's macro of that name away. */
static void test_control_characters(void **state)
{
    (void)state;
    assert_int_equal((fail)(STATUS_USAGE, "%s: %d", "a\nb\x1b[31mc\x7f", 5), STATUS_USAGE);
    assert_string_equal(status_message(), "a?b?[31mc?: 5");
    (fail)(STATUS_FAILED, "caf\xc3\xa9 \xc2\xa0 \xc2\x9b"
                          "31m \xc2");
    assert_string_equal(status_message(), "caf\xc3\xa9 \xc2\xa0 ??31m \xc2");
}

static void test_old_message_inside_of_a_new_one(void **state)
{
    (void)state;
    (fail)(STATUS_FAILED, "inner");
    (fail)(STATUS_FAILED, "outer: %s", status_message());
    assert_string_equal(status_message(), "outer: inner");
}

static void test_long_message(void **state)
{
    (void)state;
    char text[6000];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    (fail)(STATUS_FAILED, "%s", text);
    assert_int_equal(strlen(status_message()), 4095);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_control_characters),
        cmocka_unit_test(test_old_message_inside_of_a_new_one),
        cmocka_unit_test(test_long_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
