/* Splitting: the cases of the patterns one by one, patterns of one's own, every kind of white space, invalid
 * bytes, and runs that are longer than a recursive or quadratic splitter survives. */
#include "llmpi/base/buffer.h"
#include "llmpi/base/file.h"
#include "llmpi/base/random.h"
#include "llmpi/base/utf8.h"
#include "llmpi/text/character_class.h"
#include "llmpi/text/pretokenize.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct pretokenizer *pretokenizer;

static int set_up(void **state)
{
    (void)state;
    return pretokenizer_create(NULL, &pretokenizer) == STATUS_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    pretokenizer_destroy(pretokenizer);
    return 0;
}

/* The words joined by '|'. */
static void check(const char *text, const char *expected)
{
    char joined[256] = "";
    size_t at = 0;
    const char *word = NULL;
    size_t length = 0;
    bool more = false;
    pretokenizer_begin(pretokenizer, text, strlen(text));
    while (pretokenizer_next(pretokenizer, &word, &length, &more) == STATUS_OK && more) {
        assert_true(length > 0 && at + length + 2 < sizeof joined);
        if (at > 0)
            joined[at++] = '|';
        memcpy(joined + at, word, length);
        joined[at += length] = '\0';
    }
    assert_false(more);
    assert_string_equal(joined, expected);
}

/* The same with another pattern. */
static void check_with(const char *pattern, const char *text, const char *expected)
{
    struct pretokenizer *gpt2 = pretokenizer;
    if (pretokenizer_create(pattern, &pretokenizer) != STATUS_OK)
        fail_msg("%s", status_message());
    check(text, expected);
    pretokenizer_destroy(pretokenizer);
    pretokenizer = gpt2;
}

static void test_pattern(void **state)
{
    (void)state;
    check("", "");
    check("Hello world", "Hello| world");
    check("it's we're I've I'm we'll he'd can't", "it|'s| we|'re| I|'ve| I|'m| we|'ll| he|'d| can|'t");
    check("IT'S 'era", "IT|'|S| '|era"); /* contractions in lower case only */
    check("a  b", "a| | b");             /* the last space goes to the word */
    check("a   b  ", "a|  | b|  ");
    check("a\n\nb \n c", "a|\n|\n|b| \n| c");
    check("x1y22 333!?  ...", "x|1|y|22| 333|!?| | ...");
    check("nach\xC3\xB6l Stra\xC3\x9F"
          "e",
          "nach\xC3\xB6l| Stra\xC3\x9F"
          "e");
    check("\xC2\xBD\xE2\x85\xAB 4", "\xC2\xBD\xE2\x85\xAB| 4"); /* numbers of the kinds No and Nl */
}

/* Unicode's White_Space: U+0085, U+00A0, U+2003, U+3000 have it; U+180E, U+200B, U+FEFF and U+001C do not. */
static void test_white_space(void **state)
{
    (void)state;
    check("a\xC2\x85"
          "b",
          "a|\xC2\x85|b");
    check("a\xC2\xA0"
          "b",
          "a|\xC2\xA0|b");
    check("a\xE2\x80\x83\xE3\x80\x80"
          "b",
          "a|\xE2\x80\x83|\xE3\x80\x80|b");
    check("a \xE1\xA0\x8E!", "a| \xE1\xA0\x8E!");
    check("a \xE2\x80\x8B\xEF\xBB\xBF\x1C!", "a| \xE2\x80\x8B\xEF\xBB\xBF\x1C!");
}

static void test_cl100k(void **state)
{
    (void)state;
    check_with("cl100k", "IT'S it's we'RE 'era", "IT|'S| it|'s| we|'RE| '|era");
    check_with("cl100k", "12345 6", "123|45| |6");
    check_with("cl100k", "\tint x=(y);\n\n  z", "\tint| x|=(|y|);\n\n| | z");
    check_with("cl100k", "a  \n \n   b", "a|  \n \n|  | b");
    check_with("cl100k", "a \r\n", "a| \r\n");
    check_with("cl100k", "it'\xC5\xBFx", "it|'\xC5\xBF|x"); /* U+017F is an s without case */
    check_with("cl100k",
               "a\xC2\xA0"
               "b  ",
               "a|\xC2\xA0"
               "b|  ");
}

