/* Counting words, in one table and in one that is emptied now and then, and words as records. */
#include "llmpi/text/word_counts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
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

static void check_same(const struct word_counts *expected, const struct word_counts *found)
{
    assert_int_equal(word_counts_size(found), word_counts_size(expected));
    for (int64_t i = 0; i < word_counts_size(expected); i++) {
        size_t lengths[2];
        int64_t counts[2];
        const char *word = word_counts_get(expected, i, &lengths[0], &counts[0]);
        assert_memory_equal(word_counts_get(found, i, &lengths[1], &counts[1]), word, lengths[0]);
        assert_int_equal(lengths[1], lengths[0]);
        assert_int_equal(counts[1], counts[0]);
    }
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

/* Words as records, and back; they hold NUL and other bytes. Cut off anywhere, records are damaged. */
static void test_records(void **state)
{
    (void)state;
    struct word_counts *words = create();
    struct buffer packed = {0};
    for (int i = 0; i < 5000; i++) {
        char word[300] = {0};
        int length = snprintf(word, sizeof word, "%d", i);
        int64_t count = (int64_t)1 << i % 63;
        assert_int_equal(word_record_append(&packed, word, (size_t)length + (size_t)i % 200, count),
                         STATUS_OK);
    }
    assert_int_equal(word_counts_unpack(words, &packed), STATUS_OK);
    assert_int_equal(word_counts_size(words), 5000);
    for (int i = 0; i < 5000; i++) {
        size_t length = 0;
        int64_t count = 0;
        const char *word = word_counts_get(words, i, &length, &count);
        char number[8] = {0};
        memcpy(number, word, length < 4 ? length : 4);
        assert_int_equal(atoi(number), i);
        assert_int_equal(count, (int64_t)1 << i % 63);
        if (length > 4)
            assert_int_equal(word[length - 1], 0);
    }
    word_counts_destroy(words);
    for (packed.length = 1; packed.length < 500; packed.length++) {
        struct word_record record = {0};
        size_t at = 0;
        enum status status = STATUS_OK;
        while (status == STATUS_OK && at < packed.length)
            status = word_record_read(&packed, &at, &record);
        assert_true(at <= packed.length);
    }
    buffer_free(&packed);
}

/* A table that is emptied when it is full counts like one that is not. */
static void test_continue(void **state)
{
    (void)state;
    struct word_counts *all = create(), *some = create(), *sum = create();
    struct buffer text = {0}, packed = {0};
    for (int i = 0; i < 20000; i++)
        assert_int_equal(buffer_printf(&text, " %d", i % 7000), STATUS_OK);
    assert_int_equal(word_counts_add_text(all, text.data, text.length), STATUS_OK);
    assert_int_equal(word_counts_begin_text(some, text.data, text.length), STATUS_OK);
    int steps = 0;
    for (bool more = true; more; steps++) {
        assert_int_equal(word_counts_continue(some, 100000, &more), STATUS_OK);
        assert_in_range(word_counts_memory(some), 1, 150000);
        buffer_clear(&packed);
        for (int64_t i = 0; i < word_counts_size(some); i++) {
            size_t length = 0;
            int64_t count = 0;
            const char *word = word_counts_get(some, i, &length, &count);
            assert_int_equal(word_record_append(&packed, word, length, count), STATUS_OK);
        }
        assert_int_equal(word_counts_unpack(sum, &packed), STATUS_OK);
        word_counts_clear(some);
    }
    assert_in_range(steps, 5, 20);
    check_same(all, sum);
    word_counts_trim(sum); /* adding to a trimmed table finds the old words */
    assert_int_equal(word_counts_add(sum, " 6999", 5, 1), STATUS_OK);
    assert_int_equal(word_counts_size(sum), 7000);
    assert_int_equal(count_of(sum, " 6999"), count_of(all, " 6999") + 1);
    buffer_free(&text);
    buffer_free(&packed);
    word_counts_destroy(all);
    word_counts_destroy(some);
    word_counts_destroy(sum);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add_text),
        cmocka_unit_test(test_large_counts),
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_continue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
