/* The byte buffer: growth, the NUL behind it, formatted text. */
#include "llmpi/base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void test_append_and_clear(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    for (int i = 0; i < 10000; i++) {
        char byte = (char)(i * 7);
        assert_int_equal(buffer_append(&buffer, &byte, 1), STATUS_OK);
        assert_int_equal(buffer.length, (size_t)i + 1);
        assert_true(buffer.capacity > buffer.length && buffer.data[buffer.length] == '\0');
    }
    for (int i = 0; i < 10000; i++)
        assert_int_equal(buffer.data[i], (char)(i * 7));
    size_t capacity = buffer.capacity;
    buffer_clear(&buffer);
    assert_int_equal(buffer.length, 0);
    assert_int_equal(buffer.data[0], '\0');
    assert_int_equal(buffer.capacity, capacity);
    buffer_free(&buffer);
    assert_true(buffer.data == NULL && buffer.length == 0 && buffer.capacity == 0);
}

static void test_empty(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    buffer_clear(&buffer);
    buffer_free(&buffer);
    assert_int_equal(buffer_append(&buffer, NULL, 0), STATUS_OK);
    assert_string_equal(buffer.data, "");
    buffer_free(&buffer);
}

static void test_printf(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    assert_int_equal(buffer_printf(&buffer, "%s-%d", "one", 2), STATUS_OK);
    assert_int_equal(buffer_printf(&buffer, "%0*d", 5000, 3), STATUS_OK);
    assert_int_equal(buffer.length, 5 + 5000);
    assert_memory_equal(buffer.data, "one-200", 7);
    assert_string_equal(buffer.data + 5002, "003");
    buffer_free(&buffer);
}

static void test_reserve(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    assert_int_equal(buffer_append(&buffer, "ab", 2), STATUS_OK);
    assert_int_equal(buffer_reserve(&buffer, 1000), STATUS_OK);
    char *data = buffer.data;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(buffer_append(&buffer, "c", 1), STATUS_OK);
    assert_ptr_equal(buffer.data, data); /* room was made once */
    assert_int_equal(buffer_reserve(&buffer, (size_t)INT64_MAX), STATUS_FAILED);
    assert_non_null(strstr(status_message(), "out of memory"));
    assert_int_equal(buffer.length, 1002); /* a failure changes nothing */
    buffer_free(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append_and_clear),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_printf),
        cmocka_unit_test(test_reserve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
