/* Encoding against the plainest form of BPE: words of every length around the limits of the caches and of the
 * two ways to merge, new and repeated, in texts that end right behind a word. */
#include "llmpi/base/random.h"
#include "llmpi/text/bpe_encoder.h"
#include "llmpi/text/pretokenize.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct vocabulary vocabulary;

/* All bytes, and merges of random pairs of what is there: some overlap, some are never reached. */
static int set_up(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        char text = (char)byte;
        if (vocabulary_add_token(&vocabulary, &text, 1, false) != STATUS_OK)
            return -1;
    }
    static const char pieces[] = "abc \n\0";
    for (uint64_t i = 0; vocabulary.merge_count < 200; i++) {
        uint64_t bits = random_bits(11, 0, i);
        uint32_t side[2];
        char joined[64];
        size_t length = 0;
        for (int j = 0; j < 2; j++, bits >>= 32) {
            uint32_t learnt = (uint32_t)vocabulary.count - 256;
            side[j] = bits % 4 == 0 && learnt > 0 ? 256 + (uint32_t)(bits >> 2) % learnt
                                                  : (uint32_t)(unsigned char)pieces[(bits >> 2) % 6];
            size_t size = 0;
            const char *bytes = vocabulary_bytes(&vocabulary, side[j], &size);
            if (length + size > sizeof joined)
                return -1;
            memcpy(joined + length, bytes, size);
            length += size;
        }
        if (length > 20 || vocabulary_find_ordinary(&vocabulary, joined, length) >= 0)
            continue;
        if (vocabulary_add_token(&vocabulary, joined, length, false) != STATUS_OK ||
            vocabulary_add_merge(&vocabulary, side[0], side[1]) != STATUS_OK)
            return -1;
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    vocabulary_free(&vocabulary);
    return 0;
}

/* Joins the leftmost pair of the lowest rank until there is none. Returns the number of ids. */
static size_t merge_plainly(const char *word, size_t length, uint32_t *ids)
{
    for (size_t i = 0; i < length; i++)
        ids[i] = (unsigned char)word[i];
    for (;;) {
        uint32_t lowest = PAIR_ABSENT;
        size_t at = 0;
        for (size_t i = 0; i + 1 < length; i++) {
            uint32_t rank = pair_table_find(&vocabulary.ranks, ids[i], ids[i + 1]);
            if (rank < lowest) {
                lowest = rank;
                at = i;
            }
        }
        if (lowest == PAIR_ABSENT)
            return length;
        ids[at] = vocabulary.merges[lowest].result;
        memmove(ids + at + 1, ids + at + 2, (--length - at - 1) * sizeof *ids);
    }
}

static void check(struct bpe_encoder *encoder, const char *bytes, size_t length)
{
    char *text = malloc(length); /* of just its size, so that reading behind it is found out */
    uint32_t *expected = malloc(length * sizeof *expected);
    assert_true(text != NULL && expected != NULL);
    memcpy(text, bytes, length);
    struct pretokenizer *pretokenizer = NULL;
    assert_int_equal(pretokenizer_create(vocabulary.pattern, &pretokenizer), STATUS_OK);
    pretokenizer_begin(pretokenizer, text, length);
    size_t count = 0, size = 0;
    const char *word = NULL;
    bool more = false;
    while (pretokenizer_next(pretokenizer, &word, &size, &more) == STATUS_OK && more)
        count += merge_plainly(word, size, expected + count);
    struct token_list ids = {0};
    for (int time = 0; time < 2; time++) { /* new words, then known ones */
        ids.count = 0;
        assert_int_equal(bpe_encoder_run(encoder, text, length, &ids), STATUS_OK);
        assert_int_equal(ids.count, count);
        assert_memory_equal(ids.ids, expected, count * sizeof *expected);
    }
    token_list_free(&ids);
    pretokenizer_destroy(pretokenizer);
    free(expected);
    free(text);
}

static void check_texts(const char *pattern, const char *letters, size_t letter_count)
{
    struct bpe_encoder *encoder = NULL;
    char text[400];
    vocabulary.pattern = (char *)(uintptr_t)pattern; /* borrowed: taken back below */
    assert_int_equal(bpe_encoder_create(&vocabulary, &encoder), STATUS_OK);
    for (uint64_t round = 0; round < 600; round++) {
        size_t length = 1 + random_bits(12, 0, round) % (sizeof text - 1);
        size_t rare = 1 + random_bits(12, 1, round) % 70; /* one break in so many letters */
        for (size_t i = 0; i < length; i++) {
            uint64_t bits = random_bits(13, round, i);
            text[i] = bits % rare == 0 ? ' ' : letters[(bits >> 32) % letter_count];
        }
        check(encoder, text, length);
    }
    bpe_encoder_destroy(encoder);
    vocabulary.pattern = NULL;
}

static void test_words(void **state)
{
    (void)state;
    check_texts(NULL, "abc", 3);
    check_texts("cl100k", "abC'1\n", 6);
}

/* Words that differ in zero bytes at their ends only. */
static void test_zero_bytes(void **state)
{
    (void)state;
    check_texts("[^ ]+", "ab\0", 3);
    check_texts("[^ ]{1,17}", "\0", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_words), cmocka_unit_test(test_zero_bytes)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
