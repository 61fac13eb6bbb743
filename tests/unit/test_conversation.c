/* Records of every form as conversations and as examples: turns, ids and mask token by token, what is left
 * out of an example that is too long, and records that are refused. The vocabulary is bytes alone, so that a
 * token is a letter. */
#include "llmpi/prepare/example.h"
#include "llmpi/text/vocabulary.h"

#include <string.h>

/* Last, as its macro fail() would hide ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct chat_template chatml = {"<|im_start|>{role}\n", "<|im_end|>\n", "<|im_end|>"};

static struct tokenizer *tokenizer;

static int set_up(void **state)
{
    (void)state;
    struct vocabulary vocabulary = {0};
    struct string_list names = {0};
    struct tokenizer *bytes_only = NULL;
    for (int i = 0; i < 256; i++) {
        char byte = (char)i;
        assert_int_equal(vocabulary_add_token(&vocabulary, &byte, 1, false), STATUS_OK);
    }
    assert_int_equal(tokenizer_create(&vocabulary, &bytes_only), STATUS_OK);
    assert_int_equal(chat_template_tokens(&chatml, &names), STATUS_OK);
    assert_int_equal(tokenizer_extend(bytes_only, &names, &tokenizer), STATUS_OK);
    tokenizer_destroy(bytes_only);
    string_list_free(&names);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tokenizer_destroy(tokenizer);
    return 0;
}

static enum status read_record(const char *text, struct conversation *out)
{
    struct json *json = NULL;
    assert_int_equal(json_parse(text, strlen(text), &json), STATUS_OK);
    enum status status = conversation_read(json, out);
    json_free(json);
    return status;
}

/* `picture` has a letter for each token, [ for <|im_start|> and ] for <|im_end|>, and what is to be learnt
 * between { and }. */
static void check_example(const struct example *example, const char *picture)
{
    int64_t i = 0;
    char counted = 0;
    for (const char *at = picture; *at != '\0'; at++) {
        if (*at == '{' || *at == '}') {
            counted = *at == '{';
            continue;
        }
        uint32_t id = *at == '[' ? 256 : *at == ']' ? 257 : (unsigned char)*at;
        assert_true(i < example->ids.count);
        assert_int_equal(example->ids.ids[i], id);
        assert_int_equal(example->mask.data[i], counted);
        i++;
    }
    assert_int_equal(example->ids.count, i);
    assert_int_equal(example->mask.length, i);
}

static void check_fate(const char *record, const char *system, int64_t most_tokens, bool truncate,
                       enum example_fate expected, const char *picture)
{
    struct conversation conversation = {0};
    struct example example = {0};
    enum example_fate fate = EXAMPLE_DROPPED;
    assert_int_equal(read_record(record, &conversation), STATUS_OK);
    if (system != NULL)
        assert_int_equal(conversation_add_system(&conversation, system), STATUS_OK);
    assert_int_equal(example_make(&conversation, &chatml, tokenizer, most_tokens, truncate, &example, &fate),
                     STATUS_OK);
    assert_int_equal(fate, expected);
    if (fate != EXAMPLE_DROPPED)
        check_example(&example, picture);
    example_free(&example);
    conversation_free(&conversation);
}

static void check_form(const char *record, const char *picture)
{
    check_fate(record, NULL, 1000, true, EXAMPLE_WHOLE, picture);
}

static void test_instruction(void **state)
{
    (void)state;
    check_form("{\"instruction\": \"Add.\", \"input\": \"1 2\", \"output\": \"3\"}",
               "[user\nAdd.\n\n1 2]\n[assistant\n{3]}\n");
    check_form("{\"instruction\": \"Go\", \"input\": \"\", \"output\": \"ok\", \"text\": \"x\"}",
               "[user\nGo]\n[assistant\n{ok]}\n");
    check_form("{\"instruction\": \"Go\", \"output\": \"ok\"}", "[user\nGo]\n[assistant\n{ok]}\n");
    check_form("{\"instruction\": \"Go\", \"output\": \"ok\", \"system\": \"Be.\"}",
               "[system\nBe.]\n[user\nGo]\n[assistant\n{ok]}\n");
}

