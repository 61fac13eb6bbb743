/* Allocation with limits, and the peak of a process. */
#include "llmpi/base/memory.h"
#include "llmpi/base/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* Whether the mapping of /proc/self/smaps that holds `address` has flag `flag`. */
static bool mapping_has(const void *address, const char *flag)
{
    char line[512];
    bool inside = false, found = false;
    FILE *file = fopen("/proc/self/smaps", "re");
    assert_non_null(file);
    while (!found && fgets(line, sizeof line, file) != NULL) {
        unsigned long first, end;
        if (sscanf(line, "%lx-%lx ", &first, &end) == 2)
            inside = first <= (uintptr_t)address && (uintptr_t)address < end;
        else if (inside && strncmp(line, "VmFlags:", 8) == 0)
            found = strstr(line, flag) != NULL;
    }
    fclose(file);
    return found;
}

/* Sizes around one and two huge pages: memory is zero, aligned, can be written up to its end, and from one
 * page on huge pages are asked for, up to the last byte. */
static void large_memory_asks_for_huge_pages(void **state)
{
    (void)state;
    const size_t huge = (size_t)2 << 20,
                 sizes[] = {0,       1, 1000, huge - 1, huge, huge + 1, 2 * huge, 2 * huge - MEMORY_ALIGNMENT,
                            9 * huge};
    const bool known = access("/sys/kernel/mm/transparent_hugepage/enabled", R_OK) == 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        unsigned char *memory = allocator_huge.allocate(NULL, sizes[i], "a test");
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % MEMORY_ALIGNMENT, 0);
        for (size_t byte = 0; byte < sizes[i]; byte++)
            assert_true(memory[byte] == 0);
        memset(memory, 1, sizes[i]);
        if (known && sizes[i] >= huge)
            assert_true(mapping_has(memory, " hg") && mapping_has(memory + sizes[i] - 1, " hg"));
        allocator_huge.release(NULL, memory);
        if (sizes[i] >= huge) /* given back, not kept for later */
            assert_false(mapping_has(memory, " rw"));
    }
    allocator_huge.release(NULL, NULL);
    assert_null(allocator_huge.allocate(NULL, SIZE_MAX, "a test"));
    assert_null(allocator_huge.allocate(NULL, (size_t)1 << 60, "all the world"));
    assert_non_null(strstr(status_message(), "all the world"));
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
        cmocka_unit_test(large_memory_asks_for_huge_pages),
        cmocka_unit_test(a_grown_array_keeps_its_elements), cmocka_unit_test(the_peak_grows_and_stays)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
