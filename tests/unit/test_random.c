/* Random numbers: the published answers of Philox4x32-10, ranges, and permutations that are bijections. */
#include "llmpi/base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* Known answers of Random123 (kat_vectors, "philox4x32 10"): counter, key, result. */
static void test_known_answers(void **state)
{
    (void)state;
    static const struct {
        uint64_t seed, stream, index;
        uint32_t out[4];
    } known[] = {
        {0, 0, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {UINT64_MAX, UINT64_MAX, UINT64_MAX, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {0x299f31d0a4093822,
         0x0370734413198a2e,
         0x85a308d3243f6a88,
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        uint32_t out[4];
        random_block(known[i].seed, known[i].stream, known[i].index, out);
        assert_memory_equal(out, known[i].out, sizeof out);
    }
}

/* Mean and variance of 100,000 draws, within five standard errors. */
static void test_distributions(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    double sum = 0, squares = 0, normal_sum = 0, normal_squares = 0;
    for (uint64_t i = 0; i < COUNT; i++) {
        double uniform = random_uniform(7, 1, i), four[4];
        random_normals(7, 2, i / 4, four);
        double normal = four[i % 4];
        assert_true(uniform >= 0 && uniform < 1 && isfinite(normal));
        sum += uniform;
        squares += uniform * uniform;
        normal_sum += normal;
        normal_squares += normal * normal;
    }
    double root = sqrt(COUNT);
    assert_true(fabs(sum / COUNT - 0.5) < 5 * sqrt(1.0 / 12) / root);
    assert_true(fabs(squares / COUNT - 1.0 / 3) < 5 * sqrt(4.0 / 45) / root);
    assert_true(fabs(normal_sum / COUNT) < 5 / root);
    assert_true(fabs(normal_squares / COUNT - 1) < 5 * sqrt(2) / root);
}

static void test_below(void **state)
{
    (void)state;
    int64_t seen[7] = {0};
    for (uint64_t i = 0; i < 7000; i++) {
        uint64_t value = random_below(1, 2, i, 7);
        assert_true(value < 7);
        seen[value]++;
        assert_int_equal(random_below(1, 2, i, 1), 0);
        assert_true(random_below(1, 2, i, UINT64_MAX) < UINT64_MAX);
    }
    for (int i = 0; i < 7; i++) /* expected 1,000 with a deviation of 29.3: within five of them */
        assert_true(seen[i] > 850 && seen[i] < 1150);
}

static void test_permutations(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {1, 2, 3, 4, 5, 16, 17, 100, 1023, 1024, 1025, 5000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        bool hit[5000] = {false};
        uint64_t n = sizes[i], moved = 0;
        for (uint64_t index = 0; index < n; index++) {
            uint64_t image = random_permute(3, i, index, n);
            assert_true(image < n && !hit[image]);
            hit[image] = true;
            moved += image != index;
        }
        assert_true(n < 100 || moved > n * 9 / 10);
    }
    assert_true(random_permute(1, 1, UINT64_MAX - 1, UINT64_MAX) < UINT64_MAX);
    int differ = 0;
    for (uint64_t index = 0; index < 100; index++)
        differ += random_permute(1, 1, index, 1000) != random_permute(1, 2, index, 1000);
    assert_true(differ > 90);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers),
        cmocka_unit_test(test_distributions),
        cmocka_unit_test(test_below),
        cmocka_unit_test(test_permutations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
