/* Words: the published example of the simple tokenizer with ids counted by hand, separators and white space
 * one by one, and decoding as a list and token by token. Python's re is the judge on real texts in
 * tests/run/tokenizer_kinds.py. */
#include "llmpi/text/unit_trainer.h"
#include "llmpi/text/word_encoder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Distinct words in the order of their bytes: !0 "1 '2 (3 )4 ,5 --6 .7 ?8 Do9 I10 a11 but12 do13 don14 good15
 * is16 like17 no18 painter19 t20 tea21 test22 this23 you24 <|unk|>25 <|endoftext|>26. */
static const char text[] = "Do you like this, no? I do -- but, \"a good painter\" is a test!\n(tea) don't.";
enum { UNKNOWN = 25, END = 26 };

static struct tokenizer *words;

static int set_up(void **state)
{
    (void)state;
    const char *next = text;
    struct word_counts *counts = NULL;
    struct string_list specials = {0};
    const struct unit_settings settings = {VOCABULARY_WORD, 1000, 1, &specials};
    int failed =
        string_list_add(&specials, "<|endoftext|>") != STATUS_OK ||
        word_counts_create(&counts) != STATUS_OK ||
        unit_count_text(counts, VOCABULARY_WORD, &next, next + strlen(next), INT64_MAX) != STATUS_OK ||
        unit_train(counts, &settings, NULL, &words) != STATUS_OK;
    word_counts_destroy(counts);
    string_list_free(&specials);
    return failed ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    tokenizer_destroy(words);
    return 0;
}

/* The words joined by '|'. */
static void split(const char *input, const char *expected)
{
    char joined[256] = "";
    size_t at = 0, length = 0;
    const char *end = input + strlen(input), *word = NULL;
    while (word_next(&input, end, &word, &length)) {
        assert_true(at + length + 2 < sizeof joined);
        if (at > 0)
            joined[at++] = '|';
        memcpy(joined + at, word, length);
        joined[at += length] = '\0';
    }
    assert_string_equal(joined, expected);
}

static void test_split(void **state)
{
    (void)state;
    split("", "");
    split(" \t\n\v\f\r", "");
    split("Hello, world. Is this-- a test?", "Hello|,|world|.|Is|this|--|a|test|?");
    split("a-b --- c----d -", "a-b|--|-|c|--|--|d|-");
    split("it's (so_called) \"x\"; y: z!", "it|'|s|(|so|_|called|)|\"|x|\"|;|y|:|z|!");
    split("na\xC3\xAFve\xC2\xA0word\xE2\x80\x83"
          "end\xE3\x80\x80",
          "na\xC3\xAFve|word|end");
    split("a\x1C"
          "b\x1D"
          "c\x1E"
          "d\x1F"
          "e\xC2\x85"
          "f\xE2\x80\xA8g",
          "a|b|c|d|e|f|g");
    split("a\xE1\xA0\x8E"
          "b a\xE2\x80\x8B"
          "b",
          "a\xE1\xA0\x8E"
          "b|a\xE2\x80\x8B"
          "b"); /* no white space */
    split("ab\xFF"
          "cd \xC3",
          "ab|\xFF|cd|\xC3");
    split("<|endoftext|>", "<|endoftext|>");
}

static void check_ids(const char *input, size_t length, bool special, const uint32_t *expected, int64_t count)
{
    struct token_list list = {0};
    assert_int_equal(tokenizer_encode(words, input, length, special, &list), STATUS_OK);
    assert_int_equal(list.count, count);
    if (count > 0)
        assert_memory_equal(list.ids, expected, (size_t)count * sizeof *expected);
    token_list_free(&list);
}

static void test_ids(void **state)
{
    (void)state;
    assert_int_equal(tokenizer_vocab_size(words), 27);
    assert_int_equal(tokenizer_unknown(words), UNKNOWN);
    const uint32_t hello[] = {UNKNOWN, 5, 13, 24, 17, 21, 8, UNKNOWN, 23, 6, 11, 22, 8};
    static const char published[] = "Hello, do you like tea? Is this-- a test?";
    check_ids(published, strlen(published), false, hello, 13);
    const uint32_t end[] = {21, 8, END, 10, 13};
    check_ids("tea? <|endoftext|> I do", 23, true, end, 5);
    const uint32_t plain[] = {21, 8, UNKNOWN, 10, 13};
    check_ids("tea? <|endoftext|> I do", 23, false, plain, 5);
    const uint32_t invalid[] = {UNKNOWN, 13, UNKNOWN, UNKNOWN, 21};
    check_ids("\xFF"
              "do\xC3\xE2tea",
              8, false, invalid, 5);
    check_ids("do\0do", 5, false, (const uint32_t[]){13, UNKNOWN, 13}, 3);
    check_ids("", 0, true, NULL, 0);
}

static void test_decode(void **state)
{
    (void)state;
    static const char input[] = "(tea) -- \"you\" , don't like ; <|endoftext|> I ?";
    static const char expected[] = "( tea) --\" you\", don' t like <|unk|> <|endoftext|> I?";
    struct token_list list = {0};
    struct buffer whole = {0}, pieces = {0};
    assert_int_equal(tokenizer_encode(words, input, strlen(input), true, &list), STATUS_OK);
    assert_int_equal(tokenizer_decode(words, list.ids, list.count, &whole), STATUS_OK);
    assert_string_equal(whole.data, expected);
    for (int64_t i = 0; i < list.count; i++)
        assert_int_equal(tokenizer_decode_next(words, list.ids[i], i == 0, &pieces), STATUS_OK);
    assert_string_equal(pieces.data, expected);
    assert_int_equal(tokenizer_decode_next(words, 27, true, &pieces), STATUS_FAILED);
    buffer_free(&whole);
    buffer_free(&pieces);
    token_list_free(&list);
}

/* Where generated words continue a prompt. */
static void test_may_follow(void **state)
{
    (void)state;
    assert_true(tokenizer_may_follow(words, "", 0));
    assert_true(tokenizer_may_follow(words, "a\n", 2));
    assert_true(tokenizer_may_follow(words, "a\xE2\x80\x83", 4));
    assert_false(tokenizer_may_follow(words, "a", 1));
    assert_false(tokenizer_may_follow(words, "\x80\x80\x80\x80\x80", 5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_split), cmocka_unit_test(test_ids),
                                       cmocka_unit_test(test_decode), cmocka_unit_test(test_may_follow)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
