/* Files and folders: whole or not at all, and one sentence for each failure. */
#include "llmpi/base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scratch.h"

#include <fcntl.h>
#include <unistd.h>

static void test_write_and_read(void **state)
{
    (void)state;
    static const char first[] = "one\0two", second[] = "three";
    struct buffer text = {0};
    const char *path = scratch_path("file");
    assert_int_equal(file_write(path, first, 7), STATUS_OK);
    assert_int_equal(file_size(path), 7);
    assert_int_equal(file_read(path, &text), STATUS_OK);
    assert_int_equal(file_write(path, second, 5), STATUS_OK);
    assert_int_equal(file_read(path, &text), STATUS_OK); /* appends */
    assert_int_equal(text.length, 12);
    assert_memory_equal(text.data, "one\0twothree", 13);
    assert_false(file_exists(scratch_path("file.tmp")));
    buffer_clear(&text);
    assert_int_equal(file_write(path, NULL, 0), STATUS_OK);
    assert_int_equal(file_read(path, &text), STATUS_OK);
    assert_int_equal(text.length, 0);
    buffer_free(&text);
}

/* A byte order mark is skipped at the beginning of the file, and nowhere else. */
static void test_byte_order_mark(void **state)
{
    (void)state;
    struct buffer text = {0};
    const char *path = scratch_path("mark");
    assert_int_equal(file_write(path,
                                "\xEF\xBB\xBF"
                                "a\xEF\xBB\xBF",
                                7),
                     STATUS_OK);
    assert_int_equal(file_read_text(path, &text), STATUS_OK);
    assert_int_equal(file_read_text(path, &text), STATUS_OK); /* appends */
    assert_int_equal(text.length, 8);
    assert_memory_equal(text.data,
                        "a\xEF\xBB\xBF"
                        "a\xEF\xBB\xBF",
                        9);
    buffer_clear(&text);
    assert_int_equal(file_write(path, "\xEF\xBB\xBF", 3), STATUS_OK);
    assert_int_equal(file_read_text(path, &text), STATUS_OK);
    assert_int_equal(text.length, 0);
    assert_int_equal(file_write(path, "\xEF\xBB", 2), STATUS_OK);
    assert_int_equal(file_read_text(path, &text), STATUS_OK);
    assert_int_equal(text.length, 2);
    buffer_free(&text);
}

static void assert_message(const char *format, const char *path)
{
    char expected[400];
    snprintf(expected, sizeof expected, "cannot %s %s: ", format, path);
    assert_memory_equal(status_message(), expected, strlen(expected));
}

static void test_failures_are_named(void **state)
{
    (void)state;
    struct buffer text = {0};
    const char *missing = scratch_path("missing"), *inside = scratch_path("missing/file");
    assert_int_equal(file_read(missing, &text), STATUS_FAILED);
    assert_message("read", missing);
    assert_non_null(strstr(status_message(), "No such file or directory"));
    assert_int_equal(file_read(scratch_folder, &text), STATUS_FAILED);
    assert_message("read", scratch_folder);
    assert_int_equal(file_write(inside, "x", 1), STATUS_FAILED);
    assert_message("write", inside);
    assert_int_equal(file_size(missing), -1);
    assert_false(file_exists(missing) || file_is_directory(missing));
    buffer_free(&text);
}

/* Writing over a folder fails at the last step, the rename: nothing may be left over. */
static void test_failed_rename_leaves_nothing(void **state)
{
    (void)state;
    const char *path = scratch_path("folder");
    assert_int_equal(directory_create(path), STATUS_OK);
    assert_int_equal(file_write(path, "x", 1), STATUS_FAILED);
    assert_message("write", path);
    assert_false(file_exists(scratch_path("folder.tmp")));
    assert_true(file_is_directory(path));
}

