/* Sets of processors, the masks of this process, and cores and NUMA nodes read from a made-up /sys. */
#include "llmpi/base/affinity.h"
#include "llmpi/base/file.h"
#include "llmpi/base/topology.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scratch.h"

static void expect_printed(const struct cpu_mask *mask, const char *text)
{
    struct buffer out = {0};
    assert_int_equal(buffer_printf(&out, "<"), STATUS_OK);
    assert_int_equal(cpu_mask_print(mask, &out), STATUS_OK);
    assert_string_equal(out.data + 1, text);
    buffer_free(&out);
}

static void test_lists(void **state)
{
    (void)state;
    static const struct {
        const char *text, *printed;
        int64_t count;
    } lists[] = {
        {"0", "0", 1},
        {"0-3", "0-3", 4},
        {"0,2-3,1\n", "0-3", 4},
        {"63-64", "63-64", 2},
        {"7,5", "5,7", 2},
        {"4095", "4095", 1},
        {"0-5000", "0-4095", 4096},
        {"9000", "", 0},
        {"0-3,", NULL, 0},
        {"", NULL, 0},
        {"\n", NULL, 0},
        {"3-1", NULL, 0},
        {"-1", NULL, 0},
        {"1-", NULL, 0},
        {"0 1", NULL, 0},
        {"a", NULL, 0},
        {"99999999999999999999", "", 0},
    };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        struct cpu_mask mask;
        if (cpu_mask_parse(lists[i].text, &mask) != (lists[i].printed != NULL))
            fail_msg("'%s' is taken wrongly", lists[i].text);
        if (lists[i].printed == NULL)
            continue;
        assert_int_equal(cpu_mask_count(&mask), lists[i].count);
        expect_printed(&mask, lists[i].printed);
    }
}

static void test_joining(void **state)
{
    (void)state;
    struct cpu_mask a = {0}, b = {0};
    cpu_mask_add(&a, 3);
    cpu_mask_add(&b, 70);
    assert_false(cpu_mask_equal(&a, &b));
    cpu_mask_join(&a, &b);
    assert_true(cpu_mask_has(&a, 3) && cpu_mask_has(&a, 70) && !cpu_mask_has(&a, 69));
    cpu_mask_join(&b, &a);
    assert_true(cpu_mask_equal(&a, &b));
}

static void write_file(const char *root, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", root, name);
    *strrchr(path, '/') = '\0';
    assert_int_equal(directory_create(path), STATUS_OK);
    path[strlen(path)] = '/';
    assert_int_equal(file_write(path, text, strlen(text)), STATUS_OK);
}

/* Two nodes of two cores with two hardware threads each, numbered as Linux does: siblings are 4 apart. */
static void test_siblings_and_nodes(void **state)
{
    (void)state;
    struct topology topology;
    struct core cores[CPU_MASK_LIMIT];
    struct cpu_mask all, some, share = {0};
    const char *root = scratch_path("sys");
    for (int cpu = 0; cpu < 8; cpu++) {
        char name[128], siblings[16];
        snprintf(name, sizeof name, "devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
        snprintf(siblings, sizeof siblings, "%d,%d\n", cpu % 4, cpu % 4 + 4);
        write_file(root, name, siblings);
    }
    write_file(root, "devices/system/node/online", "0-1\n");
    write_file(root, "devices/system/node/node0/cpulist", "0,2,4,6\n");
    write_file(root, "devices/system/node/node1/cpulist", "1,3,5,7\n");
    assert_true(cpu_mask_parse("0-7", &all) && cpu_mask_parse("1,3,4-5,7", &some));
    topology_read(root, &all, &topology);

    assert_int_equal(topology_cores(&topology, &all, cores), 4);
    static const struct core expected[] = {{0, 0}, {2, 0}, {1, 1}, {3, 1}};
    for (int i = 0; i < 4; i++)
        assert_true(cores[i].cpu == expected[i].cpu && cores[i].node == expected[i].node);
    topology_add_core(&topology, &all, cores[1], &share);
    expect_printed(&share, "2,6");

    assert_int_equal(topology_cores(&topology, &some, cores), 3); /* of core 0 only the second thread */
    assert_true(cores[0].cpu == 4 && cores[0].node == 0 && cores[1].cpu == 1 && cores[2].cpu == 3);
    share = (struct cpu_mask){0};
    for (int i = 0; i < 3; i++)
        topology_add_core(&topology, &some, cores[i], &share);
    expect_printed(&share, "1,3-5,7");
}

static void test_nothing_said(void **state)
{
    (void)state;
    struct topology topology;
    struct core cores[CPU_MASK_LIMIT];
    struct cpu_mask mask, none = {0};
    assert_true(cpu_mask_parse("2-3,4095", &mask));
    topology_read(scratch_path("missing"), &mask, &topology);
    assert_int_equal(topology_cores(&topology, &mask, cores), 3);
    assert_true(cores[0].cpu == 2 && cores[1].cpu == 3 && cores[2].cpu == 4095 && cores[2].node == 0);
    assert_int_equal(topology_cores(&topology, &none, cores), 0);
}

static void test_masks_of_this_process(void **state)
{
    (void)state;
    struct cpu_mask before, possible, one = {0}, after, parent;
    assert_true(affinity_get(&before) && affinity_possible(&possible) && affinity_get(&after));
    assert_true(cpu_mask_equal(&before, &after));
    cpu_mask_join(&after, &possible);
    assert_true(cpu_mask_equal(&after, &possible));
    int cpu = 0;
    while (!cpu_mask_has(&before, cpu))
        cpu++;
    cpu_mask_add(&one, cpu);
    assert_true(affinity_set(&one) && affinity_get(&after));
    assert_true(cpu_mask_equal(&one, &after));
    assert_true(affinity_set(&before) && affinity_get(&after));
    assert_true(cpu_mask_equal(&before, &after));
    one = (struct cpu_mask){0};
    assert_false(affinity_set(&one)); /* nowhere */
    assert_false(affinity_of_ancestor((const char *const[]){"no such program", NULL}, &parent));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_joining),
        cmocka_unit_test(test_siblings_and_nodes),
        cmocka_unit_test(test_nothing_said),
        cmocka_unit_test(test_masks_of_this_process),
    };
    return cmocka_run_group_tests(tests, scratch_create, scratch_remove);
}
