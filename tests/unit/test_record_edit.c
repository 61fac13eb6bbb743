/* Records keep every byte that was not to be changed, and stay JSON. */
#include "llmpi/base/json.h"
#include "llmpi/prepare/record_edit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void expect_replaced(const char *record, const char *wanted)
{
    struct buffer out = {0};
    struct json *parsed;
    assert_int_equal(record_replace_text(record, strlen(record), "text", "new \"x\"\n", 8, &out), STATUS_OK);
    assert_string_equal(out.data, wanted);
    assert_int_equal(json_parse(out.data, out.length, &parsed), STATUS_OK);
    json_free(parsed);
    buffer_free(&out);
}

static void test_replace(void **state)
{
    (void)state;
    expect_replaced("{\"text\":\"old\"}", "{\"text\":\"new \\\"x\\\"\\n\"}");
    expect_replaced("{ \"a\" : [1, {\"text\": \"no\"}], \"text\" : \"o\\\"l}d\" , \"b\": 1e5 }",
                    "{ \"a\" : [1, {\"text\": \"no\"}], \"text\" : \"new \\\"x\\\"\\n\" , \"b\": 1e5 }");
    expect_replaced("{\"b\":\"\\\\\",\"\\u0074ext\":\"old\",\"c\":\"\\\"text\\\":\"}",
                    "{\"b\":\"\\\\\",\"\\u0074ext\":\"new \\\"x\\\"\\n\",\"c\":\"\\\"text\\\":\"}");
    expect_replaced("{\"text\":\"first\",\"text\":\"last\",\"n\":null}",
                    "{\"text\":\"first\",\"text\":\"new \\\"x\\\"\\n\",\"n\":null}");
}

static void test_missing_member(void **state)
{
    (void)state;
    static const char *const records[] = {
        "{}", "{\"a\":{\"text\":\"x\"}}", "{\"te\\u0078\":\"x\"}", "", "{", "{\"text", "{\"a\":\"\\"};
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        struct buffer out = {0};
        assert_int_equal(record_replace_text(records[i], strlen(records[i]), "text", "x", 1, &out),
                         STATUS_FAILED);
        buffer_free(&out);
    }
}

static void test_reason(void **state)
{
    (void)state;
    struct buffer out = {0};
    const char *record = "{\"text\": \"a}\", \"n\": {}}";
    assert_int_equal(record_add_reason(record, strlen(record), "rule", "a \"b\" < 5", &out), STATUS_OK);
    assert_string_equal(out.data, "{\"text\": \"a}\", \"n\": {}, \"rejected_by\": \"rule\", "
                                  "\"rejected_because\": \"a \\\"b\\\" < 5\"}");
    buffer_free(&out);
    assert_int_equal(record_add_reason("", 0, "rule", "x", &out), STATUS_FAILED);
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replace),
        cmocka_unit_test(test_missing_member),
        cmocka_unit_test(test_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
