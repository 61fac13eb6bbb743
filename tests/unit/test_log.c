/* Log lines go to standard error from the right ranks; numbers for people; messages of failures. */
#include "llmpi/base/file.h"
#include "llmpi/base/log.h"

/* before cmocka, which has a macro of that name */
static enum status fail_with(const char *text)
{
    return fail(STATUS_USAGE, "%s, again", text);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scratch.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int kept;

/* Between these two calls standard error goes to a file, whose contents the second appends. */
static void capture_begin(void)
{
    int file = open(scratch_path("log"), O_WRONLY | O_CREAT | O_TRUNC, 0666);
    fflush(stderr);
    kept = dup(STDERR_FILENO);
    assert_true(file >= 0 && kept >= 0 && dup2(file, STDERR_FILENO) >= 0);
    close(file);
}

static void capture_end(struct buffer *out)
{
    fflush(stderr);
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    close(kept);
    buffer_clear(out);
    assert_int_equal(file_read(scratch_path("log"), out), STATUS_OK);
}

static void test_lines_of_ranks(void **state)
{
    (void)state;
    static const char *const expected[] = {
        "one 1\nllmpi: warning: two\nllmpi: error: three\n",
        "one 1\nllmpi: warning: rank 0: two\nllmpi: error: three\n",
        "llmpi: warning: rank 3: two\n",
    };
    static const int ranks[] = {0, 0, 3}, sizes[] = {1, 4, 4};
    struct buffer text = {0};
    for (int i = 0; i < 3; i++) {
        log_set_rank(ranks[i], sizes[i]);
        capture_begin();
        log_info("one %d", 1);
        log_warning("%s", "two");
        log_error("three");
        capture_end(&text);
        assert_string_equal(text.data, expected[i]);
    }
    log_set_rank(0, 1);
    buffer_free(&text);
}

/* In a file a progress line is printed now and then: not for work that is over at once. */
static void test_short_work_is_quiet(void **state)
{
    (void)state;
    struct buffer text = {0};
    struct progress progress;
    capture_begin();
    progress_begin(&progress, "reading", 100, "documents");
    for (int i = 0; i < 100; i++)
        progress_update(&progress, i, NULL);
    progress_end(&progress, 100);
    capture_end(&text);
    assert_int_equal(text.length, 0);
    buffer_free(&text);
}

/* A warning as it arrives at a terminal of that kind, into `out`. */
static void show_on_terminal(const char *kind, char out[static 64])
{
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(terminal >= 0 && grantpt(terminal) == 0 && unlockpt(terminal) == 0);
    int shown = open(ptsname(terminal), O_RDWR | O_NOCTTY);
    fflush(stderr);
    kept = dup(STDERR_FILENO);
    assert_true(shown >= 0 && kept >= 0 && dup2(shown, STDERR_FILENO) >= 0);
    setenv("TERM", kind, 1);
    log_warning("two");
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    ssize_t length = read(terminal, out, 63);
    assert_true(length > 0);
    out[length] = '\0';
    close(kept);
    close(shown);
    close(terminal);
}

static void test_dumb_terminals_get_plain_lines(void **state)
{
    (void)state;
    char text[64];
    unsetenv("NO_COLOR");
    show_on_terminal("xterm", text);
    assert_non_null(strchr(text, '\033'));
    show_on_terminal("dumb", text);
    assert_string_equal(text, "llmpi: warning: two\r\n");
}

static void test_numbers_for_people(void **state)
{
    (void)state;
    char text[32];
    assert_string_equal(log_count(text, 0), "0");
    assert_string_equal(log_count(text, 999), "999");
    assert_string_equal(log_count(text, 1234567), "1.23 M");
    assert_string_equal(log_count(text, 999999), "1 M");
    assert_string_equal(log_bytes(text, 0), "0 B");
    assert_string_equal(log_bytes(text, 1536), "1.50 KiB");
    assert_string_equal(log_bytes(text, 100 * 1048576.0), "100.0 MiB");
    assert_string_equal(log_duration(text, 12.34), "12.3 s");
    assert_string_equal(log_duration(text, 61), "1 min 01 s");
    assert_string_equal(log_duration(text, 3725), "1 h 02 min");
}

static void test_message_of_a_failure(void **state)
{
    (void)state;
    assert_int_equal(fail_with("one"), STATUS_USAGE);
    assert_string_equal(status_message(), "one, again");
    assert_int_equal(fail_with(status_message()), STATUS_USAGE); /* the old message may be an argument */
    assert_string_equal(status_message(), "one, again, again");
    char lengthy[6000] = {0};
    memset(lengthy, 'x', sizeof lengthy - 1);
    fail_with(lengthy);
    assert_int_equal(strlen(status_message()), 4095);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_of_ranks),
        cmocka_unit_test(test_short_work_is_quiet),
        cmocka_unit_test(test_dumb_terminals_get_plain_lines),
        cmocka_unit_test(test_numbers_for_people),
        cmocka_unit_test(test_message_of_a_failure),
    };
    return cmocka_run_group_tests(tests, scratch_create, scratch_remove);
}
