/* Each quality rule with hand-made texts: the figure that it finds is known, a threshold at that figure keeps
 * or rejects as the rule says, and a threshold a little further on does the opposite. */
#include "llmpi/config/options.h"
#include "llmpi/prepare/quality.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The defaults with every rule off. */
static void all_off(struct config *config)
{
    assert_int_equal(config_load(config, NULL, NULL), STATUS_OK);
    for (enum rule rule = RULE_KEPT + 1; rule < RULES; rule++) {
        char name[96];
        snprintf(name, sizeof name, "clean.%s", rule_name(rule));
        const struct option *option = option_find(name);
        assert_non_null(option);
        const char *off = option->type == OPTION_BOOLEAN ? "false" : "0";
        assert_int_equal(option_set_text(option, config, off, "test"), STATUS_OK);
    }
}

static void set(struct config *config, enum rule rule, double threshold)
{
    char name[96], value[64];
    snprintf(name, sizeof name, "clean.%s", rule_name(rule));
    const struct option *option = option_find(name);
    snprintf(value, sizeof value, "%.17g", threshold);
    if (option->type == OPTION_BOOLEAN)
        snprintf(value, sizeof value, "%s", threshold > 0 ? "true" : "false");
    assert_int_equal(option_set_text(option, config, value, "test"), STATUS_OK);
}

static enum rule judge(const struct config *config, const char *text, double score, double *figure)
{
    struct quality quality = {.options = &config->clean};
    struct verdict verdict;
    size_t length = strlen(text);
    assert_int_equal(quality_judge(&quality, score, &text, &length, &verdict), STATUS_OK);
    *figure = verdict.figure;
    quality_free(&quality);
    return verdict.rule;
}

/* A rule that rejects figures below (or above) the threshold, `inclusive`: and the threshold itself. */
struct expectation {
    enum rule rule;
    const char *text;
    double figure;
    bool below, inclusive;
};

static void check(const struct expectation *wanted)
{
    double step = 1e-9, figure;
    for (int beyond = -1; beyond <= 1; beyond++) {
        struct config config;
        double threshold = wanted->figure + beyond * step;
        bool rejected = beyond == 0 ? wanted->inclusive : (beyond > 0) == wanted->below;
        all_off(&config);
        set(&config, wanted->rule, threshold);
        enum rule rule = judge(&config, wanted->text, NAN, &figure);
        if (rule != (rejected ? wanted->rule : RULE_KEPT))
            fail_msg("%s with threshold %.12g gives %s to '%.60s'", rule_name(wanted->rule), threshold,
                     rule_name(rule), wanted->text);
        if (rejected && fabs(figure - wanted->figure) > 1e-12)
            fail_msg("%s found %.12g, not %.12g, in '%.60s'", rule_name(wanted->rule), figure, wanted->figure,
                     wanted->text);
        config_free(&config);
    }
}

