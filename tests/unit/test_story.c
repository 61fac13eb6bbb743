/* The story generator: the same (seed, number) gives the same text, every text is correct in what a program
 * can check (spelling of articles, ends and beginnings of sentences, spaces, lengths), the corpus is varied,
 * and the count of its entropy is right. Sentences are compared by a mask of their own that knows nothing of
 * the generator's frames. */
#include "llmpi/base/digest.h"
#include "llmpi/base/json.h"
#include "llmpi/corpus/story.h"

#include "../../src/corpus/story_parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DOCUMENTS = 20000, SLOTS = 1 << 20 };

/* Counts of digests, by open addressing. */
struct tally {
    uint64_t *key;
    int64_t *count;
    int64_t distinct, total;
};

static struct tally tally_new(void)
{
    return (struct tally){.key = calloc(SLOTS, sizeof(uint64_t)), .count = calloc(SLOTS, sizeof(int64_t))};
}

static void tally_free(struct tally *tally)
{
    free(tally->key);
    free(tally->count);
}

static int64_t *tally_at(struct tally *tally, const char *text, size_t length)
{
    uint64_t key = digest_bytes(text, length) | 1;
    size_t at = key >> 20 & (SLOTS - 1);
    while (tally->key[at] != 0 && tally->key[at] != key)
        at = (at + 1) & (SLOTS - 1);
    tally->distinct += tally->key[at] == 0;
    assert_true(tally->distinct < SLOTS);
    tally->key[at] = key;
    return &tally->count[at];
}

static int64_t tally_add(struct tally *tally, const char *text, size_t length)
{
    tally->total++;
    return ++*tally_at(tally, text, length);
}

static void write_story(uint64_t seed, int64_t number, struct buffer *out, double *bits)
{
    buffer_clear(out);
    *bits = 0.0;
    if (story_write(seed, number, out, bits) != STATUS_OK)
        fail_msg("story %lld: %s", (long long)number, status_message());
}

/* The next word from *at on, in lower case; false at the end. */
static bool next_word(const char *text, size_t length, size_t *at, char word[64], size_t *size)
{
    while (*at < length && !isalpha((unsigned char)text[*at]))
        ++*at;
    *size = 0;
    for (; *at < length && (isalpha((unsigned char)text[*at]) || text[*at] == '-'); ++*at)
        if (*size < 63)
            word[(*size)++] = (char)tolower((unsigned char)text[*at]);
    word[*size] = '\0';
    return *size > 0;
}

/* The bits of a text are log2 of one over its probability: counted on a frame with eight texts of different
 * probability. 100,000 draws: a share of 1/12 has a standard deviation of 1 %, and the limit is five of them.
 */
static void test_bits_are_information(void **state)
{
    (void)state;
    static const char frame[] = "[one|two|[three|four]] {A} [owl|hen]";
    enum { DRAWS = 100000 };
    struct tally texts = tally_new();
    for (int pass = 0; pass < 2; pass++)
        for (uint64_t seed = 0; seed < DRAWS; seed++) {
            struct buffer text = {0};
            struct story story = {.seed = seed, .stream = 1, .out = &text};
            story_expand(&story, frame, sizeof frame - 1);
            assert_int_equal(story.status, STATUS_OK);
            if (pass == 0)
                tally_add(&texts, text.data, text.length);
            else {
                double share = (double)*tally_at(&texts, text.data, text.length) / DRAWS;
                assert_true(fabs(share * exp2(story.bits) - 1.0) < 0.05);
                assert_true(strstr(text.data, " An owl") != NULL || strstr(text.data, " A hen") != NULL);
            }
            buffer_free(&text);
        }
    assert_int_equal(texts.distinct, 8);
    tally_free(&texts);
}

/* A frame with a slot that does not exist fails and names it. */
static void test_unknown_slot(void **state)
{
    (void)state;
    struct buffer text = {0};
    struct story story = {.out = &text};
    story_expand(&story, "The {wombat}.", 13);
    assert_int_equal(story.status, STATUS_FAILED);
    assert_non_null(strstr(status_message(), "wombat"));
    buffer_free(&text);
}

static void test_same_number_same_story(void **state)
{
    (void)state;
    struct buffer a = {0}, b = {0};
    double bits_a, bits_b;
    for (int64_t number = 0; number < 500; number++) {
        write_story(7, number, &a, &bits_a);
        write_story(7, number, &b, &bits_b);
        assert_int_equal(a.length, b.length);
        assert_memory_equal(a.data, b.data, a.length);
        assert_true(bits_a == bits_b);
        write_story(8, number, &b, &bits_b);
        assert_true(a.length != b.length || memcmp(a.data, b.data, a.length) != 0);
    }
    buffer_free(&a);
    buffer_free(&b);
}

