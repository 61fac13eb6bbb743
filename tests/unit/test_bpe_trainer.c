/* Learning merges: small texts worked out by hand, a plain trainer that counts everything anew for each
 * merge, and the merges that Hugging Face's library learns from tinyshakespeare. */
#include "llmpi/base/file.h"
#include "llmpi/base/random.h"
#include "llmpi/text/bpe_trainer.h"
#include "llmpi/text/vocabulary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct tokenizer *train(const struct word_counts *words, int64_t vocab_size, int64_t min_frequency)
{
    const struct bpe_settings settings = {.vocab_size = vocab_size, .min_frequency = min_frequency};
    struct tokenizer *tokenizer = NULL;
    if (bpe_train(words, &settings, true, &tokenizer) != STATUS_OK)
        fail_msg("%s", status_message());
    return tokenizer;
}

static struct word_counts *count_word(struct word_counts *words, const char *word, int64_t count)
{
    if (words == NULL)
        assert_int_equal(word_counts_create(&words), STATUS_OK);
    assert_int_equal(word_counts_add(words, word, strlen(word), count), STATUS_OK);
    return words;
}

/* The merges as "a b, ab c", in the byte alphabet. */
static void check_merges(struct word_counts *words, int64_t vocab_size, int64_t min_frequency,
                         const char *expected)
{
    struct tokenizer *tokenizer = train(words, vocab_size, min_frequency);
    const struct vocabulary *vocabulary = tokenizer_vocabulary(tokenizer);
    struct buffer text = {0};
    assert_int_equal(buffer_append(&text, "", 0), STATUS_OK);
    for (int64_t i = 0; i < vocabulary->merge_count; i++) {
        assert_int_equal(buffer_printf(&text, i > 0 ? ", " : ""), STATUS_OK);
        assert_int_equal(vocabulary_write_name(vocabulary, vocabulary->merges[i].left, &text), STATUS_OK);
        assert_int_equal(buffer_append(&text, " ", 1), STATUS_OK);
        assert_int_equal(vocabulary_write_name(vocabulary, vocabulary->merges[i].right, &text), STATUS_OK);
    }
    assert_string_equal(text.data, expected);
    buffer_free(&text);
    tokenizer_destroy(tokenizer);
    word_counts_destroy(words);
}

static void test_by_hand(void **state)
{
    (void)state;
    /* the counts of re, ar and is are 3, 2 and 2 with the words of the library's own test */
    struct word_counts *words = NULL;
    static const char *const text[] = {"roses", "are", "are", "red", "voilets", "blue", "BERT",
                                       "is",    "is",  "big", "and", "so",      "GPT-2"};
    for (size_t i = 0; i < sizeof text / sizeof *text; i++)
        words = count_word(words, text[i], 1);
    check_merges(words, 1000, 2, "r e, a re, i s");
    check_merges(count_word(count_word(NULL, "ab", 5), "cd", 5), 1000, 2, "a b, c d"); /* tie: smaller ids */
    check_merges(count_word(count_word(NULL, "ab", 5), "cd", 6), 1000, 2, "c d, a b");
    check_merges(count_word(count_word(NULL, "ab", 5), "cd", 6), 257, 2, "c d");
    check_merges(count_word(count_word(NULL, "ab", 5), "cd", 6), 1000, 6, "c d");
    check_merges(count_word(NULL, "ab", 1), 1000, 2, "");
    check_merges(count_word(NULL, "a", 100), 1000, 1, "");
}

/* Overlapping pairs: "aaaa" has three pairs a a, of which two are merged; "aaaaa" leaves its last letter. */
static void test_overlaps(void **state)
{
    (void)state;
    check_merges(count_word(NULL, "aaaa", 3), 1000, 2, "a a, aa aa");
    check_merges(count_word(NULL, "aaaaa", 3), 1000, 2, "a a, aa a, aa aaa");
    check_merges(count_word(count_word(NULL, "aaaaa", 3), "baa", 9), 1000, 2, "a a, b aa, aa a, aa aaa");
}

static void test_large_counts(void **state)
{
    (void)state;
    int64_t large = (int64_t)1 << 40;
    check_merges(count_word(count_word(NULL, "ab", large), "cd", large + 1), 1000, 2, "c d, a b");
}