/* Words and characters are counted by hand. */
static void test_gopher_quality(void **state)
{
    (void)state;
    static const struct expectation cases[] = {
        {RULE_MIN_WORDS, "one two  three\nfour\t-\u00a0six", 6, true, false},
        {RULE_MAX_WORDS, "one two three", 3, false, false},
        {RULE_MIN_WORD_LENGTH, "a bb ccc \u00e4\u00f6\u00fc\u4e16", 10.0 / 4, true, false},
        {RULE_MAX_WORD_LENGTH, "a bb ccc \u00e4\u00f6\u00fc\u4e16", 10.0 / 4, false, false},
        {RULE_ALPHABETIC_WORDS, "a1 22 \u00e9 \u2014 \u4e16 --- 3,4 x", 4.0 / 8, true, false},
        {RULE_STOP_WORDS, "The the THE, \"of\" other theory", 2, true, false},
        {RULE_STOP_WORDS, "the be to of and that have with", 8, true, false},
        {RULE_HASHES, "#a ## b c d", 3.0 / 5, false, false},
        {RULE_ELLIPSES, "a... b\u2026 c.. d.... e", 3.0 / 5, false, false},
        {RULE_BULLET_LINES, "\u2022 a\n\n  - b\nc -\n d", 2.0 / 4, false, false},
        {RULE_ELLIPSIS_LINES, "a...  \nb\u2026\nc..\n... d\n", 2.0 / 4, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(&cases[i]);
}

static void test_gopher_repetition(void **state)
{
    (void)state;
    static const struct expectation cases[] = {
        {RULE_DUPLICATE_LINES, "aa\n bb \n\naa\ncc\nbb", 2.0 / 5, false, false},
        {RULE_DUPLICATE_LINE_CHARACTERS, "aa\nbbbb\naa\ncc\nbbbb", 6.0 / 18, false, false},
        {RULE_DUPLICATE_PARAGRAPHS, "aa\nb\n\naa\nb\n \nb", 1.0 / 3, false, false},
        {RULE_DUPLICATE_PARAGRAPH_CHARACTERS, "aa\nb\n\naa\nb\n\nb", 4.0 / 13, false, false},
        /* "a b" twice, overlapping with nothing: 2 x 3 characters of 15 */
        {RULE_TOP_2_GRAM, "a b c d a b e f", 6.0 / 15, false, false},
        /* "a a" four times, 4 x 3 of 9: what overlaps counts twice */
        {RULE_TOP_2_GRAM, "a a a a a", 12.0 / 9, false, false},
        /* both twice: the first one counts */
        {RULE_TOP_2_GRAM, "a bb c dddd x a bb y c dddd", 8.0 / 27, false, false},
        {RULE_TOP_3_GRAM, "a b c x a b c y a b c z", 15.0 / 23, false, false},
        {RULE_TOP_4_GRAM, "a b c d x a b c d", 14.0 / 17, false, false},
        /* letters of the second "a b c d e" */
        {RULE_DUPLICATE_5_GRAMS, "a b c d e x a b c d e", 5.0 / 21, false, false},
        /* 12 equal words: found at 1 and 6, then one word is left and no run begins */
        {RULE_DUPLICATE_5_GRAMS,
         "\u00e4 \u00e4 \u00e4 \u00e4 \u00e4 \u00e4 \u00e4 \u00e4 \u00e4 \u00e4 "
         "\u00e4 \u00e4",
         10.0 / 23, false, false},
        {RULE_DUPLICATE_6_GRAMS, "a b c d e f g x a b c d e f g", 6.0 / 29, false, false},
        {RULE_DUPLICATE_7_GRAMS, "a b c d e f g a b c d e f g", 7.0 / 27, false, false},
        {RULE_DUPLICATE_8_GRAMS, "a b c d e f g h a b c d e f g h", 8.0 / 31, false, false},
        {RULE_DUPLICATE_9_GRAMS, "a b c d e f g h i a b c d e f g h i", 9.0 / 35, false, false},
        {RULE_DUPLICATE_10_GRAMS, "a b c d e f g h i j a b c d e f g h i j", 10.0 / 39, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(&cases[i]);
}

static void test_c4(void **state)
{
    (void)state;
    static const struct expectation cases[] = {
        {RULE_SENTENCES, "One two three. Four! \"Five?\" Six (so it is.) Seven", 5, true, false},
        {RULE_SENTENCES, "Mr J. Smith has 3.5 apples e.g. red ones... which he eats", 1, true, false},
        {RULE_SENTENCES, "one two three\nfour five six\ntoo short", 2, true, false},
        {RULE_SENTENCES, "Enable JavaScript to go on.\nRead our Privacy Policy now.\nIt works. Yes.", 2, true,
         false},
        {RULE_SENTENCES, "We use cookies. So.\nOne two three.\nall cookies are eaten", 2, true, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(&cases[i]);
    static const struct {
        enum rule rule;
        const char *text;
        bool rejected;
    } found[] = {
        {RULE_LOREM_IPSUM, "so Lorem IPSUM dolor", true}, {RULE_LOREM_IPSUM, "lorem, ipsum", false},
        {RULE_CURLY_BRACKET, "int main() {", true},       {RULE_CURLY_BRACKET, "int main() }", false},
        {RULE_REMOVED_LINES, "two words\nno more", true}, {RULE_REMOVED_LINES, "one two three", false},
    };
    for (size_t i = 0; i < sizeof found / sizeof *found; i++) {
        struct config config;
        double figure;
        all_off(&config);
        set(&config, found[i].rule, 1);
        assert_int_equal(judge(&config, found[i].text, NAN, &figure),
                         found[i].rejected ? found[i].rule : RULE_KEPT);
        config_free(&config);
    }
}

static void test_fineweb(void **state)
{
    (void)state;
    static const struct expectation cases[] = {
        {RULE_PUNCTUATED_LINES, "a.\nb!\nc?  \n\"d\"\n'e'\nf\ng,\nh\u201d\n", 5.0 / 8, true, true},
        /* 30 and 31 characters */
        {RULE_SHORT_LINES, "123456789 123456789 1234567890\n\n\u00e423456789 123456789 12345678901\nx",
         2.0 / 3, false, true},
        {RULE_FINEWEB_DUPLICATES, "abc\n\nx y\nabc", 3.0 / 9, false, true},
        {RULE_NEWLINES, "a b\n\nc d", 2.0 / 4, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(&cases[i]);
}

static void test_language_score(void **state)
{
    (void)state;
    struct config config;
    double figure;
    all_off(&config);
    set(&config, RULE_LANGUAGE_SCORE, 0.65);
    assert_int_equal(judge(&config, "text", 0.65, &figure), RULE_KEPT);
    assert_int_equal(judge(&config, "text", 0.6499, &figure), RULE_LANGUAGE_SCORE);
    assert_true(figure == 0.6499);
    assert_int_equal(judge(&config, "text", NAN, &figure), RULE_KEPT);
    config_free(&config);
}

/* The thresholds of the papers. */
static void test_published_thresholds(void **state)
{
    (void)state;
    struct config config;
    assert_int_equal(config_load(&config, NULL, NULL), STATUS_OK);
    const struct clean_options *o = &config.clean;
    const double found[] = {o->gopher_min_words,
                            o->gopher_max_words,
                            o->gopher_min_word_length,
                            o->gopher_max_word_length,
                            o->gopher_min_alphabetic_words,
                            o->gopher_min_stop_words,
                            o->gopher_max_hashes,
                            o->gopher_max_ellipses,
                            o->gopher_max_bullet_lines,
                            o->gopher_max_ellipsis_lines,
                            o->gopher_max_duplicate_lines,
                            o->gopher_max_duplicate_line_characters,
                            o->gopher_max_duplicate_paragraphs,
                            o->gopher_max_duplicate_paragraph_characters,
                            o->gopher_max_top_2_gram,
                            o->gopher_max_top_3_gram,
                            o->gopher_max_top_4_gram,
                            o->gopher_max_duplicate_5_grams,
                            o->gopher_max_duplicate_6_grams,
                            o->gopher_max_duplicate_7_grams,
                            o->gopher_max_duplicate_8_grams,
                            o->gopher_max_duplicate_9_grams,
                            o->gopher_max_duplicate_10_grams,
                            o->c4_min_sentences,
                            o->fineweb_min_punctuated_lines,
                            o->fineweb_max_short_lines,
                            o->fineweb_max_duplicate_line_characters};
    static const double published[] = {50,   100000, 3,    10,   0.8,  2,   0.1,  0.1,  0.9,
                                       0.3,  0.3,    0.2,  0.3,  0.2,  0.2, 0.18, 0.16, 0.15,
                                       0.14, 0.13,   0.12, 0.11, 0.10, 5,   0.12, 0.67, 0.1};
    for (size_t i = 0; i < sizeof published / sizeof *published; i++)
        assert_true(found[i] == published[i]);
    config_free(&config);
}

/* Groups are switched as a whole, and the first rule in the order of the options gives the verdict. */
static void test_groups_and_order(void **state)
{
    (void)state;
    struct config config;
    double figure;
    const char *text = "{ lorem ipsum";
    assert_int_equal(config_load(&config, NULL, NULL), STATUS_OK);
    assert_int_equal(judge(&config, text, 0.1, &figure), RULE_LANGUAGE_SCORE);
    assert_int_equal(judge(&config, text, 0.9, &figure), RULE_MIN_WORDS);
    config.clean.gopher_quality = false;
    assert_int_equal(judge(&config, text, 0.9, &figure), RULE_LOREM_IPSUM);
    config.clean.c4_quality = false;
    assert_int_equal(judge(&config, text, 0.9, &figure), RULE_PUNCTUATED_LINES);
    config.clean.fineweb_quality = false;
    assert_int_equal(judge(&config, text, 0.9, &figure), RULE_KEPT);
    config_free(&config);
}

static void expect_cleaned(const struct config *config, const char *text, const char *wanted)
{
    struct quality quality = {.options = &config->clean};
    struct verdict verdict;
    for (int judged = 0; judged < 2; judged++) {
        const char *left = text;
        size_t length = strlen(text);
        enum status status = judged ? quality_judge(&quality, NAN, &left, &length, &verdict)
                                    : quality_remove_lines(&quality, &left, &length);
        assert_int_equal(status, STATUS_OK);
        assert_int_equal(length, strlen(wanted));
        assert_memory_equal(left, wanted, length);
    }
    quality_free(&quality);
}

static void test_removed_lines(void **state)
{
    (void)state;
    struct config config;
    const char *text =
        " Home | About \n\nOne two three [1] and [edit] more [12\nplease enable JAVASCRIPT now\n";
    all_off(&config);
    expect_cleaned(&config, text, text);
    config.clean.c4_remove_lines = true;
    expect_cleaned(&config, text, "Home | About\nOne two three [1] and [edit] more [12");
    config.clean.c4_remove_citations = true;
    expect_cleaned(&config, text, "Home | About\nOne two three  and  more [12");
    config.clean.c4_min_line_words = 4;
    expect_cleaned(&config, text, "One two three  and  more [12");
    config.clean.c4_min_line_words = 0;
    config.clean.c4_javascript = false;
    config.clean.c4_max_word_length = 9;
    expect_cleaned(&config, text, "Home | About\nOne two three  and  more [12");
    config.clean.c4_max_word_length = 10;
    expect_cleaned(&config, text, "Home | About\nOne two three  and  more [12\nplease enable JAVASCRIPT now");
    config.clean.c4_terminal_punctuation = true;
    expect_cleaned(&config, "one two.\nthree four\nfive...\n\"six\"", "one two.\n\"six\"");
    config_free(&config);
}

static void test_explanations(void **state)
{
    (void)state;
    struct config config;
    struct buffer text = {0};
    assert_int_equal(config_load(&config, NULL, NULL), STATUS_OK);
    static const struct verdict verdicts[] = {
        {RULE_MIN_WORDS, 37}, {RULE_TOP_2_GRAM, 0.25}, {RULE_PUNCTUATED_LINES, 0.12}, {RULE_SHORT_LINES, 1}};
    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
        assert_int_equal(verdict_explain(&verdicts[i], &config.clean, &text), STATUS_OK);
        assert_int_equal(buffer_append(&text, ";", 1), STATUS_OK);
    }
    assert_string_equal(text.data, "37 < 50;0.25 > 0.2;0.12 <= 0.12;1 >= 0.67;");
    buffer_free(&text);
    config_free(&config);
}

/* Texts without words, and ones that are nothing but one thing. */
static void test_odd_texts(void **state)
{
    (void)state;
    static const char *const texts[] = {"",    " ", "\n\n\n", "\u3000\u2003", ".",
                                        "...", "[", "\u00e9", "{\n\n{"};
    struct config config;
    double figure;
    for (int on = 0; on < 2; on++) {
        if (on)
            assert_int_equal(config_load(&config, NULL, NULL), STATUS_OK);
        else
            all_off(&config);
        config.clean.gopher_min_words = 0;
        config.clean.c4_remove_lines = config.clean.c4_remove_citations = on;
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
            enum rule rule = judge(&config, texts[i], NAN, &figure);
            assert_int_equal(rule != RULE_KEPT, on);
        }
        config_free(&config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gopher_quality),
        cmocka_unit_test(test_gopher_repetition),
        cmocka_unit_test(test_c4),
        cmocka_unit_test(test_fineweb),
        cmocka_unit_test(test_language_score),
        cmocka_unit_test(test_published_thresholds),
        cmocka_unit_test(test_groups_and_order),
        cmocka_unit_test(test_removed_lines),
        cmocka_unit_test(test_explanations),
        cmocka_unit_test(test_odd_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
