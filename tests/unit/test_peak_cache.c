/* The file of remembered rates: what is put in comes out, and nothing else does. */
#include "llmpi/train/peak_cache.h"

#include "llmpi/base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "scratch.h"

static void a_rate_comes_back(void **state)
{
    (void)state;
    const char *path = scratch_path("new/folder/peak.txt"); /* folders are made */
    assert_true(peak_cache_read(path, "a, 2 threads") == 0);
    peak_cache_write(path, "a, 2 threads", 1.0 / 3 * 1e12);
    peak_cache_write(path, "a, 4 threads", 2e12);
    assert_true(peak_cache_read(path, "a, 2 threads") == 1.0 / 3 * 1e12);
    assert_true(peak_cache_read(path, "a, 4 threads") == 2e12);
    peak_cache_write(path, "a, 2 threads", 5e11); /* replaces */
    assert_true(peak_cache_read(path, "a, 2 threads") == 5e11);
    assert_true(peak_cache_read(path, "a, 4 threads") == 2e12);
    peak_cache_write(path, "a, 2 threads", 0); /* forgets */
    assert_true(peak_cache_read(path, "a, 2 threads") == 0);
    assert_true(peak_cache_read(path, "a, 4 threads") == 2e12);
}

static void another_key_is_not_known(void **state)
{
    (void)state;
    const char *path = scratch_path("peak.txt");
    peak_cache_write(path, "a, 2 threads", 1e12);
    assert_true(peak_cache_read(path, "a, 2 thread") == 0);
    assert_true(peak_cache_read(path, "a, 2 threadss") == 0);
    assert_true(peak_cache_read(path, "b, 2 threads") == 0);
    assert_true(peak_cache_read(path, "") == 0);
}

/* Every byte of the file in turn is another one, is the last one, or all is noise. */
static void a_damaged_file_gives_nothing_wrong(void **state)
{
    (void)state;
    const char *path = scratch_path("damaged.txt");
    struct buffer text = {0};
    peak_cache_write(path, "key", 1.25e11);
    assert_int_equal(file_read(path, &text), STATUS_OK);
    for (size_t i = 0; i + 1 < text.length; i++) { /* the newline may be missing */
        char kept = text.data[i];
        text.data[i] = kept == '7' ? '8' : '7';
        assert_int_equal(file_write(path, text.data, text.length), STATUS_OK);
        assert_true(peak_cache_read(path, "key") == 0);
        text.data[i] = '\0';
        assert_int_equal(file_write(path, text.data, text.length), STATUS_OK);
        assert_true(peak_cache_read(path, "key") == 0);
        text.data[i] = kept;
        assert_int_equal(file_write(path, text.data, i), STATUS_OK);
        assert_true(peak_cache_read(path, "key") == 0);
    }
    for (size_t i = 0; i < text.length; i++)
        text.data[i] = (char)(i * 151);
    assert_int_equal(file_write(path, text.data, text.length), STATUS_OK);
    assert_true(peak_cache_read(path, "key") == 0);
    peak_cache_write(path, "key", 3e11); /* the noise goes */
    assert_true(peak_cache_read(path, "key") == 3e11);
    assert_true(file_size(path) < (int64_t)text.length + 8);
    buffer_free(&text);
}

static void the_file_stays_small(void **state)
{
    (void)state;
    const char *path = scratch_path("many.txt");
    char key[32];
    for (int i = 0; i < 50; i++) {
        snprintf(key, sizeof key, "key %d", i);
        peak_cache_write(path, key, 1e9 * (i + 1));
    }
    assert_true(peak_cache_read(path, "key 49") == 50e9);
    assert_true(peak_cache_read(path, "key 18") == 19e9); /* the 32nd newest */
    assert_true(peak_cache_read(path, "key 17") == 0);
}

static void what_cannot_be_written_is_left(void **state)
{
    (void)state;
    const char *file = scratch_write("file", "x", 1), *folder = scratch_path("folder");
    char below[300];
    snprintf(below, sizeof below, "%s/peak.txt", file);
    peak_cache_write(below, "key", 1e9); /* a file where a folder should be */
    assert_true(peak_cache_read(below, "key") == 0);
    assert_int_equal(mkdir(folder, 0777), 0);
    peak_cache_write(folder, "key", 1e9);
    assert_true(peak_cache_read(folder, "key") == 0);
    assert_int_equal(rmdir(folder), 0);
}

static void the_path_follows_the_environment(void **state)
{
    (void)state;
    char host[256] = "", wanted[512];
    gethostname(host, sizeof host - 1);
    setenv("HOME", "/home/somebody", 1);
    setenv("XDG_CACHE_HOME", "/cache", 1);
    char *path = peak_cache_path();
    snprintf(wanted, sizeof wanted, "/cache/llmpi/peak-%s.txt", host);
    assert_string_equal(path, wanted);
    free(path);
    setenv("XDG_CACHE_HOME", "not/absolute", 1);
    path = peak_cache_path();
    snprintf(wanted, sizeof wanted, "/home/somebody/.cache/llmpi/peak-%s.txt", host);
    assert_string_equal(path, wanted);
    free(path);
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    assert_null(peak_cache_path());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rate_comes_back),
        cmocka_unit_test(another_key_is_not_known),
        cmocka_unit_test(a_damaged_file_gives_nothing_wrong),
        cmocka_unit_test(the_file_stays_small),
        cmocka_unit_test(what_cannot_be_written_is_left),
        cmocka_unit_test(the_path_follows_the_environment),
    };
    return cmocka_run_group_tests(tests, scratch_create, scratch_remove);
}