/* Text that is not matched is a word; an empty match is a border; look-behind sees the text before. */
static void test_own_pattern(void **state)
{
    (void)state;
    check_with("[a-z]+", "ab12cd!", "ab|12|cd|!");
    check_with("zzz", "ab12", "ab12");
    check_with("(?=[A-Z])", "oneTwoThree", "one|Two|Three");
    check_with("a*", "baac", "b|aa|c");
    check_with("|\xC3\xA9", "x\xC3\xA9\xC3\xA9y", "x|\xC3\xA9|\xC3\xA9|y");
    check_with("(?<=a)b", "abbab", "a|b|ba|b");
    check_with("(?<=a)b",
               "a\xFF"
               "b",
               "a|\xFF|b");
    check_with("\\s", "a b\xE2\x80\x83\xC3\xA9", "a| |b|\xE2\x80\x83|\xC3\xA9");
    check_with("(a)|(b)|(c)|(d)|(e)", "xeay", "x|e|a|y");
    check_with("a\\Kb", "xabab", "xa|b|a|b");
}

static void test_bad_patterns(void **state)
{
    (void)state;
    static const char *const bad[] = {"a(", "[z-a]", "\\p{Nonsense}", "a\\C", "(?<=a*)b", "\xFF"};
    struct pretokenizer *refused = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(pretokenizer_create(bad[i], &refused), STATUS_USAGE);
        assert_null(refused);
        assert_non_null(strstr(status_message(), "does not compile"));
    }
    assert_int_equal(pretokenizer_create("ab(", &refused), STATUS_USAGE);
    assert_non_null(strstr(status_message(), "missing closing parenthesis at its byte 3"));
}

/* Backtracking without end is an error, not a hang; a repeat that needs stack per character has it. */
static void test_expensive_patterns(void **state)
{
    (void)state;
    struct pretokenizer *slow = NULL;
    const char *word = NULL;
    size_t length = 0, size = 100000;
    bool more = false;
    assert_int_equal(pretokenizer_create("(?:a+)+$", &slow), STATUS_OK);
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, 'a', size);
    text[40] = 'b';
    pretokenizer_begin(slow, text, 41);
    assert_int_equal(pretokenizer_next(slow, &word, &length, &more), STATUS_FAILED);
    assert_non_null(strstr(status_message(), "match limit"));
    pretokenizer_destroy(slow);
    text[40] = 'a';
    assert_int_equal(pretokenizer_create("(?:a|b)+", &slow), STATUS_OK);
    pretokenizer_begin(slow, text, size);
    assert_int_equal(pretokenizer_next(slow, &word, &length, &more), STATUS_OK);
    assert_int_equal(length, size);
    pretokenizer_destroy(slow);
    free(text);
}

/* An invalid byte is a word; a cut character, a surrogate and an overlong form are invalid bytes. */
static void test_invalid_bytes(void **state)
{
    (void)state;
    check("ab\xFF"
          "cd",
          "ab|\xFF|cd");
    check("\xC3", "\xC3");
    check("a\xED\xA0\x80z", "a|\xED|\xA0|\x80|z");
    check("\xC0\xAF \xF5", "\xC0|\xAF| |\xF5");
}

static int64_t count_words(const char *text, size_t length)
{
    int64_t count = 0;
    size_t sum = 0;
    const char *word = NULL;
    bool more = true;
    pretokenizer_begin(pretokenizer, text, length);
    while (more) {
        size_t size = 0;
        assert_int_equal(pretokenizer_next(pretokenizer, &word, &size, &more), STATUS_OK);
        assert_true(!more || word == text + sum);
        sum += size;
        count += more;
    }
    assert_int_equal(sum, length);
    return count;
}