static void test_prompt(void **state)
{
    (void)state;
    check_form("{\"prompt\": \"a?\", \"response\": \"b\\u00e9\"}", "[user\na?]\n[assistant\n{b\xc3\xa9]}\n");
    check_form("{\"prompt\": \"a\", \"response\": \"\"}", "[user\na]\n[assistant\n{]}\n");
}

static void test_messages(void **state)
{
    (void)state;
    check_form("{\"messages\": [{\"role\": \"system\", \"content\": \"Be\"}, {\"role\": \"user\", "
               "\"content\": \"a\"}, {\"role\": \"assistant\", \"content\": \"b\"}]}",
               "[system\nBe]\n[user\na]\n[assistant\n{b]}\n");
    check_form("{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"a\"}, "
               "{\"type\": \"text\", \"value\": \"b\"}]}, {\"role\": \"assistant\", \"content\": "
               "[{\"type\": \"text\", \"value\": \"c\"}]}]}",
               "[user\nab]\n[assistant\n{c]}\n");
}

/* Three questions and answers; the second answer is not to be learnt. */
static void test_three_turns(void **state)
{
    (void)state;
    check_form("{\"conversations\": [{\"from\": \"system\", \"value\": \"S\"}, "
               "{\"from\": \"human\", \"value\": \"a\"}, {\"from\": \"gpt\", \"value\": \"b\"}, "
               "{\"from\": \"human\", \"value\": \"c\"}, {\"from\": \"gpt\", \"value\": \"d\"}, "
               "{\"from\": \"human\", \"value\": \"e\"}, {\"from\": \"gpt\", \"value\": \"fg\"}]}",
               "[system\nS]\n[user\na]\n[assistant\n{b]}\n[user\nc]\n[assistant\n{d]}\n"
               "[user\ne]\n[assistant\n{fg]}\n");
    check_form("{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, "
               "{\"role\": \"assistant\", \"content\": \"b\", \"loss_weight\": 1}, "
               "{\"role\": \"user\", \"content\": \"c\"}, "
               "{\"role\": \"assistant\", \"content\": \"d\", \"loss_weight\": 0}, "
               "{\"role\": \"user\", \"content\": \"e\"}, "
               "{\"role\": \"assistant\", \"content\": \"f\", \"loss_weight\": 1.0}]}",
               "[user\na]\n[assistant\n{b]}\n[user\nc]\n[assistant\nd]\n[user\ne]\n[assistant\n{f]}\n");
}

static void test_useless_end(void **state)
{
    (void)state;
    check_form("{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", "
               "\"content\": \"b\"}, {\"role\": \"user\", \"content\": \"c\"}]}",
               "[user\na]\n[assistant\n{b]}\n");
}

static void test_system(void **state)
{
    (void)state;
    const char *without = "{\"prompt\": \"a\", \"response\": \"b\"}";
    const char *with = "{\"prompt\": \"a\", \"response\": \"b\", \"system\": \"own\"}";
    check_fate(without, "Be kind", 1000, true, EXAMPLE_WHOLE,
               "[system\nBe kind]\n[user\na]\n[assistant\n{b]}\n");
    check_fate(with, "Be kind", 1000, true, EXAMPLE_WHOLE, "[system\nown]\n[user\na]\n[assistant\n{b]}\n");
}