/* A learnt token must not take the name of a special one. */
static void test_special_tokens(void **state)
{
    (void)state;
    struct word_counts *words = count_word(count_word(NULL, "end", 9), "de", 2);
    struct string_list specials = {0};
    assert_int_equal(string_list_add(&specials, "end"), STATUS_OK);
    const struct bpe_settings settings = {
        .vocab_size = 1000, .min_frequency = 2, .special_tokens = &specials};
    struct tokenizer *tokenizer = NULL;
    assert_int_equal(bpe_train(words, &settings, true, &tokenizer), STATUS_OK);
    assert_int_equal(tokenizer_vocab_size(tokenizer), 1 + 256 + 2); /* en or nd, and de */
    assert_true(tokenizer_is_special(tokenizer, 0));
    assert_int_equal(tokenizer_find(tokenizer, "end", 3), 0);
    tokenizer_destroy(tokenizer);
    static const char *const wrong[] = {"end", "", "\xFF", "a"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct string_list list = {0};
        assert_int_equal(string_list_add(&list, "end"), STATUS_OK);
        assert_int_equal(string_list_add(&list, wrong[i]), STATUS_OK);
        const struct bpe_settings refused = {.vocab_size = 1000, .min_frequency = 2, .special_tokens = &list};
        assert_int_equal(bpe_train(words, &refused, true, &tokenizer), STATUS_USAGE);
        string_list_free(&list);
    }
    const struct bpe_settings too_few = {.vocab_size = 256, .min_frequency = 2, .special_tokens = &specials};
    assert_int_equal(bpe_train(words, &too_few, true, &tokenizer), STATUS_USAGE);
    string_list_free(&specials);
    word_counts_destroy(words);
}

/* Pairs of bytes are always merged, longer ones when both together are shorter than the limit. */
static void test_max_token_length(void **state)
{
    (void)state;
    static const int64_t limits[] = {1, 2, 3, 4, 5, 0};
    static const size_t longest[] = {2, 2, 2, 3, 4, 9};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct word_counts *words = count_word(count_word(NULL, "abcdefghi", 9), "bcdxyz", 5);
        const struct bpe_settings settings = {
            .vocab_size = 1000, .min_frequency = 2, .max_token_length = limits[i]};
        struct tokenizer *tokenizer = NULL;
        assert_int_equal(bpe_train(words, &settings, true, &tokenizer), STATUS_OK);
        const struct vocabulary *vocabulary = tokenizer_vocabulary(tokenizer);
        size_t most = 0;
        for (int64_t id = 0; id < vocabulary->count; id++)
            most = vocabulary->tokens[id].length > most ? vocabulary->tokens[id].length : most;
        assert_int_equal(most, longest[i]);
        tokenizer_destroy(tokenizer);
        word_counts_destroy(words);
    }
}

/* The pattern is kept; bytes per token are those of the counted text, encoded. */
/* Asked before each merge: the second one does not come. */
static enum status refuse_second(void *context)
{
    int *asked = context;
    return ++*asked < 2 ? STATUS_OK : (fail)(STATUS_STOPPED, /* not the macro of cmocka */ "asked to stop");
}

static void test_check(void **state)
{
    (void)state;
    int asked = 0;
    struct word_counts *words = count_word(count_word(NULL, "ab", 5), "cd", 6);
    const struct bpe_settings settings = {
        .vocab_size = 1000, .min_frequency = 2, .check = refuse_second, .context = &asked};
    struct tokenizer *tokenizer = NULL;
    assert_int_equal(bpe_train(words, &settings, true, &tokenizer), STATUS_STOPPED);
    assert_string_equal(status_message(), "asked to stop");
    assert_int_equal(asked, 2);
    assert_null(tokenizer);
    word_counts_destroy(words);
}

static void test_results(void **state)
{
    (void)state;
    struct word_counts *words = count_word(count_word(NULL, "abab", 3), "abc", 2);
    double bytes_per_token = 0;
    const struct bpe_settings settings = {
        .vocab_size = 257, .min_frequency = 2, .pattern = "gpt2", .bytes_per_token = &bytes_per_token};
    struct tokenizer *tokenizer = NULL;
    assert_int_equal(bpe_train(words, &settings, true, &tokenizer), STATUS_OK);
    assert_string_equal(tokenizer_vocabulary(tokenizer)->pattern, "gpt2");
    assert_true(bytes_per_token == (4.0 * 3 + 3 * 2) / (2 * 3 + 2 * 2)); /* ab ab; ab c */
    tokenizer_destroy(tokenizer);
    word_counts_destroy(words);
}

