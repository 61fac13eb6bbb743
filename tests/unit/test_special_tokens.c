/* The list of special tokens: names in order, ChatML by its name, and what is refused. */
#include "llmpi/text/special_tokens.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static enum status expand(const char *const *names, int64_t count, struct string_list *out)
{
    struct string_list list = {0};
    for (int64_t i = 0; i < count; i++)
        assert_int_equal(string_list_add(&list, names[i]), STATUS_OK);
    enum status status = special_tokens_expand(&list, out);
    string_list_free(&list);
    return status;
}

static void test_names(void **state)
{
    (void)state;
    static const char *const names[] = {"<s>", "chatml", "</s>", "<pad>", "<unk>", "<mask>"};
    static const char *const expected[] = {"<s>",   "<|im_start|>", "<|im_end|>", "</s>",
                                           "<pad>", "<unk>",        "<mask>"};
    struct string_list out = {0};
    assert_int_equal(expand(names, 6, &out), STATUS_OK);
    assert_int_equal(out.count, 7);
    for (int64_t i = 0; i < out.count; i++)
        assert_string_equal(out.items[i], expected[i]);
    string_list_free(&out);
    assert_int_equal(expand(NULL, 0, &out), STATUS_OK);
    assert_int_equal(out.count, 0);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *names[2], *message;
    } cases[] = {
        {{"<s>", "<s>"}, "'<s>' is given twice"},
        {{"<|im_end|>", "chatml"}, "'<|im_end|>' is given twice"},
        {{"<s>", ""}, "name 1 is empty"},
        {{"<\xFF>", "<s>"}, "name 0 is not valid UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct string_list out = {0};
        assert_int_equal(expand(cases[i].names, 2, &out), STATUS_USAGE);
        assert_non_null(strstr(status_message(), cases[i].message));
        string_list_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names), cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
