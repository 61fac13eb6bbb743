/* Counting words, and handing them from owner to owner without losing one. */
#include "llmpi/text/word_counts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct word_counts *create(void)
{
    struct word_counts *words = NULL;
    assert_int_equal(word_counts_create(&words), STATUS_OK);
    return words;
}

static int64_t count_of(const struct word_counts *words, const char *word)
{
    for (int64_t i = 0; i < word_counts_size(words); i++) {
        size_t length = 0;
        int64_t count = 0;
        const char *bytes = word_counts_get(words, i, &length, &count);
        if (length == strlen(word) && memcmp(bytes, word, length) == 0)
            return count;
    }
    return 0;
}

static void test_add_text(void **state)
{
    (void)state;
    struct word_counts *words = create();
    static const char text[] = "the cat and the dog and the end";
    assert_int_equal(word_counts_add_text(words, text, strlen(text)), STATUS_OK);
    assert_int_equal(word_counts_add_text(words, "", 0), STATUS_OK);
    assert_int_equal(word_counts_size(words), 6);
    assert_int_equal(count_of(words, "the"), 1);
    assert_int_equal(count_of(words, " the"), 2);
    assert_int_equal(count_of(words, " and"), 2);
    size_t length = 0;
    int64_t count = 0;
    assert_memory_equal(word_counts_get(words, 1, &length, &count), " cat", 4);
    word_counts_destroy(words);
}

static void test_large_counts(void **state)
{
    (void)state;
    struct word_counts *words = create();
    assert_int_equal(word_counts_add(words, "a", 1, INT64_MAX - 1), STATUS_OK);
    assert_int_equal(word_counts_add(words, "a", 1, 1), STATUS_OK);
    assert_int_equal(count_of(words, "a"), INT64_MAX);
    assert_int_equal(word_counts_add(words, "a", 1, 1), STATUS_FAILED);
    assert_int_equal(word_counts_add(words, "", 0, 1), STATUS_FAILED);
    assert_int_equal(word_counts_add(words, "b", 1, -1), STATUS_FAILED);
    word_counts_destroy(words);
}

/* Three parts put together again hold every word with its count; the words hold NUL and other bytes. */
static void test_pack(void **state)
{
    (void)state;
    struct word_counts *words = create(), *together = create();
    for (int i = 0; i < 5000; i++) {
        char word[16] = {0};
        int length = snprintf(word, sizeof word, "%d", i);
        assert_int_equal(word_counts_add(words, word, (size_t)length + (size_t)(i % 2), i + 1), STATUS_OK);
    }
    for (int64_t part = 0; part < 3; part++) {
        struct buffer packed = {0};
        int64_t before = word_counts_size(together);
        assert_int_equal(word_counts_pack(words, part, 3, &packed), STATUS_OK);
        assert_int_equal(word_counts_unpack(together, packed.data, packed.length), STATUS_OK);
        int64_t added = word_counts_size(together) - before;
        assert_in_range(added, 1400, 1950); /* a third of 5000 within seven standard deviations */
        if (packed.length > 0)
            assert_int_equal(word_counts_unpack(together, packed.data, packed.length - 1), STATUS_FAILED);
        buffer_free(&packed);
    }
    assert_int_equal(word_counts_size(together), 5000);
    assert_true(count_of(together, "4998") >= 4999);
    word_counts_destroy(words);
    word_counts_destroy(together);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add_text),
        cmocka_unit_test(test_large_counts),
        cmocka_unit_test(test_pack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