/* --- against a plain trainer --- */

enum { WORDS = 60, LETTERS = 40, TOKENS = 320 };

struct plain_word {
    uint32_t ids[LETTERS];
    int64_t length, count;
};

/* Pairs of bytes are always merged, longer ones when both together are shorter than the limit. */
static bool may_be_merged(const struct vocabulary *vocabulary, const uint32_t pair[2], size_t limit)
{
    size_t length = vocabulary->tokens[pair[0]].length + vocabulary->tokens[pair[1]].length;
    return limit == 0 || length == 2 || length < limit;
}

/* Finds the best pair by counting all of them; quadratic, and short. */
static int64_t find_plain_best(const struct plain_word *words, const struct vocabulary *vocabulary,
                               size_t limit, uint32_t best[2])
{
    static int64_t counts[TOKENS][TOKENS];
    memset(counts, 0, sizeof counts);
    for (int64_t w = 0; w < WORDS; w++)
        for (int64_t i = 0; i + 1 < words[w].length; i++)
            if (may_be_merged(vocabulary, words[w].ids + i, limit))
                counts[words[w].ids[i]][words[w].ids[i + 1]] += words[w].count;
    int64_t largest = 0;
    for (uint32_t left = 0; left < TOKENS; left++)
        for (uint32_t right = 0; right < TOKENS; right++)
            if (counts[left][right] > largest) {
                largest = counts[left][right];
                best[0] = left;
                best[1] = right;
            }
    return largest;
}

static void merge_plain(struct plain_word *word, const struct vocabulary_merge *merge)
{
    int64_t length = 0;
    for (int64_t i = 0; i < word->length; i++) {
        bool match = i + 1 < word->length && word->ids[i] == merge->left && word->ids[i + 1] == merge->right;
        word->ids[length++] = match ? merge->result : word->ids[i];
        i += match;
    }
    word->length = length;
}

/* Words of up to LETTERS of the first so many letters, counted for both trainers. */
static struct word_counts *make_words(uint64_t seed, uint64_t letters, struct plain_word plain[WORDS])
{
    struct word_counts *words = NULL;
    assert_int_equal(word_counts_create(&words), STATUS_OK);
    for (uint64_t w = 0; w < WORDS; w++) {
        char text[LETTERS];
        plain[w].length = 1 + (int64_t)random_below(seed, 1, w, LETTERS);
        plain[w].count = 1 + (int64_t)random_below(seed, 2, w, 5);
        for (int64_t i = 0; i < plain[w].length; i++) {
            text[i] = (char)('a' + random_below(seed, 3, w * LETTERS + (uint64_t)i, letters));
            plain[w].ids[i] = (uint32_t)(text[i] - '!');
        }
        assert_int_equal(word_counts_add(words, text, (size_t)plain[w].length, plain[w].count), STATUS_OK);
    }
    return words;
}

/* The merges, that no other one was left to learn, and what the text is in the end. */
static void check_against_plain(uint64_t seed, uint64_t letters, size_t limit)
{
    struct plain_word plain[WORDS] = {{{0}, 0, 0}};
    struct word_counts *words = make_words(seed, letters, plain);
    double bytes_per_token = 0, bytes = 0, tokens = 0;
    const struct bpe_settings settings = {.vocab_size = TOKENS,
                                          .min_frequency = 2,
                                          .max_token_length = (int64_t)limit,
                                          .bytes_per_token = &bytes_per_token};
    for (int64_t w = 0; w < WORDS; w++)
        bytes += (double)(plain[w].length * plain[w].count);
    struct tokenizer *tokenizer = NULL;
    assert_int_equal(bpe_train(words, &settings, true, &tokenizer), STATUS_OK);
    const struct vocabulary *vocabulary = tokenizer_vocabulary(tokenizer);
    uint32_t best[2] = {0, 0};
    for (int64_t rank = 0; rank < vocabulary->merge_count; rank++) {
        assert_true(find_plain_best(plain, vocabulary, limit, best) >= 2);
        assert_int_equal(vocabulary->merges[rank].left, best[0]);
        assert_int_equal(vocabulary->merges[rank].right, best[1]);
        for (int64_t w = 0; w < WORDS; w++)
            merge_plain(&plain[w], &vocabulary->merges[rank]);
    }
    assert_true(vocabulary->count == TOKENS || find_plain_best(plain, vocabulary, limit, best) < 2);
    for (int64_t w = 0; w < WORDS; w++)
        tokens += (double)(plain[w].length * plain[w].count);
    assert_true(bytes_per_token == bytes / tokens); /* of the same whole numbers */
    tokenizer_destroy(tokenizer);
    word_counts_destroy(words);
}

