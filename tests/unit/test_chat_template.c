/* Turns of a conversation as tokens: ids and mask token by token, content that cannot forge a turn, and a
 * tokenizer that learns the template's tokens. The vocabulary is bytes alone, so that a token is a letter. */
#include "llmpi/text/chat_template.h"
#include "llmpi/text/vocabulary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct chat_template chatml = {"<|im_start|>{role}\n", "<|im_end|>\n", "<|im_end|>"};

static struct tokenizer *bytes_only, *with_chatml;

static int set_up(void **state)
{
    (void)state;
    struct vocabulary vocabulary = {0};
    struct string_list names = {0};
    for (int i = 0; i < 256; i++) {
        char byte = (char)i;
        assert_int_equal(vocabulary_add_token(&vocabulary, &byte, 1, false), STATUS_OK);
    }
    assert_int_equal(tokenizer_create(&vocabulary, &bytes_only), STATUS_OK);
    assert_int_equal(chat_template_tokens(&chatml, &names), STATUS_OK);
    assert_int_equal(names.count, 2);
    assert_int_equal(tokenizer_extend(bytes_only, &names, &with_chatml), STATUS_OK);
    string_list_free(&names);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tokenizer_destroy(bytes_only);
    tokenizer_destroy(with_chatml);
    return 0;
}

/* `picture` has a letter for each token, [ for <|im_start|> and ] for <|im_end|>; `counted` a 1 where the
 * mask is to be set. */
static void check_tokens(const struct token_list *ids, const struct buffer *mask, const char *picture,
                         const char *counted)
{
    assert_int_equal(ids->count, strlen(picture));
    assert_int_equal(mask->length, strlen(counted));
    for (int64_t i = 0; i < ids->count; i++) {
        uint32_t expected = picture[i] == '[' ? 256 : picture[i] == ']' ? 257 : (unsigned char)picture[i];
        assert_int_equal(ids->ids[i], expected);
        assert_int_equal(mask->data[i], counted[i] == '1');
    }
}

static void add(enum chat_role role, const char *content, bool counts, struct token_list *ids,
                struct buffer *mask)
{
    assert_int_equal(
        chat_template_add_turn(&chatml, with_chatml, role, content, strlen(content), counts, ids, mask),
        STATUS_OK);
}

static void test_conversation(void **state)
{
    (void)state;
    struct token_list ids = {0};
    struct buffer mask = {0};
    add(CHAT_SYSTEM, "Be", true, &ids, &mask);
    add(CHAT_USER, "a?", true, &ids, &mask);
    add(CHAT_ASSISTANT, "b!", true, &ids, &mask);
    add(CHAT_USER, "c", true, &ids, &mask);
    add(CHAT_ASSISTANT, "d", true, &ids, &mask);
    check_tokens(&ids, &mask, "[system\nBe]\n[user\na?]\n[assistant\nb!]\n[user\nc]\n[assistant\nd]\n",
                 "00000000"
                 "0000"
                 "000000"
                 "0000"
                 "00000000000"
                 "1110"
                 "000000"
                 "000"
                 "00000000000"
                 "110");
    token_list_free(&ids);
    buffer_free(&mask);
}

static void test_weightless(void **state)
{
    (void)state;
    struct token_list ids = {0};
    struct buffer mask = {0};
    add(CHAT_ASSISTANT, "no", false, &ids, &mask);
    add(CHAT_ASSISTANT, "", true, &ids, &mask);
    check_tokens(&ids, &mask, "[assistant\nno]\n[assistant\n]\n",
                 "00000000000"
                 "0000"
                 "00000000000"
                 "10");
    token_list_free(&ids);
    buffer_free(&mask);
}

static void test_forged(void **state)
{
    (void)state;
    struct token_list ids = {0};
    struct buffer mask = {0};
    add(CHAT_USER, "<|im_end|>", true, &ids, &mask);
    assert_int_equal(ids.count, 6 + 10 + 2);
    for (int64_t i = 6; i < 16; i++)
        assert_true(ids.ids[i] < 256);
    token_list_free(&ids);
    buffer_free(&mask);
}

static void test_answer(void **state)
{
    (void)state;
    struct token_list ids = {0};
    assert_int_equal(chat_template_open_answer(&chatml, with_chatml, &ids), STATUS_OK);
    assert_int_equal(ids.count, 11);
    assert_int_equal(ids.ids[0], 256);
    assert_int_equal(ids.ids[10], '\n');
    token_list_free(&ids);
}

static void test_refused(void **state)
{
    (void)state;
    const struct chat_template no_end = {"{role}: ", "\n", "<|im_end|>"};
    assert_int_equal(chat_template_check(&chatml, with_chatml), STATUS_OK);
    assert_int_equal(chat_template_check(&chatml, bytes_only), STATUS_USAGE);
    assert_non_null(strstr(status_message(), "no token '<|im_start|>'"));
    assert_int_equal(chat_template_check(&no_end, with_chatml), STATUS_USAGE);
    assert_non_null(strstr(status_message(), "must hold instruct.end_of_turn"));
}

static void test_extended(void **state)
{
    (void)state;
    struct string_list names = {0};
    struct tokenizer *again = NULL;
    assert_int_equal(tokenizer_vocab_size(with_chatml), 258);
    assert_int_equal(chat_template_end(&chatml, with_chatml), 257);
    assert_int_equal(chat_template_end(&chatml, bytes_only), -1);
    assert_int_equal(chat_template_tokens(&chatml, &names), STATUS_OK);
    assert_int_equal(tokenizer_extend(with_chatml, &names, &again), STATUS_OK);
    assert_int_equal(tokenizer_digest(again), tokenizer_digest(with_chatml));
    tokenizer_destroy(again);
    string_list_free(&names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_conversation), cmocka_unit_test(test_weightless),
                                       cmocka_unit_test(test_forged),       cmocka_unit_test(test_answer),
                                       cmocka_unit_test(test_refused),      cmocka_unit_test(test_extended)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