/* A story is appended to what is there, and what is there changes nothing in it. */
static void test_appends(void **state)
{
    (void)state;
    struct buffer alone = {0}, both = {0};
    double bits = 0.0, bits_both = 0.0;
    write_story(3, 41, &alone, &bits);
    assert_int_equal(buffer_append(&both, "Before. ", 8), STATUS_OK);
    assert_int_equal(story_write(3, 41, &both, &bits_both), STATUS_OK);
    assert_int_equal(both.length, alone.length + 8);
    assert_memory_equal(both.data + 8, alone.data, alone.length);
    assert_true(bits_both == bits);
    buffer_free(&alone);
    buffer_free(&both);
}

static void check_words(int64_t number, const struct buffer *text)
{
    int words = 0;
    for (size_t i = 0; i < text->length; i++)
        words +=
            !isspace((unsigned char)text->data[i]) && (i == 0 || isspace((unsigned char)text->data[i - 1]));
    if (words < 60 || words > 300)
        fail_msg("story %lld has %d words:\n%s", (long long)number, words, text->data);
}

/* Paragraphs are separated by one empty line, words by one space; nothing of the generator's own notation is
 * left. */
static void check_spacing(int64_t number, const char *text, size_t length)
{
    static const char *const wrong[] = {"  ", " \n", "\n ", "\n\n\n", " .",     " ,", "..", ",.", "{",  "}",
                                        "[",  "]",   "|",   "_",      "(null)", "\t", "?.", "!.", ",,", " ;"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (strstr(text, wrong[i]) != NULL)
            fail_msg("story %lld contains \"%s\":\n%s", (long long)number, wrong[i], text);
    if (isspace((unsigned char)text[0]) || isspace((unsigned char)text[length - 1]))
        fail_msg("story %lld begins or ends with a space:\n%s", (long long)number, text);
}

static bool is_quote(char c)
{
    return c == '"' || c == '\'';
}

/* Every paragraph ends with . ! or ?, perhaps inside quotes; whatever follows the end of a sentence starts
 * with a capital letter, and so does every paragraph; quotes are balanced in each paragraph. */
static void check_sentences(int64_t number, const char *text, size_t length)
{
    bool begins = true;
    int quotes = 0;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        quotes += c == '"';
        if (begins && isalpha((unsigned char)c)) {
            if (!isupper((unsigned char)c))
                fail_msg("story %lld: a sentence begins with \"%.20s\":\n%s", (long long)number, text + i,
                         text);
            begins = false;
        }
        if (c == '.' || (c == '\n' && text[i + 1] == '\n'))
            begins = true;
        if (c != '\n' && i + 1 < length)
            continue;
        size_t end = c == '\n' ? i : i + 1;
        while (end > 0 && (is_quote(text[end - 1]) || text[end - 1] == '\n'))
            end--;
        if (end == 0 || strchr(".!?", text[end - 1]) == NULL || quotes % 2 != 0)
            fail_msg("story %lld: a paragraph ends badly before \"%.20s\":\n%s", (long long)number, text + i,
                     text);
    }
}

/* "a" before a consonant sound, "an" before a vowel sound; the exceptions are written out. */
static void check_articles(int64_t number, const char *text, size_t length)
{
    static const char *const long_u[] = {"unicorn", "useful", "one", "unique", "used", "union"};
    char word[64], before[64] = "";
    size_t at = 0, size, end = 0;
    while (next_word(text, length, &at, word, &size)) {
        if (at - size != end + 1) /* not next to each other */
            before[0] = '\0';
        end = at;
        bool vowel =
            strchr("aeiou", word[0]) != NULL || strcmp(word, "honest") == 0 || strcmp(word, "hour") == 0;
        for (size_t i = 0; i < sizeof long_u / sizeof *long_u; i++)
            vowel = vowel && strcmp(word, long_u[i]) != 0;
        if ((strcmp(before, "a") == 0 && vowel) || (strcmp(before, "an") == 0 && !vowel) ||
            strcmp(before, word) == 0)
            fail_msg("story %lld says \"%s %s\":\n%s", (long long)number, before, word, text);
        memcpy(before, word, sizeof before);
    }
}

static void test_texts_are_correct(void **state)
{
    (void)state;
    struct buffer text = {0};
    double bits;
    for (int64_t number = 0; number < DOCUMENTS; number++) {
        write_story(1, number, &text, &bits);
        check_words(number, &text);
        check_spacing(number, text.data, text.length);
        check_sentences(number, text.data, text.length);
        check_articles(number, text.data, text.length);
    }
    buffer_free(&text);
}

/* The sentence with every word that is not among the common ones replaced by "_". */
static size_t mask_sentence(const char *sentence, size_t length, struct tally *words, int64_t common,
                            char out[2048])
{
    char word[64];
    size_t at = 0, size, used = 0;
    while (next_word(sentence, length, &at, word, &size) && used + 70 < 2048) {
        bool keep = *tally_at(words, word, size) >= common;
        memcpy(out + used, keep ? word : "_", keep ? size : 1);
        used += keep ? size : 1;
        out[used++] = ' ';
    }
    return used;
}

