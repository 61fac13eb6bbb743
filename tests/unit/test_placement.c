/* What the log says of the ranks' places, word for word. */
#include "../../src/train/placement_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { MOST = 64 };

/* "NODE THREADS USABLE CORES" for each rank. */
static void expect_lines(const char *const *ranks, const char *why_threads, const char *why_cores,
                         const char *lines)
{
    struct place places[MOST];
    struct buffer text = {0};
    int64_t count = 0;
    for (; ranks[count] != NULL; count++) {
        char cores[64];
        long long node, threads, usable;
        assert_int_equal(sscanf(ranks[count], "%lld %lld %lld %63s", &node, &threads, &usable, cores), 4);
        places[count] = (struct place){.node = node, .threads = threads, .usable = usable};
        assert_true(cpu_mask_parse(cores, &places[count].cores));
    }
    assert_int_equal(placement_describe(places, count, why_threads, why_cores, &text), STATUS_OK);
    assert_string_equal(text.data, lines);
    buffer_free(&text);
}

#define RANKS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_one_node(void **state)
{
    (void)state;
    expect_lines(RANKS("0 2 2 0-1"), NULL, NULL, "1 rank on 1 node, 2 threads: rank 0 on cores 0-1");
    expect_lines(RANKS("0 1 2 0", "0 1 2 1"), NULL, NULL,
                 "2 ranks on 1 node, 1 thread each: rank 0 on core 0, rank 1 on core 1");
    expect_lines(RANKS("0 2 4 0-3", "0 2 4 0-3"), NULL, "x",
                 "2 ranks on 1 node, 2 threads each: ranks 0-1 share cores 0-3");
    expect_lines(RANKS("0 1 5 0", "0 1 5 1", "0 1 5 2", "0 1 5 3", "0 1 5 4"), NULL, NULL,
                 "5 ranks on 1 node, 1 thread each: ranks 0-4 on 1 of cores 0-4 each");
    expect_lines(RANKS("0 1 7 0", "0 1 7 1", "0 1 7 2", "0 1 7 3", "0 3 7 4-6"), NULL, NULL,
                 "5 ranks on 1 node, 1 to 3 threads each: ranks 0-4 on 1 to 3 of cores 0-6 each");
}

static void test_several_nodes(void **state)
{
    (void)state;
    expect_lines(RANKS("0 2 4 0-1", "0 2 4 2-3", "2 2 4 0-1", "2 2 4 2-3"), NULL, NULL,
                 "4 ranks on 2 nodes, 2 threads each: rank 0 on cores 0-1, rank 1 on cores 2-3; 1 other node "
                 "alike");
    expect_lines(RANKS("0 2 4 0-3", "1 2 4 0-3", "0 2 4 0-3", "1 2 4 0-3"), NULL, NULL, /* in turn */
                 "4 ranks on 2 nodes, 2 threads each: 2 ranks share cores 0-3; 1 other node alike");
    expect_lines(RANKS("0 4 4 0-3", "1 2 2 0-1", "2 4 4 0-3"), NULL, NULL,
                 "3 ranks on 3 nodes, 2 to 4 threads each\n"
                 "  rank 0 on cores 0-3; 1 other node alike\n"
                 "  rank 1 on cores 0-1");
    expect_lines(RANKS("0 1 1 0", "1 1 1 1", "2 1 1 2", "3 1 1 3", "4 1 1 4", "5 1 1 5"), NULL, NULL,
                 "6 ranks on 6 nodes, 1 thread each\n"
                 "  rank 0 on core 0\n  rank 1 on core 1\n  rank 2 on core 2\n  rank 3 on core 3\n"
                 "  and 2 nodes of other kinds");
}

static void test_hints(void **state)
{
    (void)state;
    expect_lines(RANKS("0 1 2 0-1"), "run.threads", NULL,
                 "1 rank on 1 node, 1 thread: rank 0 on cores 0-1\n"
                 "hint: 1 of 2 cores idle because of run.threads");
    expect_lines(RANKS("0 1 8 3"), NULL, "the binding",
                 "1 rank on 1 node, 1 thread: rank 0 on core 3\n"
                 "hint: 7 of 8 cores idle because of the binding");
    expect_lines(RANKS("0 1 3 0", "0 1 3 1"), NULL, NULL,
                 "2 ranks on 1 node, 1 thread each: rank 0 on core 0, rank 1 on core 1\n"
                 "hint: 1 of 3 cores idle: they cannot be divided evenly among 2 ranks");
    expect_lines(RANKS("0 1 2 0-1", "0 1 2 0-1", "0 1 2 0-1"), NULL, NULL,
                 "3 ranks on 1 node, 1 thread each: ranks 0-2 share cores 0-1\n"
                 "hint: 3 threads share 2 cores: fewer ranks would be faster");
    expect_lines(RANKS("0 2 2 0", "0 2 2 1"), "run.threads", NULL,
                 "2 ranks on 1 node, 2 threads each: rank 0 on core 0, rank 1 on core 1\n"
                 "hint: 4 threads share 2 cores: a lower run.threads would be faster");
    expect_lines(RANKS("0 1 2 0", "0 1 2 0"), NULL, "the binding", /* both hints */
                 "2 ranks on 1 node, 1 thread each: ranks 0-1 share core 0\n"
                 "hint: 2 threads share 1 core: fewer ranks, or other cores for them, would be faster\n"
                 "hint: 1 of 2 cores idle because of the binding");
    expect_lines(RANKS("0 2 3 0-1", "0 2 3 1-2"), NULL, "the binding", /* sets that overlap */
                 "2 ranks on 1 node, 2 threads each: rank 0 on cores 0-1, rank 1 on cores 1-2\n"
                 "hint: 4 threads share 3 cores: fewer ranks, or other cores for them, would be faster");
    expect_lines(RANKS("0 2 2 0-1", "1 1 2 0"), NULL, "the binding", /* only on the second node */
                 "2 ranks on 2 nodes, 1 to 2 threads each\n  rank 0 on cores 0-1\n  rank 1 on core 0\n"
                 "hint: 1 of 2 cores idle because of the binding");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_node),
        cmocka_unit_test(test_several_nodes),
        cmocka_unit_test(test_hints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
