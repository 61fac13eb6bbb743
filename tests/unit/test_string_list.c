/* Lists of strings, and the distance between two names. */
#include "llmpi/base/string_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static void test_add_and_sort(void **state)
{
    (void)state;
    struct string_list list = {0};
    string_list_sort(&list);
    for (int i = 0; i < 1000; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i * 37 % 1000);
        assert_int_equal(string_list_add(&list, text), STATUS_OK); /* a copy: `text` changes */
    }
    assert_int_equal(list.count, 1000);
    assert_string_equal(list.items[3], "111");
    string_list_sort(&list);
    for (int i = 1; i < 1000; i++)
        assert_true(strcmp(list.items[i - 1], list.items[i]) < 0);
    string_list_free(&list);
    assert_true(list.count == 0 && list.items == NULL);
}

static void test_sorting_is_by_bytes(void **state)
{
    (void)state;
    static const char *const sorted[] = {"", "B", "a", "a-b", "a/b", "ab", "\xC3\xA9"};
    struct string_list list = {0};
    for (int i = 6; i >= 0; i--)
        assert_int_equal(string_list_add(&list, sorted[i]), STATUS_OK);
    string_list_sort(&list);
    for (int i = 0; i < 7; i++)
        assert_string_equal(list.items[i], sorted[i]);
    string_list_free(&list);
}

static void test_distance(void **state)
{
    (void)state;
    assert_int_equal(string_distance("", ""), 0);
    assert_int_equal(string_distance("", "abc"), 3);
    assert_int_equal(string_distance("kitten", "sitting"), 3);
    assert_int_equal(string_distance("n_layer", "n_layers"), 1);
    assert_int_equal(string_distance("flaw", "lawn"), 2);
    char lengthy[65] = {0};
    memset(lengthy, 'a', 64);
    assert_true(string_distance(lengthy, lengthy + 1) >= 63); /* 64 bytes: far from everything */
    assert_int_equal(string_distance(lengthy + 1, lengthy + 2), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add_and_sort),
        cmocka_unit_test(test_sorting_is_by_bytes),
        cmocka_unit_test(test_distance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