static int64_t sentence_end(const char *text, size_t length, size_t begin)
{
    size_t end = begin;
    while (end < length && strchr(".!?\n", text[end]) == NULL)
        end++;
    return (int64_t)end;
}

/* Words that are less frequent than 1 in 1000 are taken for fillings. Sentences of fewer than three words
 * ("Good night!") are counted as they are. */
static void test_variety(void **state)
{
    (void)state;
    struct tally words = tally_new(), frames = tally_new();
    struct buffer text = {0};
    double bits;
    char word[64], mask[2048];
    for (int64_t number = 0; number < DOCUMENTS; number++) {
        write_story(1, number, &text, &bits);
        size_t size;
        for (size_t at = 0; next_word(text.data, text.length, &at, word, &size);)
            tally_add(&words, word, size);
    }
    assert_true(words.distinct >= 1500);
    int64_t most = 0, common = words.total / 1000;
    char most_frequent[2048] = "";
    for (int64_t number = 0; number < DOCUMENTS / 4; number++) {
        write_story(1, number, &text, &bits);
        for (size_t begin = 0, end; begin < text.length; begin = end + 1) {
            end = (size_t)sentence_end(text.data, text.length, begin);
            size_t used = mask_sentence(text.data + begin, end - begin, &words, common, mask);
            if (used == 0)
                continue;
            int64_t count = used > 6 ? tally_add(&frames, mask, used)
                                     : tally_add(&frames, text.data + begin, end - begin);
            if (count > most) {
                most = count;
                snprintf(most_frequent, sizeof most_frequent, "%.*s", (int)used, mask);
            }
        }
    }
    print_message(
        "%lld distinct words; the most frequent of %lld sentence masks has %.2f %% of %lld sentences: %s\n",
        (long long)words.distinct, (long long)frames.distinct, 100.0 * (double)most / (double)frames.total,
        (long long)frames.total, most_frequent);
    assert_true(most * 50 < frames.total);
    tally_free(&words);
    tally_free(&frames);
    buffer_free(&text);
}

static void test_no_duplicates(void **state)
{
    (void)state;
    struct tally stories = tally_new();
    struct buffer text = {0};
    double bits;
    for (int64_t number = 0; number < 100000; number++) {
        write_story(1, number, &text, &bits);
        assert_int_equal(tally_add(&stories, text.data, text.length), 1);
    }
    tally_free(&stories);
    buffer_free(&text);
}

/* Each story has more bits than a million documents need (20), and the corpus stays learnable. */
static void test_entropy_in_range(void **state)
{
    (void)state;
    struct buffer text = {0};
    double bits, all = 0.0, bytes = 0.0;
    for (int64_t number = 0; number < 2000; number++) {
        write_story(5, number, &text, &bits);
        assert_true(bits > 100.0);
        all += bits;
        bytes += (double)text.length;
    }
    print_message("%.3f bits per byte\n", all / bytes);
    assert_true(all / bytes > 0.2 && all / bytes < 0.9);
    buffer_free(&text);
}

/* FineWeb's columns, one line, and the text as story_write gives it. */
static void test_json_line(void **state)
{
    (void)state;
    struct buffer line = {0}, text = {0};
    double bits = 0.0, bits_text;
    int64_t text_bytes = 0;
    assert_int_equal(story_write_json(2, 77, &line, &bits, &text_bytes), STATUS_OK);
    write_story(2, 77, &text, &bits_text);
    assert_true(bits == bits_text);
    assert_int_equal(text_bytes, (int64_t)text.length);
    assert_int_equal(line.data[line.length - 1], '\n');
    assert_ptr_equal(memchr(line.data, '\n', line.length), line.data + line.length - 1);
    struct json *document = NULL;
    assert_int_equal(json_parse(line.data, line.length, &document), STATUS_OK);
    static const char *const texts[] = {"text", "id", "dump", "url", "date", "file_path", "language"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(json_kind(json_get_member(document, texts[i])), KIND_TEXT);
    size_t length;
    const char *value = json_get_text(json_get_member(document, "text"), &length);
    assert_int_equal(length, text.length);
    assert_memory_equal(value, text.data, length);
    int64_t tokens;
    assert_true(json_get_integer(json_get_member(document, "token_count"), &tokens));
    assert_in_range(tokens, 60, 500);
    double score;
    assert_true(json_get_number(json_get_member(document, "language_score"), &score));
    json_free(document);
    buffer_free(&line);
    buffer_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bits_are_information),
        cmocka_unit_test(test_unknown_slot),
        cmocka_unit_test(test_same_number_same_story),
        cmocka_unit_test(test_appends),
        cmocka_unit_test(test_texts_are_correct),
        cmocka_unit_test(test_variety),
        cmocka_unit_test(test_no_duplicates),
        cmocka_unit_test(test_entropy_in_range),
        cmocka_unit_test(test_json_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
