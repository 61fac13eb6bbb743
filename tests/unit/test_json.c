/* JSON: kinds and values, what is refused and where, and written strings that read back. */
#include "llmpi/base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static struct json *parse(const char *text)
{
    struct json *value = NULL;
    if (json_parse(text, strlen(text), &value) != STATUS_OK)
        fail_msg("%s: %s", text, status_message());
    return value;
}

static void test_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum json_kind kind;
    } cases[] = {{"null", KIND_NULL},    {"true", KIND_BOOLEAN}, {" false ", KIND_BOOLEAN},
                 {"12", KIND_INTEGER},   {"-0", KIND_INTEGER},   {"1.5", KIND_NUMBER},
                 {"1e3", KIND_NUMBER},   {"\"a\"", KIND_TEXT},   {"[\n1\t]", KIND_ARRAY},
                 {"{}\r\n", KIND_OBJECT}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct json *value = parse(cases[i].text);
        assert_int_equal(json_kind(value), cases[i].kind);
        json_free(value);
    }
    assert_int_equal(json_kind(NULL), KIND_NONE);
}

static void test_values(void **state)
{
    (void)state;
    struct json *document =
        parse("{\"i\": -7, \"d\": 2.5, \"t\": \"a\\u0000\\u00e9\\ud83d\\ude00\", \"yes\": true, "
              "\"a\": [1, null, {\"x\": []}], \"n\": null, \"i\": 8}");
    int64_t integer = 0;
    double number = 0;
    bool boolean = false;
    size_t length = 0;
    assert_true(json_get_integer(json_get_member(document, "i"), &integer) &&
                integer == 8); /* the last one */
    assert_true(json_get_number(json_get_member(document, "d"), &number) && number == 2.5);
    assert_true(json_get_number(json_get_member(document, "i"), &number) && number == 8);
    assert_true(json_get_boolean(json_get_member(document, "yes"), &boolean) && boolean);
    const char *text = json_get_text(json_get_member(document, "t"), &length);
    assert_int_equal(length, 8);
    assert_memory_equal(text, "a\0\xC3\xA9\xF0\x9F\x98\x80", 8);
    const struct json *array = json_get_member(document, "a");
    assert_int_equal(json_get_count(array), 3);
    assert_int_equal(json_kind(json_get_element(array, 1)), KIND_NULL);
    assert_int_equal(json_kind(json_get_member(json_get_element(array, 2), "x")), KIND_ARRAY);
    assert_int_equal(json_kind(json_get_member(document, "n")), KIND_NULL);
    json_free(document);
}

static void test_wrong_questions(void **state)
{
    (void)state;
    struct json *document = parse("[\"1\", 1.0, 2]");
    int64_t integer;
    double number;
    bool boolean;
    size_t length;
    assert_null(json_get_member(document, "a"));
    assert_null(json_get_member(NULL, "a"));
    assert_null(json_get_element(document, 3));
    assert_null(json_get_element(document, -1));
    assert_null(json_get_element(NULL, 0));
    assert_int_equal(json_get_count(NULL), 0);
    assert_false(json_get_integer(json_get_element(document, 0), &integer));
    assert_false(json_get_integer(json_get_element(document, 1), &integer));
    assert_false(json_get_number(json_get_element(document, 0), &number));
    assert_false(json_get_boolean(json_get_element(document, 2), &boolean));
    assert_null(json_get_text(json_get_element(document, 2), &length));
    assert_null(json_get_text(NULL, &length));
    json_free(document);
    json_free(NULL);
}

