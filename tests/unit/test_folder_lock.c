/* The lock of a folder: taken once, given back, taken over from the dead and not from the living. */
#include "llmpi/base/folder_lock.h"

#include "llmpi/base/file.h"
#include "llmpi/base/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[64], path[96];

static int make_directory(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/llmpi-lock-XXXXXX");
    if (mkdtemp(directory) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/lock", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

static void a_lock_is_a_file_while_it_is_held(void **state)
{
    (void)state;
    struct folder_lock *lock = NULL;
    assert_int_equal(folder_lock_take(directory, "run.directory", &lock), STATUS_OK);
    assert_true(file_exists(path));
    folder_lock_release(lock);
    assert_false(file_exists(path));
}

static void a_living_holder_is_left_alone(void **state)
{
    (void)state;
    struct folder_lock *first = NULL, *second = NULL;
    assert_int_equal(folder_lock_take(directory, "run.directory", &first), STATUS_OK);
    assert_int_equal(folder_lock_take(directory, "run.directory", &second), STATUS_FAILED);
    assert_non_null(strstr(status_message(), "the folder is in use by process"));
    folder_lock_release(first);
}

static void a_dead_process_of_this_host_is_followed_at_once(void **state)
{
    (void)state;
    struct folder_lock *lock = NULL;
    pid_t child = fork();
    if (child == 0)
        _exit(folder_lock_take(directory, "run.directory", &lock) == STATUS_OK ? 0 : 1);
    int code = 1;
    assert_int_equal(waitpid(child, &code, 0), child);
    assert_int_equal(code, 0);
    assert_true(file_exists(path));
    assert_int_equal(folder_lock_take(directory, "run.directory", &lock), STATUS_OK);
    folder_lock_release(lock);
}

static void a_lock_of_another_host_that_stands_still_is_followed(void **state)
{
    (void)state;
    struct folder_lock *lock = NULL;
    const char *text = "{\"host\": \"elsewhere\", \"process\": 1, \"job\": \"7\", \"heartbeat\": 5}\n";
    assert_int_equal(file_write(path, text, strlen(text)), STATUS_OK);
    assert_int_equal(folder_lock_take(directory, "run.directory", &lock), STATUS_OK);
    folder_lock_release(lock);
    assert_false(file_exists(path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lock_is_a_file_while_it_is_held), cmocka_unit_test(a_living_holder_is_left_alone),
        cmocka_unit_test(a_dead_process_of_this_host_is_followed_at_once),
        cmocka_unit_test(a_lock_of_another_host_that_stands_still_is_followed)};
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
