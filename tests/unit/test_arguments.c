/* The command line of a subcommand. The programs are no library, so their two files are compiled in. */
#include "../../src/programs/arguments.c"
#include "../../src/programs/help.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct flag test_flags[] = {
    {"--seed", "N", "Start of the random numbers"},
    {"--speed", "X", "How fast"},
    {"--fresh", NULL, "Start over"},
};

static const struct command with_config = {.name = "train",
                                           .positionals = "CONFIG",
                                           .minimum = 1,
                                           .maximum = 1,
                                           .help = "Trains",
                                           .flags = test_flags,
                                           .flag_count = 3,
                                           .configuration = true};

static const struct command without_config = {.name = "inspect",
                                              .positionals = "FILE...",
                                              .minimum = 1,
                                              .maximum = -1,
                                              .help = "Shows",
                                              .flags = test_flags,
                                              .flag_count = 3};

enum { MOST = 8 };

static enum status parse(const struct command *command, const char *const line[MOST], struct arguments *out)
{
    char *copy[MOST];
    int count = 0;
    for (; count < MOST && line[count] != NULL; count++)
        copy[count] = strdup(line[count]);
    enum status status = arguments_parse(command, count, copy, out);
    while (count > 0)
        free(copy[--count]);
    return status;
}

static void test_kinds(void **state)
{
    (void)state;
    struct arguments parsed;
    const char *const line[MOST] = {"--fresh", "a.yaml", "--train.steps=5", "--seed=7",
                                    "--run.directory=a.b=c"};
    assert_int_equal(parse(&with_config, line, &parsed), STATUS_OK);
    assert_int_equal(parsed.positionals.count, 1);
    assert_string_equal(parsed.positionals.items[0], "a.yaml");
    assert_int_equal(parsed.overrides.count, 2);
    assert_string_equal(parsed.overrides.items[0], "--train.steps=5");
    assert_string_equal(parsed.overrides.items[1], "--run.directory=a.b=c");
    assert_string_equal(arguments_get(&parsed, "--seed"), "7");
    assert_string_equal(arguments_get(&parsed, "--fresh"), "");
    assert_null(arguments_get(&parsed, "--speed"));
    assert_null(arguments_get(&parsed, "--see")); /* a beginning of a name is another name */
    assert_false(parsed.finished);
    arguments_free(&parsed);
}

static void test_positionals(void **state)
{
    (void)state;
    struct arguments parsed;
    const char *const line[MOST] = {"-", "--seed=a=b.c", "--", "--fresh", "--x.y", "--"};
    assert_int_equal(parse(&without_config, line, &parsed), STATUS_OK);
    assert_int_equal(parsed.positionals.count, 4);
    assert_string_equal(parsed.positionals.items[0], "-");
    assert_string_equal(parsed.positionals.items[1], "--fresh");
    assert_string_equal(parsed.positionals.items[3], "--");
    assert_string_equal(arguments_get(&parsed, "--seed"), "a=b.c");
    assert_false(arguments_has(&parsed, "--fresh"));
    arguments_free(&parsed);
}