static void test_long_runs(void **state)
{
    (void)state;
    size_t length = 4 << 20;
    char *text = malloc(length);
    assert_non_null(text);
    static const struct {
        char byte;
        int64_t words;
    } runs[] = {{'a', 1}, {'7', 1}, {'!', 1}, {'\n', 1}, {' ', 1}, {(char)0xFF, 4 << 20}};
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        memset(text, runs[i].byte, length);
        assert_int_equal(count_words(text, length), runs[i].words);
    }
    memset(text, ' ', length);
    text[length - 1] = 'x'; /* all spaces but one, then " x" */
    assert_int_equal(count_words(text, length), 2);
    free(text);
}

/* Random bytes, and random characters of few kinds so that all borders occur: words cover the text. */
static void test_random_bytes(void **state)
{
    (void)state;
    static const char kinds[] = "a '\n1.\xC3\xA9";
    char text[512];
    for (uint64_t round = 0; round < 400; round++) {
        for (size_t i = 0; i < sizeof text; i++) {
            uint64_t bits = random_bits(1, 0, round * sizeof text + i);
            text[i] = round % 2 == 0 ? (char)bits : kinds[bits % (sizeof kinds - 1)];
        }
        count_words(text, sizeof text);
    }
}

/* --- the regular expressions as judges of the hand-written splitters --- */

static const struct {
    const char *name, *expression;
} judged[] = {
    {"gpt2", "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^" WHITE_SPACE "\\p{L}\\p{N}]+"
             "|[" WHITE_SPACE "]+(?![^" WHITE_SPACE "])|[" WHITE_SPACE "]+"},
    {"cl100k", "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"
               "| ?[^" WHITE_SPACE "\\p{L}\\p{N}]+[\\r\\n]*|[" WHITE_SPACE "]*[\\r\\n]+"
               "|[" WHITE_SPACE "]+(?![^" WHITE_SPACE "])|[" WHITE_SPACE "]+"},
};
enum { JUDGED = sizeof judged / sizeof *judged };
static struct pretokenizer *splitters[JUDGED], *judges[JUDGED];

static int set_up_judges(void **state)
{
    (void)state;
    int failed = 0;
    for (int i = 0; i < JUDGED; i++)
        failed |= pretokenizer_create(judged[i].name, &splitters[i]) != STATUS_OK ||
                  pretokenizer_create(judged[i].expression, &judges[i]) != STATUS_OK;
    return failed ? -1 : 0;
}

static int tear_down_judges(void **state)
{
    (void)state;
    for (int i = 0; i < JUDGED; i++) {
        pretokenizer_destroy(splitters[i]);
        pretokenizer_destroy(judges[i]);
    }
    return 0;
}

/* Word for word. The text is copied to memory of just its size, so that reading behind it is found out. */
static void judge(const char *bytes, size_t length)
{
    char *text = malloc(length > 0 ? length : 1);
    assert_non_null(text);
    memcpy(text, bytes, length);
    for (int i = 0; i < JUDGED; i++) {
        const char *word = NULL, *expected = NULL;
        size_t size = 0, expected_size = 0;
        bool more = true, expected_more = true;
        pretokenizer_begin(splitters[i], text, length);
        pretokenizer_begin(judges[i], text, length);
        while (more) {
            assert_int_equal(pretokenizer_next(splitters[i], &word, &size, &more), STATUS_OK);
            assert_int_equal(pretokenizer_next(judges[i], &expected, &expected_size, &expected_more),
                             STATUS_OK);
            if (more != expected_more || word != expected || size != expected_size)
                fail_msg("%s: at byte %td of %zu, '%.*s' instead of '%.*s'", judged[i].name, expected - text,
                         length, (int)size, word, (int)expected_size, expected);
        }
    }
    free(text);
}

/* Runs of characters of every kind, long enough for the block-wise code, with few kinds in each text so that
 * all pairs and triples occur at all places of a block. */