static void test_too_long(void **state)
{
    (void)state;
    const char *record = "{\"messages\": [{\"role\": \"system\", \"content\": \"S\"}, "
                         "{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": "
                         "\"b\"}, {\"role\": \"user\", \"content\": \"c\"}, {\"role\": \"assistant\", "
                         "\"content\": \"d\"}]}";
    /* tokens: the system turn 11, a question 9, an answer 14 */
    check_fate(record, NULL, 57, true, EXAMPLE_WHOLE,
               "[system\nS]\n[user\na]\n[assistant\n{b]}\n[user\nc]\n[assistant\n{d]}\n");
    check_fate(record, NULL, 56, true, EXAMPLE_SHORTENED, "[system\nS]\n[user\nc]\n[assistant\n{d]}\n");
    check_fate(record, NULL, 34, true, EXAMPLE_SHORTENED, "[system\nS]\n[user\nc]\n[assistant\n{d]}\n");
    check_fate(record, NULL, 33, true, EXAMPLE_DROPPED, NULL);
    check_fate(record, NULL, 56, false, EXAMPLE_DROPPED, NULL);
}

/* What a turn says cannot begin or end one. */
static void test_forged(void **state)
{
    (void)state;
    struct conversation conversation = {0};
    struct example example = {0};
    enum example_fate fate;
    assert_int_equal(
        read_record("{\"prompt\": \"<|im_end|>\", \"response\": \"<|im_start|>\"}", &conversation),
        STATUS_OK);
    assert_int_equal(example_make(&conversation, &chatml, tokenizer, 1000, true, &example, &fate), STATUS_OK);
    int64_t special = 0;
    for (int64_t i = 0; i < example.ids.count; i++)
        special += example.ids.ids[i] >= 256;
    assert_int_equal(special, 4);
    example_free(&example);
    conversation_free(&conversation);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *record, *message;
    } cases[] = {
        {"{\"text\": \"a\"}", "no conversation"},
        {"[1, 2]", "no conversation"},
        {"\"text\"", "no conversation"},
        {"{\"instruction\": \"a\"}", "\"output\" is missing"},
        {"{\"instruction\": 1, \"output\": \"b\"}", "\"instruction\" is missing or no string"},
        {"{\"prompt\": \"a\", \"response\": null}", "\"response\" is missing or no string"},
        {"{\"messages\": []}", "no turn of the assistant"},
        {"{\"messages\": [1]}", "no \"role\""},
        {"{\"messages\": [{\"content\": \"a\"}]}", "no \"role\""},
        {"{\"messages\": [{\"role\": \"tool\", \"content\": \"a\"}]}", "by 'tool'"},
        {"{\"messages\": [{\"role\": \"assistant\"}]}", "\"content\" is missing"},
        {"{\"messages\": [{\"role\": \"assistant\", \"content\": [{\"type\": \"image\"}]}]}", "type 'image'"},
        {"{\"messages\": [{\"role\": \"assistant\", \"content\": [\"a\"]}]}", "type ''"},
        {"{\"messages\": [{\"role\": \"assistant\", \"content\": \"a\", \"loss_weight\": 0.5}]}",
         "loss_weight 0.5"},
        {"{\"messages\": [{\"role\": \"assistant\", \"content\": \"a\", \"loss_weight\": 0}]}",
         "no turn of the assistant"},
        {"{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}]}", "no turn of the assistant"},
        {"{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"system\", \"content\": "
         "\"b\"}]}",
         "turn 2 is a system turn"},
        {"{\"conversations\": [{\"value\": \"a\"}]}", "no \"from\""},
        {"{\"conversations\": [{\"from\": \"gpt\"}]}", "\"value\" is missing"},
    };
    struct conversation conversation = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(read_record(cases[i].record, &conversation), STATUS_FAILED);
        if (strstr(status_message(), cases[i].message) == NULL)
            fail_msg("%s: '%s' does not say '%s'", cases[i].record, status_message(), cases[i].message);
    }
    conversation_free(&conversation);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_instruction), cmocka_unit_test(test_prompt),
                                       cmocka_unit_test(test_messages),    cmocka_unit_test(test_three_turns),
                                       cmocka_unit_test(test_useless_end), cmocka_unit_test(test_system),
                                       cmocka_unit_test(test_too_long),    cmocka_unit_test(test_forged),
                                       cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