/* Without a limit of the tokens' length, and with short ones, where a place often forms a pair that may be
 * merged and, in the same merge, one that may not. */
static void test_against_plain(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 32; seed++)
        check_against_plain(seed, 1 + seed % 8, seed < 16 ? 0 : 3 + (size_t)seed % 5);
}

/* --- against Hugging Face --- */

static struct buffer read_or_skip(const char *variable, const char *otherwise, const char *name)
{
    char path[4096];
    struct buffer text = {0};
    const char *folder = getenv(variable);
    snprintf(path, sizeof path, "%s/%s", folder != NULL ? folder : otherwise, name);
    if (!file_exists(path)) {
        print_message("skipped: there is no %s\n", path);
        skip();
    }
    assert_int_equal(file_read(path, &text), STATUS_OK);
    return text;
}

static void test_golden(void **state)
{
    (void)state;
    struct buffer text = read_or_skip("LLMPI_TEST_DATA", "../shared/data", "text/tinyshakespeare.txt");
    struct buffer golden =
        read_or_skip("LLMPI_SOURCE", ".", "tests/golden/tokenizer_merges_tinyshakespeare.txt");
    struct word_counts *words = NULL;
    assert_int_equal(word_counts_create(&words), STATUS_OK);
    for (const char *line = text.data, *end = line + text.length; line < end;) { /* as the library reads it */
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        size_t length = (size_t)((stop != NULL ? stop + 1 : end) - line);
        assert_int_equal(word_counts_add_text(words, line, length), STATUS_OK);
        line += length;
    }
    struct tokenizer *tokenizer = train(words, 256 + 743, 2);
    const struct vocabulary *vocabulary = tokenizer_vocabulary(tokenizer);
    struct buffer merges = {0};
    for (int64_t i = 0; i < vocabulary->merge_count; i++) {
        assert_int_equal(vocabulary_write_name(vocabulary, vocabulary->merges[i].left, &merges), STATUS_OK);
        assert_int_equal(buffer_append(&merges, " ", 1), STATUS_OK);
        assert_int_equal(vocabulary_write_name(vocabulary, vocabulary->merges[i].right, &merges), STATUS_OK);
        assert_int_equal(buffer_append(&merges, "\n", 1), STATUS_OK);
    }
    assert_string_equal(merges.data, golden.data);
    buffer_free(&text);
    buffer_free(&golden);
    buffer_free(&merges);
    tokenizer_destroy(tokenizer);
    word_counts_destroy(words);
}

/* A million letters without a break are learnt from, and in time. */
static void test_long_word(void **state)
{
    (void)state;
    size_t length = 1000000;
    char *text = malloc(length);
    assert_non_null(text);
    for (size_t i = 0; i < length; i++)
        text[i] = (char)('a' + random_below(5, 0, i, 20));
    struct word_counts *words = NULL;
    assert_int_equal(word_counts_create(&words), STATUS_OK);
    assert_int_equal(word_counts_add_text(words, text, length), STATUS_OK);
    memset(text, 'z', length);
    assert_int_equal(word_counts_add_text(words, text, length), STATUS_OK);
    tokenizer_destroy(train(words, 2000, 2));
    word_counts_destroy(words);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),       cmocka_unit_test(test_overlaps),
        cmocka_unit_test(test_large_counts),  cmocka_unit_test(test_special_tokens),
        cmocka_unit_test(test_against_plain), cmocka_unit_test(test_golden),
        cmocka_unit_test(test_long_word),     cmocka_unit_test(test_max_token_length),
        cmocka_unit_test(test_results),       cmocka_unit_test(test_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
