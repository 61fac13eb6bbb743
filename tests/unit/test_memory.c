/* Allocation with limits, and the peak of a process. */
#include "llmpi/base/memory.h"
#include "llmpi/base/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void new_memory_is_zero_and_aligned(void **state)
{
    (void)state;
    const unsigned char zeros[1000] = {0};
    void *memory = memory_allocate(250, 4, "a test");
    assert_non_null(memory);
    assert_int_equal((uintptr_t)memory % MEMORY_ALIGNMENT, 0);
    assert_memory_equal(memory, zeros, sizeof zeros);
    memory_free(memory);
}

static void impossible_sizes_fail(void **state)
{
    (void)state;
    assert_null(memory_allocate(-1, 1, "a test"));
    assert_null(memory_allocate(INT64_MAX, 4, "a test"));
    assert_non_null(strstr(status_message(), "a test"));
}

static void a_grown_array_keeps_its_elements(void **state)
{
    (void)state;
    int64_t capacity = 0, *numbers = NULL;
    for (int64_t count = 0; count < 5000; count++) {
        numbers = memory_grow(numbers, count, &capacity, sizeof *numbers, "a test");
        assert_non_null(numbers);
        assert_true(capacity > count);
        numbers[count] = count;
    }
    for (int64_t i = 0; i < 5000; i++)
        assert_int_equal(numbers[i], i);
    int64_t full = capacity = INT64_MAX / 2;
    assert_null(memory_grow(numbers, full, &capacity, sizeof *numbers, "a test"));
    assert_int_equal(capacity, full);
    free(numbers);
}

/* 64 MiB that are written raise the peak by at least half of that, even where they reuse freed memory, and it
 * stays when they are gone, but for some pages: Linux counts them by processor and adds up loosely. */
static void the_peak_grows_and_stays(void **state)
{
    (void)state;
    const size_t bytes = (size_t)64 << 20;
    int64_t before = memory_peak();
    assert_true(before > 0);
    char *memory = memory_allocate((int64_t)bytes, 1, "a test");
    assert_non_null(memory);
    memset(memory, 1, bytes);
    int64_t during = memory_peak();
    memory_free(memory);
    assert_true(during >= before + (int64_t)bytes / 2);
    assert_true(memory_peak() >= during - ((int64_t)1 << 20));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_memory_is_zero_and_aligned), cmocka_unit_test(impossible_sizes_fail),
        cmocka_unit_test(a_grown_array_keeps_its_elements), cmocka_unit_test(the_peak_grows_and_stays)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
