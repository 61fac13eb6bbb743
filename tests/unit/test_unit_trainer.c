/* Vocabularies of words and of characters: which units stay, which ids they get, what is unknown, and that
 * their files give the same tokenizer back. */
#include "llmpi/text/unit_trainer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Learns from a text; `special` may be NULL. */
static struct tokenizer *learn(enum vocabulary_kind kind, const char *text, size_t length, int64_t vocab_size,
                               int64_t min_frequency, const char *special, struct unit_report *report)
{
    struct word_counts *counts = NULL;
    struct string_list specials = {0};
    struct tokenizer *tokenizer = NULL;
    const struct unit_settings settings = {kind, vocab_size, min_frequency, &specials};
    if (special != NULL)
        assert_int_equal(string_list_add(&specials, special), STATUS_OK);
    assert_int_equal(word_counts_create(&counts), STATUS_OK);
    for (const char *end = text + length; text < end;) /* in steps, as a caller with little memory does */
        assert_int_equal(unit_count_text(counts, kind, &text, end, 2), STATUS_OK);
    if (unit_train(counts, &settings, report, &tokenizer) != STATUS_OK)
        assert_null(tokenizer);
    word_counts_destroy(counts);
    string_list_free(&specials);
    return tokenizer;
}

/* The tokens in the order of their ids, joined by '|'. */
static void check_tokens(const struct tokenizer *tokenizer, const char *expected)
{
    struct buffer joined = {0};
    assert_non_null(tokenizer);
    for (int64_t id = 0; id < tokenizer_vocab_size(tokenizer); id++) {
        size_t length = 0;
        const char *token = tokenizer_token(tokenizer, (uint32_t)id, &length);
        assert_int_equal(buffer_printf(&joined, "%s%.*s", id > 0 ? "|" : "", (int)length, token), STATUS_OK);
    }
    assert_string_equal(joined.data, expected);
    buffer_free(&joined);
}

static void check_learnt(enum vocabulary_kind kind, const char *text, int64_t vocab_size,
                         int64_t min_frequency, const char *special, const char *expected)
{
    struct tokenizer *tokenizer = learn(kind, text, strlen(text), vocab_size, min_frequency, special, NULL);
    check_tokens(tokenizer, expected);
    tokenizer_destroy(tokenizer);
}

static void test_ids(void **state)
{
    (void)state;
    check_learnt(VOCABULARY_WORD, "b a B a, \xC3\xA9 z", 100, 1, "<|endoftext|>",
                 ",|B|a|b|z|\xC3\xA9|<|unk|>|<|endoftext|>");
    check_learnt(VOCABULARY_WORD, "b a", 100, 1, "<|unk|>", "a|b|<|unk|>");
    check_learnt(VOCABULARY_WORD, "b a", 100, 1, NULL, "a|b|<|unk|>");
    check_learnt(VOCABULARY_CHARACTER,
                 "ba\xC3\xA9 \xF0\x9F\x98\x80"
                 "ab",
                 100, 1, "<|endoftext|>", "<|unk|>| |a|b|\xC3\xA9|\xF0\x9F\x98\x80|<|endoftext|>");
}

static void test_limits(void **state)
{
    (void)state;
    /* c 3 times, a and b twice, d once: ties go to the smaller text */
    check_learnt(VOCABULARY_WORD, "c b a c b a c d", 4, 1, "<s>", "a|c|<|unk|>|<s>");
    check_learnt(VOCABULARY_WORD, "c b a c b a c d", 100, 2, "<s>", "a|b|c|<|unk|>|<s>");
    check_learnt(VOCABULARY_CHARACTER, "cbacbacd", 4, 1, "<s>", "<|unk|>|a|c|<s>");
    check_learnt(VOCABULARY_CHARACTER, "cbacbacd", 100, 3, "<s>", "<|unk|>|c|<s>");
    /* what is spelled like a special token stays text, and text has no token of that name */
    check_learnt(VOCABULARY_WORD, "a <s> <|unk|> a", 100, 1, "<s>", "a|<|unk|>|<s>");
    assert_null(learn(VOCABULARY_WORD, "a", 1, 2, 1, "<s>", NULL));
    assert_non_null(strstr(status_message(), "a vocabulary of 2, allowed are 3"));
}

static void test_report(void **state)
{
    (void)state;
    struct unit_report report;
    tokenizer_destroy(learn(VOCABULARY_WORD, "c b a c b a c d", 15, 4, 1, "<s>", &report));
    assert_int_equal(report.units, 4);
    assert_int_equal(report.occurrences, 8);
    assert_int_equal(report.unknown_units, 2);
    assert_int_equal(report.unknown_occurrences, 3);
    tokenizer_destroy(learn(VOCABULARY_CHARACTER, "a\xFF\0b", 4, 100, 1, NULL, &report));
    assert_int_equal(report.units, 2);
    assert_int_equal(report.unknown_units, 0);
}

static void check_characters(struct tokenizer *tokenizer)
{
    static const char text[] = "<s>ba\xFF\xE2\x82?\0<s";
    const uint32_t expected[] = {4, 2, 1, 0, 0, 0, 0, 0, 0, 3};
    struct token_list list = {0};
    struct buffer out = {0};
    assert_int_equal(tokenizer_encode(tokenizer, text, sizeof text - 1, true, &list), STATUS_OK);
    assert_int_equal(list.count, 10);
    assert_memory_equal(list.ids, expected, sizeof expected);
    assert_int_equal(tokenizer_decode(tokenizer, expected, 4, &out), STATUS_OK);
    assert_string_equal(out.data, "<s>ba<|unk|>");
    assert_true(tokenizer_may_follow(tokenizer, "a", 1));
    token_list_free(&list);
    buffer_free(&out);
}

static void test_characters(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = learn(VOCABULARY_CHARACTER, "abs", 3, 100, 1, "<s>", NULL);
    check_characters(tokenizer);
    tokenizer_destroy(tokenizer);
}

/* Written, parsed and written again. */
static void check_file(struct tokenizer *tokenizer)
{
    struct buffer text = {0}, again = {0};
    struct tokenizer *parsed = NULL;
    assert_int_equal(tokenizer_write(tokenizer, &text), STATUS_OK);
    if (tokenizer_parse(text.data, text.length, "test", &parsed) != STATUS_OK)
        fail_msg("%s", status_message());
    assert_int_equal(tokenizer_write(parsed, &again), STATUS_OK);
    assert_string_equal(text.data, again.data);
    assert_true(tokenizer_digest(parsed) == tokenizer_digest(tokenizer));
    assert_string_equal(tokenizer_kind_name(parsed), tokenizer_kind_name(tokenizer));
    assert_int_equal(tokenizer_unknown(parsed), tokenizer_unknown(tokenizer));
    tokenizer_destroy(parsed);
    tokenizer_destroy(tokenizer);
    buffer_free(&text);
    buffer_free(&again);
}

static void test_files(void **state)
{
    (void)state;
    static const char text[] = "a \"quoted\" back\\slash, \x01 control, na\xC3\xAFve \xF0\x9F\x98\x80";
    check_file(learn(VOCABULARY_WORD, text, sizeof text - 1, 100, 1, "<|im_end|>", NULL));
    check_file(learn(VOCABULARY_CHARACTER, text, sizeof text - 1, 100, 1, "<pad>", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ids), cmocka_unit_test(test_limits),
                                       cmocka_unit_test(test_report), cmocka_unit_test(test_characters),
                                       cmocka_unit_test(test_files)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