static void test_judged_random(void **state)
{
    (void)state;
    static const char *const kinds[] = {
        "a",
        "t",
        "S",
        "ll",
        "re",
        "VE",
        "d",
        "m",
        "'",
        "'",
        "'s",
        " ",
        " ",
        "  ",
        "\n",
        "\r",
        "\t",
        "\f",
        "\x1F",
        "\x7F",
        "7",
        "42",
        "!",
        "@[`{/:",
        "the",
        "(",
        "\xC3\xA9",
        "\xC2\x85",
        "\xC2\xA0",
        "\xE1\xA0\x8E",
        "\xE3\x80\x80",
        "\xE2\x80\x83",
        "\xC2\xBD",
        "\xE2\x85\xAB",
        "\xE2\x80\x99",
        "\xC5\xBF",
        "\xCC\x81",
        "\xD9\xA3",
        "\xE4\xB8\xAD",
        "\xF0\x9F\x98\x80",
        "\xF0\x9D\x9F\x98",
        "\xEF\xBB\xBF",
        "\xFF",
        "\xE2\x82",
        "\xED\xA0\x80",
        "",
    };
    enum { KINDS = sizeof kinds / sizeof *kinds, LONGEST = 300 };
    char text[LONGEST + 8];
    for (uint64_t round = 0; round < 30000; round++) {
        size_t length = 0, wanted = random_bits(5, 0, round) % LONGEST;
        const char *few[6];
        for (uint64_t i = 0; i < 6; i++) /* every other text is of ASCII */
            few[i] = kinds[random_bits(5, 1, 6 * round + i) % (round % 2 == 0 ? KINDS : 26)];
        for (uint64_t i = 0; length < wanted; i++) {
            const char *next = i > wanted ? "x" : few[random_bits(5, 2, round * LONGEST + i) % 6];
            memcpy(text + length, next, strlen(next));
            length += strlen(next);
        }
        if (round % 3 == 0)
            text[length++] = '\0';
        judge(text, length);
    }
}

/* Each character of Unicode between others. */
static void test_judged_characters(void **state)
{
    (void)state;
    enum { EACH = 64 };
    char text[EACH * 32];
    for (uint32_t first = 0; first < CHARACTER_COUNT; first += EACH) {
        size_t length = 0;
        for (uint32_t character = first; character < first + EACH; character++) {
            if (character >= 0xD800 && character <= 0xDFFF)
                continue;
            static const char *const around[] = {"a", " ", "'", "1", "\n", "\xC3\xA9", " \xC2\xA0", "!"};
            const char *before = around[random_bits(6, 0, character) % 8];
            memcpy(text + length, before, strlen(before));
            length += strlen(before);
            length += (size_t)utf8_encode(character, text + length);
        }
        judge(text, length);
    }
}

static void test_judged_files(void **state)
{
    (void)state;
    static const char *const names[] = {"text/wiki-articles.txt", "gpt2-tokenizer/edge-cases.jsonl",
                                        "text/tinyshakespeare.txt", "instruct/chat-500.jsonl"};
    const char *folder = getenv("LLMPI_TEST_DATA");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[4096];
        struct buffer text = {0};
        snprintf(path, sizeof path, "%s/%s", folder != NULL ? folder : "../shared/data", names[i]);
        if (!file_exists(path)) {
            print_message("skipped: there is no %s\n", path);
            skip();
        }
        assert_int_equal(file_read(path, &text), STATUS_OK);
        judge(text.data, text.length);
        buffer_free(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pattern),       cmocka_unit_test(test_white_space),
        cmocka_unit_test(test_cl100k),        cmocka_unit_test(test_own_pattern),
        cmocka_unit_test(test_bad_patterns),  cmocka_unit_test(test_expensive_patterns),
        cmocka_unit_test(test_invalid_bytes), cmocka_unit_test(test_long_runs),
        cmocka_unit_test(test_random_bytes),
    };
    const struct CMUnitTest judgements[] = {cmocka_unit_test(test_judged_random),
                                            cmocka_unit_test(test_judged_characters),
                                            cmocka_unit_test(test_judged_files)};
    int failed = cmocka_run_group_tests_name("patterns", tests, set_up, tear_down);
    return failed + cmocka_run_group_tests_name("hand-written splitters against PCRE2", judgements,
                                                set_up_judges, tear_down_judges);
}