static void test_errors(void **state)
{
    (void)state;
    static const struct {
        const struct command *command;
        const char *line[MOST];
        const char *message;
    } rows[] = {
        {&with_config, {"--sed=1"}, "llmpi train has no flag '--sed'; the nearest is '--seed'"},
        {&with_config,
         {"a", "--print-confg"},
         "llmpi train has no flag '--print-confg'; the nearest is '--print-config'"},
        {&with_config, {"a", "-x"}, "llmpi train has no flag '-x'; the nearest is '--help'"},
        {&without_config,
         {"a", "--print-config"},
         "llmpi inspect has no flag '--print-config'; the nearest is '--fresh'"},
        {&with_config, {"a", "--seed", "7"}, "--seed needs a value: write --seed=7"},
        {&with_config, {"a", "--seed"}, "--seed needs a value: write --seed=N"},
        {&with_config, {"a", "--fresh=1"}, "--fresh takes no value"},
        {&with_config, {"a", "--seed=1", "--seed=2"}, "--seed is given twice"},
        {&with_config, {"a", "--train.steps", "7"}, "--train.steps needs a value: write --train.steps=7"},
        {&with_config, {"a", "--train.steps"}, "--train.steps needs a value: write --train.steps=VALUE"},
        {&without_config,
         {"a", "--train.steps=7"},
         "llmpi inspect takes no configuration, so '--train.steps=7' has no meaning"},
        {&with_config,
         {NULL},
         "an argument is missing: usage: llmpi train CONFIG (`llmpi train --help` says more)"},
        {&with_config,
         {"a", "b"},
         "argument 'b' is one too many: usage: llmpi train CONFIG (`llmpi train --help` says more)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arguments parsed;
        assert_int_equal(parse(rows[i].command, rows[i].line, &parsed), STATUS_USAGE);
        assert_string_equal(status_message(), rows[i].message);
        arguments_free(&parsed);
    }
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum status integer, number;
    } rows[] = {
        {"--seed=7", STATUS_OK, STATUS_OK},
        {"--seed=-5", STATUS_OK, STATUS_OK},
        {"--seed=11", STATUS_USAGE, STATUS_USAGE},
        {"--seed=-6", STATUS_USAGE, STATUS_USAGE},
        {"--seed=", STATUS_USAGE, STATUS_USAGE},
        {"--seed=7k", STATUS_USAGE, STATUS_USAGE},
        {"--seed=7.5", STATUS_USAGE, STATUS_OK},
        {"--seed=1e0", STATUS_USAGE, STATUS_OK},
        {"--seed=nan", STATUS_USAGE, STATUS_USAGE},
        {"--seed=99999999999999999999", STATUS_USAGE, STATUS_USAGE},
        {"--seed=-", STATUS_USAGE, STATUS_USAGE},
        {"--seed= 7", STATUS_USAGE, STATUS_USAGE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arguments parsed;
        int64_t integer = 99;
        double number = 99;
        const char *const line[MOST] = {"a", rows[i].text};
        assert_int_equal(parse(&with_config, line, &parsed), STATUS_OK);
        if (arguments_get_integer(&parsed, "--seed", -5, 10, &integer) != rows[i].integer ||
            arguments_get_number(&parsed, "--seed", -5, 10, &number) != rows[i].number)
            fail_msg("%s", rows[i].text);
        assert_true((integer == 99) == (rows[i].integer != STATUS_OK)); /* left alone on failure */
        assert_int_equal(arguments_get_integer(&parsed, "--speed", 0, 1, &integer), STATUS_OK);
        arguments_free(&parsed);
    }
    struct arguments parsed;
    int64_t integer;
    const char *const line[MOST] = {"a", "--seed=11"};
    assert_int_equal(parse(&with_config, line, &parsed), STATUS_OK);
    assert_int_equal(arguments_get_integer(&parsed, "--seed", -5, 10, &integer), STATUS_USAGE);
    assert_string_equal(status_message(), "--seed is '11' but must be a whole number from -5 to 10");
    arguments_free(&parsed);
}

static void test_help_wins(void **state)
{
    (void)state;
    static const char *const lines[][MOST] = {{"--help"}, {"--nonsense", "-h"}};
    for (int i = 0; i < 2; i++) {
        struct arguments parsed;
        assert_int_equal(parse(&without_config, lines[i], &parsed), STATUS_OK);
        assert_true(parsed.finished);
        arguments_free(&parsed);
    }
    struct arguments parsed;
    const char *const after[MOST] = {"--", "--help"};
    assert_int_equal(parse(&without_config, after, &parsed), STATUS_OK);
    assert_false(parsed.finished);
    arguments_free(&parsed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),   cmocka_unit_test(test_positionals), cmocka_unit_test(test_errors),
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_help_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