static void test_parts_of_files(void **state)
{
    (void)state;
    const char *path = scratch_path("parts");
    int descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC, 0666), full = open("/dev/full", O_WRONLY);
    char text[8] = {0}, expected[400];
    assert_true(descriptor >= 0 && full >= 0);
    assert_int_equal(file_write_at(descriptor, path, 3, "abcdef", 6), STATUS_OK);
    assert_int_equal(file_write_at(descriptor, path, 0, "xyz", 3), STATUS_OK);
    assert_int_equal(file_read_at(descriptor, path, 2, text, 4), STATUS_OK);
    assert_string_equal(text, "zabc");
    assert_int_equal(file_read_at(descriptor, path, 9, text, 0), STATUS_OK);
    assert_int_equal(file_read_at(descriptor, path, 7, text, 4), STATUS_FAILED);
    snprintf(expected, sizeof expected, "cannot read %s: it ends at byte 9, 2 bytes too early", path);
    assert_string_equal(status_message(), expected);
    assert_int_equal(file_write_at(full, "/dev/full", 0, "x", 1), STATUS_FAILED);
    assert_string_equal(status_message(), "cannot write /dev/full: No space left on device");
    close(descriptor);
    close(full);
}

static void test_folders(void **state)
{
    (void)state;
    assert_int_equal(directory_create(scratch_path("a/b//c/")), STATUS_OK);
    assert_int_equal(directory_create(scratch_path("a/b/c")), STATUS_OK);
    assert_true(file_is_directory(scratch_path("a/b/c")));
    const char *file = scratch_write("a/file", "x", 1), *below = scratch_path("a/file/d");
    assert_int_equal(directory_create(below), STATUS_FAILED);
    assert_message("make folder", file);
    assert_int_equal(symlink("nowhere", scratch_path("dangling")), 0);
    assert_int_equal(directory_create(scratch_path("dangling")), STATUS_FAILED);
    assert_non_null(strstr(status_message(), "File exists"));
    assert_int_equal(directory_create("/"), STATUS_OK);
    assert_int_equal(directory_create("."), STATUS_OK);
}

static bool ends_with_x(const char *name, const void *context)
{
    assert_string_equal(context, "context");
    return path_has_suffix(name, "x");
}

static void test_lists(void **state)
{
    (void)state;
    struct string_list names = {0};
    int64_t removed = 0;
    assert_int_equal(directory_create(scratch_path("list")), STATUS_OK);
    scratch_write("list/b", "", 0);
    scratch_write("list/cx", "", 0);
    scratch_write("list/ax", "", 0);
    const char *folder = scratch_path("list"), *missing = scratch_path("no list");
    assert_int_equal(directory_list(folder, &names), STATUS_OK);
    assert_int_equal(names.count, 3);
    assert_string_equal(names.items[0], "ax");
    assert_string_equal(names.items[2], "cx");
    string_list_free(&names);
    assert_int_equal(directory_remove_files(folder, ends_with_x, "context", &removed), STATUS_OK);
    assert_int_equal(removed, 2);
    assert_int_equal(directory_list(folder, &names), STATUS_OK);
    assert_int_equal(names.count, 1);
    assert_string_equal(names.items[0], "b");
    string_list_free(&names);
    assert_int_equal(directory_create(scratch_path("list/dx")), STATUS_OK); /* unlink removes no folder */
    assert_int_equal(directory_remove_files(folder, ends_with_x, "context", &removed), STATUS_FAILED);
    assert_message("remove", scratch_path("list/dx"));
    assert_int_equal(removed, 0);
    assert_int_equal(directory_list(missing, &names), STATUS_FAILED);
    assert_message("read", missing);
}

static void test_paths(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"/", "b", "/b"}, {"", "b", "b"}, {"a/b", "c/d", "a/b/c/d"}};
    for (int i = 0; i < 5; i++) {
        char *path = path_join(cases[i][0], cases[i][1]);
        assert_string_equal(path, cases[i][2]);
        free(path);
    }
    assert_true(path_has_suffix("a.txt", ".txt") && path_has_suffix("a", "") && path_has_suffix("a", "a"));
    assert_false(path_has_suffix("txt", ".txt") || path_has_suffix("a.txt.gz", ".txt") ||
                 path_has_suffix("", "a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_and_read),
        cmocka_unit_test(test_byte_order_mark),
        cmocka_unit_test(test_failures_are_named),
        cmocka_unit_test(test_failed_rename_leaves_nothing),
        cmocka_unit_test(test_parts_of_files),
        cmocka_unit_test(test_folders),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_paths),
    };
    return cmocka_run_group_tests(tests, scratch_create, scratch_remove);
}
