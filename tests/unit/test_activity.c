/* Only the watched thread tells what it does. */
#include "llmpi/base/activity.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void *of_another_thread(void *context)
{
    (void)context;
    activity_begin("other");
    activity_advance();
    activity_wait();
    return NULL;
}

static void expect(const char *phase, int64_t advances, bool waiting)
{
    struct activity now = activity_now();
    assert_string_equal(now.phase, phase);
    assert_int_equal(now.advances, advances);
    assert_int_equal(now.waiting, waiting);
}

static void it_tells_phase_progress_and_waiting(void **state)
{
    (void)state;
    activity_begin("early");
    expect("", 0, false);
    activity_watch();
    activity_begin("compute");
    expect("compute", 1, false);
    activity_advance();
    expect("compute", 2, false);
    activity_wait();
    expect("compute", 2, true);
    activity_advance();
    expect("compute", 3, false);
    activity_wait();
    activity_begin("update");
    expect("update", 4, false);

    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, of_another_thread, NULL), 0);
    pthread_join(thread, NULL);
    expect("update", 4, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(it_tells_phase_progress_and_waiting)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
