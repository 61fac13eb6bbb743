/* Requests to stop: signals, limits of time, the stop file. */
#include "llmpi/base/stopping.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "scratch.h"

static int begin(void **state)
{
    (void)state;
    unsetenv("SLURM_JOB_END_TIME");
    unsetenv("LLMPI_DEADLINE");
    stopping_begin();
    return 0;
}

static void set_time(const char *variable, int64_t seconds_from_now)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)(time(NULL) + seconds_from_now));
    setenv(variable, text, 1);
}

static void the_first_signal_is_the_reason(void **state)
{
    (void)state;
    static const int signals[] = {SIGTERM, SIGINT, SIGUSR1};
    static const char *const names[] = {"SIGTERM", "SIGINT", "SIGUSR1"};
    for (int i = 0; i < 3; i++) {
        stopping_begin();
        assert_int_equal(stopping_look(), STOP_NONE);
        assert_string_equal(stopping_name(stopping_look()), "");
        raise(signals[i]);
        raise(SIGTERM);
        assert_string_equal(stopping_name(stopping_look()), names[i]);
    }
}

static void a_second_interrupt_ends_the_process(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        raise(SIGINT);
        raise(SIGTERM); /* none that ends anything */
        raise(SIGINT);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
}

static void seconds_of_the_program_end(void **state)
{
    (void)state;
    static const struct timespec moment = {0, 20000000};
    stopping_set_limits(0, 60);
    assert_int_equal(stopping_look(), STOP_NONE);
    stopping_set_limits(1000, 60);
    assert_int_equal(stopping_look(), STOP_NONE);
    stopping_set_limits(0.01, 60);
    nanosleep(&moment, NULL);
    assert_string_equal(stopping_name(stopping_look()), "run.max_seconds");
}

static void the_job_ends(void **state)
{
    (void)state;
    set_time("LLMPI_DEADLINE", 200);
    stopping_set_limits(0, 60);
    stopping_reserve(130);
    stopping_reserve(120);
    assert_int_equal(stopping_look(), STOP_NONE); /* 10 seconds too early */
    stopping_reserve(145);
    assert_string_equal(stopping_name(stopping_look()), "the end of the job");
}

static void half_of_a_short_job_is_used(void **state)
{
    (void)state;
    set_time("LLMPI_DEADLINE", 100);
    stopping_set_limits(0, 1000);
    stopping_reserve(40);
    assert_int_equal(stopping_look(), STOP_NONE);
    stopping_reserve(60);
    assert_int_equal(stopping_look(), STOP_JOB_END);
}

static void slurm_knows_better(void **state)
{
    (void)state;
    set_time("SLURM_JOB_END_TIME", 1000);
    set_time("LLMPI_DEADLINE", 10);
    stopping_set_limits(0, 0);
    stopping_reserve(500);
    assert_int_equal(stopping_look(), STOP_NONE);
    setenv("SLURM_JOB_END_TIME", "tomorrow", 1);
    stopping_begin();
    stopping_set_limits(0, 0);
    stopping_reserve(500);
    assert_int_equal(stopping_look(), STOP_JOB_END);
}

static void wrong_times_count_for_nothing(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",     " ",    "abc",           "12x",       "-5",
                                        "1e10", "3600", "1700000000123", "0x7fffffff"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        stopping_begin();
        setenv("LLMPI_DEADLINE", wrong[i], 1);
        stopping_set_limits(0, 60);
        stopping_reserve(1e9);
        assert_int_equal(stopping_look(), STOP_NONE);
    }
}

static void the_stop_file_is_obeyed_once(void **state)
{
    (void)state;
    const char *path = scratch_write("stop", "", 0);
    assert_int_equal(stopping_watch(path), STATUS_OK);
    assert_string_equal(stopping_name(stopping_look()), "the stop file");
    stopping_obeyed();
    assert_false(file_exists(path));
    stopping_obeyed(); /* gone: nothing to say */
    stopping_begin();
    assert_int_equal(stopping_watch(path), STATUS_OK);
    assert_int_equal(stopping_look(), STOP_NONE);
    scratch_write("stop", "", 0);
    assert_int_equal(stopping_look(), STOP_NONE); /* looked for at most once a second */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup(the_first_signal_is_the_reason, begin),
                                       cmocka_unit_test_setup(a_second_interrupt_ends_the_process, begin),
                                       cmocka_unit_test_setup(seconds_of_the_program_end, begin),
                                       cmocka_unit_test_setup(the_job_ends, begin),
                                       cmocka_unit_test_setup(half_of_a_short_job_is_used, begin),
                                       cmocka_unit_test_setup(slurm_knows_better, begin),
                                       cmocka_unit_test_setup(wrong_times_count_for_nothing, begin),
                                       cmocka_unit_test_setup(the_stop_file_is_obeyed_once, begin)};
    return cmocka_run_group_tests(tests, scratch_create, scratch_remove);
}
