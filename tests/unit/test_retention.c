/* Which checkpoints stay. Every case is one line: steps with losses, and those that stay. */
#include "../../src/train/retention.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* `files`: "10=2.5 20 30!", a loss after '=', '!' for a file that is not whole. */
static int64_t parse(const char *files, struct retention_file *out)
{
    int64_t count = 0;
    for (const char *at = files; *at != '\0'; count++) {
        char *end;
        out[count] = (struct retention_file){.step = strtoll(at, &end, 10), .loss = NAN, .whole = true};
        if (*end == '=')
            out[count].loss = strtod(end + 1, &end);
        if (*end == '!')
            out[count].whole = *end++ != '!';
        at = *end == ' ' ? end + 1 : end;
    }
    return count;
}

static void expect(struct retention_rules rules, const char *list, const char *stay, int64_t best)
{
    struct retention_file files[16];
    char found[256] = "";
    int64_t count = parse(list, files), index = retention_decide(&rules, files, count);
    for (int64_t i = 0; i < count; i++)
        if (files[i].stays)
            snprintf(found + strlen(found), sizeof found - strlen(found), "%s%lld", found[0] ? " " : "",
                     (long long)files[i].step);
    assert_string_equal(found, stay);
    assert_int_equal(index < 0 ? -1 : files[index].step, best);
}

static void test_newest(void **state)
{
    (void)state;
    expect((struct retention_rules){.keep = 2}, "", "", -1);
    expect((struct retention_rules){.keep = 2}, "10", "10", -1);
    expect((struct retention_rules){.keep = 2}, "10 20 30 40", "30 40", -1);
    expect((struct retention_rules){.keep = 0}, "10 20 30! 40", "10 20 30 40", -1);
}

static void test_damaged(void **state)
{
    (void)state;
    expect((struct retention_rules){.keep = 2}, "10 20 30! 40", "20 30 40", -1);
    expect((struct retention_rules){.keep = 2}, "10! 20 30 40!", "20 30 40", -1);
    expect((struct retention_rules){.keep = 2}, "10! 20!", "10 20", -1);
    expect((struct retention_rules){.keep = 1, .every = 10}, "10! 20 30", "20 30", -1);
    expect((struct retention_rules){.keep = 1, .best = 1}, "10=1! 20=2 30=3", "20 30", 20);
}

static void test_every(void **state)
{
    (void)state;
    expect((struct retention_rules){.keep = 1, .every = 20}, "10 20 30 40 50", "20 40 50", -1);
    expect((struct retention_rules){.keep = 1, .every = 100}, "10 20", "20", -1);
}

static void test_best(void **state)
{
    (void)state;
    expect((struct retention_rules){.keep = 1, .best = 1}, "10=3 20=1 30=2", "20 30", 20);
    expect((struct retention_rules){.keep = 1, .best = 2}, "10=3 20=1 30=2 40=5", "20 30 40", 20);
    expect((struct retention_rules){.keep = 1, .best = 2}, "10=1 20=1 30=1 40", "20 30 40", 30);
    expect((struct retention_rules){.keep = 1, .best = 5}, "10=1 20 30=2 40", "10 30 40", 10);
    expect((struct retention_rules){.keep = 1, .every = 20, .best = 1}, "10=1 20=2 30=4 40=3 50=9",
           "10 20 40 50", 10);
    expect((struct retention_rules){.keep = 2}, "10=1 20=2 30=3", "20 30", 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_newest), cmocka_unit_test(test_damaged),
                                       cmocka_unit_test(test_every), cmocka_unit_test(test_best)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
