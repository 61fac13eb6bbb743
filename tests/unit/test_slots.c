/* Cutting a batch into slots, and the tree along which a rank adds them. */
#include "llmpi/train/slots.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void pieces_cover_everything_once(void **state)
{
    (void)state;
    for (int64_t total = 0; total < 40; total++) {
        for (int64_t pieces = 1; pieces < 12; pieces++) {
            int64_t next = 0;
            for (int64_t i = 0; i < pieces; i++) {
                int64_t first = 0, count = 0;
                slots_piece(total, pieces, i, &first, &count);
                assert_int_equal(first, next);
                assert_true(count == total / pieces || count == total / pieces + 1);
                next += count;
            }
            assert_int_equal(next, total);
        }
    }
}

/* Adds names instead of numbers, so that the order of the additions can be read. */
static void add_slots(int64_t slots, char *result)
{
    char pending[8][256] = {{0}}, sum[256] = "", merged_text[600];
    int merges[63];
    for (int64_t k = 0; k < slots; k++) {
        snprintf(sum, sizeof sum, "%lld", (long long)k);
        int count = slots_merges(k, slots, merges);
        for (int i = 0; i < count; i++) {
            snprintf(merged_text, sizeof merged_text, "(%s+%s)", pending[merges[i]], sum);
            pending[merges[i]][0] = '\0';
            memcpy(sum, merged_text, strlen(merged_text) + 1);
        }
        int level = 0;
        while ((k >> level & 1) != 0)
            level++;
        if (k + 1 < slots) {
            assert_true(level < slots_buffers(slots));
            assert_string_equal(pending[level], "");
            memcpy(pending[level], sum, sizeof sum);
        }
    }
    memcpy(result, sum, sizeof sum);
}

static void slots_are_added_pairwise(void **state)
{
    (void)state;
    static const struct {
        int64_t slots;
        const char *tree;
    } cases[] = {{1, "0"},
                 {2, "(0+1)"},
                 {3, "((0+1)+2)"},
                 {4, "((0+1)+(2+3))"},
                 {5, "(((0+1)+(2+3))+4)"},
                 {6, "(((0+1)+(2+3))+(4+5))"},
                 {7, "(((0+1)+(2+3))+((4+5)+6))"},
                 {8, "(((0+1)+(2+3))+((4+5)+(6+7)))"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char tree[256];
        add_slots(cases[i].slots, tree);
        assert_string_equal(tree, cases[i].tree);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pieces_cover_everything_once),
                                       cmocka_unit_test(slots_are_added_pairwise)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
