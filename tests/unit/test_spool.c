/* Bytes that are written once and read anywhere, in memory and beyond it. */
#include "llmpi/base/spool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "scratch.h"

enum { NUMBERS = 5000 };

static void check_spool(size_t memory)
{
    struct spool *spool = NULL;
    struct buffer out = {0};
    assert_int_equal(spool_create(scratch_folder, memory, &spool), STATUS_OK);
    for (int32_t i = 0; i < NUMBERS; i++)
        assert_int_equal(spool_append(spool, &i, sizeof i), STATUS_OK);
    assert_int_equal(spool_length(spool), NUMBERS * 4);
    for (int32_t begin = 0; begin <= NUMBERS; begin += 250)
        for (int32_t end = begin; end <= NUMBERS; end += 250) {
            buffer_clear(&out);
            assert_int_equal(spool_read(spool, begin * 4, (size_t)(end - begin) * 4, &out), STATUS_OK);
            assert_int_equal(out.length, (end - begin) * 4);
            for (int32_t i = begin; i < end; i++)
                assert_memory_equal(out.data + (i - begin) * 4, &i, sizeof i);
        }
    assert_int_equal(spool_read(spool, NUMBERS * 4 - 1, 2, &out), STATUS_FAILED);
    assert_int_equal(spool_read(spool, NUMBERS * 4 + 1, 0, &out), STATUS_FAILED);
    assert_int_equal(spool_read(spool, -1, 1, &out), STATUS_FAILED);
    buffer_free(&out);
    spool_destroy(spool);
}

static void test_read(void **state)
{
    (void)state;
    check_spool(1000000); /* all in memory */
    check_spool(9000);    /* a file, and a rest in memory */
    check_spool(0);
}

static void test_no_folder(void **state)
{
    (void)state;
    struct spool *spool = NULL;
    assert_int_equal(spool_create(scratch_path("missing"), 0, &spool), STATUS_OK);
    assert_int_equal(spool_append(spool, "x", 1), STATUS_FAILED);
    assert_non_null(strstr(status_message(), "missing: No such file or directory"));
    spool_destroy(spool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_read), cmocka_unit_test(test_no_folder)};
    return cmocka_run_group_tests(tests, scratch_create, scratch_remove);
}
