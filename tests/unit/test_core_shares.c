/* Dividing cores among ranks over many topologies: written cases by hand, and for all small ones what must
 * hold whatever the division. */
#include "../../src/train/core_shares.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

enum { MOST = 256 };

/* "8 8": two NUMA nodes of eight cores each. Returns the number of cores. */
static int64_t make_cores(const int *nodes, int count, struct core *out)
{
    int64_t cores = 0;
    for (int node = 0; node < count; node++)
        for (int i = 0; i < nodes[node]; i++, cores++)
            out[cores] = (struct core){(int)cores, node};
    return cores;
}

static void test_written_cases(void **state)
{
    (void)state;
    static const struct {
        int nodes[8];
        int64_t ranks, threads, share, first[8];
    } cases[] = {
        {{1}, 1, 0, 1, {0}},
        {{2}, 1, 0, 2, {0}},
        {{2}, 2, 0, 1, {0, 1}},
        {{2}, 3, 0, 0, {0}},       /* more ranks than cores */
        {{8}, 3, 0, 2, {0, 2, 4}}, /* equal shares, two cores left */
        {{8, 8}, 1, 0, 16, {0}},   /* fewer ranks than nodes: whole nodes */
        {{8, 8}, 2, 0, 8, {0, 8}},
        {{8, 8}, 3, 0, 4, {0, 4, 8}},  /* 5 each would straddle */
        {{8, 8}, 3, 5, 5, {0, 5, 10}}, /* but 5 were asked for */
        {{8, 8}, 3, 6, 4, {0, 4, 8}},  /* 6 there are not */
        {{8, 8}, 4, 0, 4, {0, 4, 8, 12}},
        {{8, 8}, 5, 0, 2, {0, 2, 4, 8, 10}}, /* three and two of four and four */
        {{8, 8, 8, 8}, 2, 0, 16, {0, 16}},
        {{8, 8, 8, 8}, 3, 0, 10, {0, 10, 20}},
        {{6, 2}, 2, 0, 3, {0, 3}}, /* a cpuset that cuts a node: both in the larger one */
        {{6, 2}, 4, 0, 2, {0, 2, 4, 6}},
        {{3, 3}, 4, 0, 1, {0, 1, 3, 4}},
        {{1, 1, 1, 1}, 4, 0, 1, {0, 1, 2, 3}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct core cores[MOST];
        int64_t first[MOST], count = make_cores(cases[i].nodes, 8, cores);
        int64_t share = core_shares(cores, count, cases[i].ranks, cases[i].threads, first);
        if (share != cases[i].share)
            fail_msg("case %zu: %lld cores each", i, (long long)share);
        for (int64_t rank = 0; share > 0 && rank < cases[i].ranks; rank++)
            if (first[rank] != cases[i].first[rank])
                fail_msg("case %zu: rank %lld begins at %lld", i, (long long)rank, (long long)first[rank]);
    }
}

/* Shares lie within the cores, one behind the other, and in one node where they must. */
static void check_shares(const struct core *cores, int64_t count, int64_t ranks, int64_t nodes)
{
    int64_t first[MOST], share = core_shares(cores, count, ranks, 0, first);
    assert_true((share == 0) == (ranks > count));
    assert_true(share <= count / ranks);
    for (int64_t rank = 0; share > 0 && rank < ranks; rank++) {
        assert_true(first[rank] >= (rank > 0 ? first[rank - 1] + share : 0));
        assert_true(first[rank] + share <= count);
        if (ranks >= nodes)
            assert_int_equal(cores[first[rank]].node, cores[first[rank] + share - 1].node);
    }
}

static void test_all_small_machines(void **state)
{
    (void)state;
    struct core cores[MOST];
    for (int code = 0; code < 9 * 9 * 9; code++) {
        int nodes[] = {code % 9, code / 9 % 9, code / 81};
        int64_t count = make_cores(nodes, 3, cores), used = (nodes[0] > 0) + (nodes[1] > 0) + (nodes[2] > 0);
        for (int64_t ranks = 1; count > 0 && ranks <= count + 2; ranks++)
            check_shares(cores, count, ranks, used);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_written_cases),
        cmocka_unit_test(test_all_small_machines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
