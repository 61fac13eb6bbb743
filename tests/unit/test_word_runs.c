/* Words written away in runs come back by buckets, with their counts, from memory and from a file. */
#include "llmpi/base/digest.h"
#include "llmpi/text/word_runs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "scratch.h"

enum { WORDS = 3000, RUNS = 4 };

/* Run r has the words 0, r + 1, 2 (r + 1), ... once each. */
static struct word_runs *write_runs(size_t memory)
{
    struct word_runs *runs = NULL;
    struct word_counts *words = NULL;
    assert_int_equal(word_runs_create(scratch_folder, memory, &runs), STATUS_OK);
    assert_int_equal(word_counts_create(&words), STATUS_OK);
    for (int run = 0; run < RUNS; run++) {
        for (int i = 0; i < WORDS; i += run + 1) {
            char word[16];
            int length = snprintf(word, sizeof word, "%d", i);
            assert_int_equal(word_counts_add(words, word, (size_t)length, 1), STATUS_OK);
        }
        assert_int_equal(word_runs_add(runs, words), STATUS_OK);
        assert_int_equal(word_counts_size(words), 0);
    }
    assert_int_equal(word_runs_add(runs, words), STATUS_OK); /* an empty table is no run */
    word_counts_destroy(words);
    return runs;
}

static void check_runs(size_t memory)
{
    struct word_runs *runs = write_runs(memory);
    struct word_counts *words = NULL;
    struct buffer packed = {0};
    assert_int_equal(word_counts_create(&words), STATUS_OK);
    assert_int_equal(word_runs_records(runs), 3000 + 1500 + 1000 + 750);
    for (int64_t begin = 0, end; begin < WORD_BUCKETS; begin = end) {
        end = begin + 1 + begin % 600 < WORD_BUCKETS ? begin + 1 + begin % 600 : WORD_BUCKETS;
        buffer_clear(&packed);
        assert_int_equal(word_runs_read(runs, begin, end, &packed), STATUS_OK);
        for (size_t at = 0; at < packed.length;) {
            struct word_record record = {0};
            assert_int_equal(word_record_read(&packed, &at, &record), STATUS_OK);
            int64_t bucket = (int64_t)(digest_bytes(record.word, record.length) >> 52);
            assert_in_range(bucket, begin, end - 1);
            assert_int_equal(word_counts_add(words, record.word, record.length, record.count), STATUS_OK);
        }
    }
    assert_int_equal(word_counts_size(words), WORDS);
    for (int64_t i = 0; i < WORDS; i++) {
        char number[16] = {0};
        size_t length = 0;
        int64_t count = 0;
        const char *word = word_counts_get(words, i, &length, &count);
        memcpy(number, word, length);
        int value = atoi(number);
        assert_int_equal(count, 1 + (value % 2 == 0) + (value % 3 == 0) + (value % 4 == 0));
    }
    buffer_free(&packed);
    word_counts_destroy(words);
    word_runs_destroy(runs);
}

static void test_runs(void **state)
{
    (void)state;
    check_runs(1000000);
    check_runs(10000);
    check_runs(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_runs)};
    return cmocka_run_group_tests(tests, scratch_create, scratch_remove);
}
