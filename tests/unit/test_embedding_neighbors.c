/* Neighbors in an embedding of six tokens in the plane, whose angles are known. */
#include "llmpi/model/embedding_neighbors.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* 0 and 3 along x, 1 along y, 2 between them, 4 against x, 5 is zero; lengths do not matter. */
static const float embedding[6][2] = {{1, 0}, {0, 2}, {3, 3}, {5, 0}, {-1, 0}, {0, 0}};

static void test_order(void **state)
{
    (void)state;
    double query[2] = {0};
    struct neighbor found[6];
    const uint32_t self = 0;
    neighbors_add(&embedding[0][0], 2, &self, 1, 1, query);
    assert_int_equal(neighbors_find(&embedding[0][0], 6, 2, query, &self, 1, 6, found), 4);
    const uint32_t ids[] = {3, 2, 1, 4};
    const double cosines[] = {1, sqrt(0.5), 0, -1};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(found[i].id, ids[i]);
        assert_true(fabs(found[i].cosine - cosines[i]) < 1e-12);
    }
    assert_int_equal(neighbors_find(&embedding[0][0], 6, 2, query, &self, 1, 2, found), 2);
    assert_int_equal(found[1].id, 2);
}

static void test_equal(void **state)
{
    (void)state;
    const double query[2] = {2, 0};
    struct neighbor found[2];
    assert_int_equal(neighbors_find(&embedding[0][0], 6, 2, query, NULL, 0, 2, found), 2);
    assert_int_equal(found[0].id, 0);
    assert_int_equal(found[1].id, 3);
}

/* 0 - 4 is twice x; the mean of 0 and 1 is the direction of 2. */
static void test_sums(void **state)
{
    (void)state;
    double query[2] = {0};
    struct neighbor found[1];
    const uint32_t pieces[] = {0, 1}, minus = 4;
    neighbors_add(&embedding[0][0], 2, pieces, 2, 1, query);
    assert_int_equal(neighbors_find(&embedding[0][0], 6, 2, query, pieces, 2, 1, found), 1);
    assert_int_equal(found[0].id, 2);
    assert_true(fabs(found[0].cosine - 1) < 1e-12);
    query[0] = query[1] = 0;
    neighbors_add(&embedding[0][0], 2, pieces, 1, 1, query);
    neighbors_add(&embedding[0][0], 2, &minus, 1, -1, query);
    assert_true(fabs(query[0] - 2) < 1e-12 && query[1] == 0);
    query[0] = 0;
    assert_int_equal(neighbors_find(&embedding[0][0], 6, 2, query, NULL, 0, 1, found), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_order), cmocka_unit_test(test_equal),
                                       cmocka_unit_test(test_sums)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