/* Integers that do not fit into 64 bits are numbers, never other integers. */
static void test_large_integers(void **state)
{
    (void)state;
    struct json *document = parse("[9223372036854775806, -9223372036854775807, 9223372036854775808, "
                                  "18446744073709551616, -9223372036854775809, 1e400]");
    int64_t value = 0;
    double number = 0;
    assert_true(json_get_integer(json_get_element(document, 0), &value) && value == INT64_MAX - 1);
    assert_true(json_get_integer(json_get_element(document, 1), &value) && value == -INT64_MAX);
    for (int64_t i = 2; i < 5; i++) {
        assert_false(json_get_integer(json_get_element(document, i), &value));
        assert_true(json_get_number(json_get_element(document, i), &number));
    }
    json_free(document);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "line 1 column 1: unexpected end of data, found the end"},
        {"[1,]", "line 1 column 4: unexpected character, found ']'"},
        {"[1,\n 2\n }", "line 3 column 2: array value separator ',' expected, found '}'"},
        {"{\"a\":1,}", "line 1 column 8: unexpected character, found '}'"},
        {"{a:1}", "line 1 column 2: quoted object property name expected, found 'a'"},
        {"{'a':1}", "line 1 column 2: unexpected character, found '''"},
        {"[NaN]", "line 1 column 2: unexpected character, found 'N'"},
        {"[-Infinity]", "line 1 column 3: unexpected character, found 'I'"},
        {"[1] // one", "line 1 column 5: unexpected character, found '/'"},
        {"[01]", "line 1 column 4: number expected, found ']'"},
        {"1 2", "line 1 column 3: unexpected character, found '2'"},
        {"tru", "line 1 column 4: unexpected end of data, found the end"},
        {"\"a\nb\"",
         "line 1 column 3: a control character in a string, expected it escaped, found byte 0x0A"},
        {"\"\\x\"", "line 1 column 3: invalid string sequence, found 'x'"},
        {"\"\\u12\"", "line 1 column 6: invalid string sequence, found '\"'"},
        {"\"\\uDC00\"", "line 1 column 2: half of a surrogate pair, expected a whole character, found '\\'"},
        {"\"\\ud800\\u0041\"",
         "line 1 column 2: half of a surrogate pair, expected a whole character, found '\\'"},
        {"\"\\ud800", "line 1 column 2: half of a surrogate pair, expected a whole character, found '\\'"},
        {"\"\xC3\"", "line 1 column 2: invalid UTF-8, found byte 0xC3"},
        {"\xEF\xBB\xBF[]", "line 1 column 1: unexpected character, found byte 0xEF"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct json *value = NULL;
        assert_int_equal(json_parse(cases[i].text, strlen(cases[i].text), &value), STATUS_FAILED);
        assert_string_equal(status_message(), cases[i].message);
        assert_null(value);
    }
    struct json *value;
    assert_int_equal(json_parse("[1\0]", 4, &value), STATUS_FAILED);
    assert_string_equal(status_message(), "line 1 column 3: unexpected character, found byte 0x00");
    assert_int_equal(json_parse("[1]\0", 4, &value), STATUS_FAILED);
}

static void test_nesting(void **state)
{
    (void)state;
    enum { DEEP = 200000 };
    struct buffer text = {0};
    struct json *value;
    for (int i = 0; i < DEEP; i++)
        assert_int_equal(buffer_append(&text, i % 2 ? "[" : "{\"a\":", i % 2 ? 1 : 5), STATUS_OK);
    assert_int_equal(json_parse(text.data, text.length, &value), STATUS_FAILED);
    assert_non_null(strstr(status_message(), "nesting too deep"));
    char hundred[201];
    memset(hundred, '[', 100);
    memset(hundred + 100, ']', 100);
    assert_int_equal(json_parse(hundred, 200, &value), STATUS_OK);
    json_free(value);
    buffer_free(&text);
}

static enum status collect(void *context, const char *name, size_t length, const struct json *value)
{
    int64_t integer = 0;
    if (!json_get_integer(value, &integer))
        return STATUS_STOPPED;
    assert_int_equal(strlen(name), length);
    *(int64_t *)context += integer * (int64_t)length;
    return STATUS_OK;
}

static void test_each(void **state)
{
    (void)state;
    struct json *document = parse("{\"a\": 1, \"bb\": 20, \"\": 7, \"cccc\": 300}");
    int64_t sum = 0;
    assert_int_equal(json_each(document, collect, &sum), STATUS_OK);
    assert_int_equal(sum, 1 + 40 + 1200);
    json_free(document);
    document = parse("{\"a\": null}");
    assert_int_equal(json_each(document, collect, &sum), STATUS_STOPPED);
    json_free(document);
    assert_int_equal(json_each(NULL, collect, &sum), STATUS_OK);
}

static void test_write_text(void **state)
{
    (void)state;
    struct buffer out = {0};
    assert_int_equal(json_write_text(&out, "a\"b\\c\n\t\x01\x7F\xC3\xA9\xFF\xC3z", 14), STATUS_OK);
    assert_string_equal(out.data, "\"a\\\"b\\\\c\\n\\u0009\\u0001\x7F\xC3\xA9\xEF\xBF\xBD\xEF\xBF\xBDz\"");
    char bytes[128];
    for (int i = 0; i < 128; i++)
        bytes[i] = (char)i;
    buffer_clear(&out);
    assert_int_equal(json_write_text(&out, bytes, sizeof bytes), STATUS_OK);
    struct json *back = parse(out.data);
    size_t length = 0;
    assert_memory_equal(json_get_text(back, &length), bytes, sizeof bytes);
    assert_int_equal(length, sizeof bytes);
    json_free(back);
    buffer_clear(&out);
    assert_int_equal(json_write_text(&out, "", 0), STATUS_OK);
    assert_string_equal(out.data, "\"\"");
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_wrong_questions),
        cmocka_unit_test(test_large_integers),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_each),
        cmocka_unit_test(test_write_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
