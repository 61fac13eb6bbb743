/* Sums of many arrays have the bits of the pairwise recursion, in either format, place and number of threads.
 */
#include "llmpi/kernels/threads.h"
#include "llmpi/kernels/tree_sum.h"
#include "reference/samples.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 17 };

/* The lengths are those of no element, parts of a vector, a tile of 512 and its neighbours. */
static const int64_t lengths[] = {0, 1, 7, 16, 511, 512, 513, 1000};

/* Element i of summands [first, first + count): the left part is the largest power of two below the whole. */
static float pairwise(const struct summand *summands, int64_t first, int64_t count, int64_t i)
{
    int64_t left = 1;
    if (count == 1 && summands[first].element == ELEMENT_FP32)
        return ((const float *)summands[first].values)[i];
    if (count == 1) { /* a bf16 is the upper half of a float */
        uint32_t bits = (uint32_t)((const bf16 *)summands[first].values)[i] << 16;
        float value;
        memcpy(&value, &bits, sizeof value);
        return value;
    }
    while (left * 2 < count)
        left *= 2;
    volatile float a = pairwise(summands, first, left, i);
    volatile float b = pairwise(summands, first + left, count - left, i);
    return a + b;
}

/* Of three kinds: all fp32, all bf16, one fp32 among bf16. */
static void make(struct summand *summands, int64_t count, int64_t n, int kind)
{
    for (int64_t k = 0; k < count; k++) {
        bool wide = kind == 0 || (kind == 2 && k == count / 2);
        summands[k].element = wide ? ELEMENT_FP32 : ELEMENT_BF16;
        summands[k].values = wide ? (const void *)samples(n + 1, (uint64_t)k + 1, 1.0)
                                  : (const void *)rounded_samples(n + 1, (uint64_t)k + 1, 1.0);
    }
}

static void release(struct summand *summands, int64_t count)
{
    for (int64_t k = 0; k < count; k++)
        free((void *)summands[k].values);
}

static void expect_bits(const float *got, const float *wanted, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        assert_memory_equal(&got[i], &wanted[i], sizeof *got);
}

/* One case, into a third place and into each fp32 summand. */
static void check(int64_t count, int64_t n, int kind)
{
    struct summand summands[MOST];
    float *wanted = repeated(n + 1, 0), *out = repeated(n + 1, 7);
    make(summands, count, n, kind);
    for (int64_t i = 0; i < n; i++)
        wanted[i] = pairwise(summands, 0, count, i);
    tree_sum(out, summands, count, n);
    expect_bits(out, wanted, n);
    assert_true(out[n] == 7); /* nothing beyond the end */
    for (int64_t k = 0; k < count; k++) {
        if (summands[k].element != ELEMENT_FP32)
            continue;
        float *kept = repeated(n + 1, 0), *place = (float *)summands[k].values;
        memcpy(kept, place, (size_t)(n + 1) * sizeof *kept);
        tree_sum(place, summands, count, n);
        expect_bits(place, wanted, n);
        assert_true(place[n] == kept[n]);
        memcpy(place, kept, (size_t)(n + 1) * sizeof *kept);
        free(kept);
    }
    release(summands, count);
    free(wanted), free(out);
}

static void neighbours_are_added_pairwise(void **state)
{
    (void)state;
    for (int64_t count = 1; count <= MOST; count++)
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
            for (int kind = 0; kind < 3; kind++)
                check(count, lengths[i], kind);
}

static void same_bits_for_any_threads_and_address(void **state)
{
    (void)state;
    const int64_t n = 3 * THREADS_WORTH + 77, counts[] = {1, 2, 3, 8};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        struct summand summands[MOST], shifted[MOST];
        float *wanted = repeated(n + 1, 0), *out = repeated(n + 1, 0);
        make(summands, counts[c], n, 2);
        for (int64_t i = 0; i < n; i++)
            wanted[i] = pairwise(summands, 0, counts[c], i);
        for (int threads = 1; threads <= 4; threads++) {
            threads_set(threads);
            tree_sum(out, summands, counts[c], n);
            expect_bits(out, wanted, n);
        }
        for (int64_t k = 0; k < counts[c]; k++)
            shifted[k] = (struct summand){
                (const char *)summands[k].values + element_size(summands[k].element), summands[k].element};
        tree_sum(out + 1, shifted, counts[c], n - 1);
        expect_bits(out + 1, wanted + 1, n - 1);
        release(summands, counts[c]);
        free(wanted), free(out);
    }
    threads_set(2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neighbours_are_added_pairwise),
        cmocka_unit_test(same_bits_for_any_threads_and_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
