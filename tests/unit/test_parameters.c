/* The table: counts of the published GPT-2 sizes, names and shapes, the layout's promises, and
 * initialisation. */
#include "llmpi/model/parameters.h"

#include "llmpi/kernels/threads.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

static struct model_shape gpt2(int64_t n_layer, int64_t n_head, int64_t n_embd)
{
    return (struct model_shape){.n_layer = n_layer,
                                .n_head = n_head,
                                .n_embd = n_embd,
                                .context_length = 1024,
                                .vocab_size = 50257,
                                .bias = true,
                                .tied_head = true};
}

static int64_t count_parameters(const struct parameter_table *table)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < table->count; i++)
        sum += table->rows[i].count;
    return sum;
}

/* The sizes of Hugging Face's gpt2, gpt2-medium, gpt2-large and gpt2-xl. */
static void test_published_counts(void **state)
{
    static const struct {
        int64_t n_layer, n_head, n_embd, parameters;
    } sizes[] = {{12, 12, 768, 124439808},
                 {24, 16, 1024, 354823168},
                 {36, 20, 1280, 774030080},
                 {48, 25, 1600, 1557611200}};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct model_shape shape = gpt2(sizes[i].n_layer, sizes[i].n_head, sizes[i].n_embd);
        struct parameter_table table;
        assert_int_equal(parameter_table_create(&shape, &table), STATUS_OK);
        assert_int_equal(count_parameters(&table), sizes[i].parameters);
        assert_int_equal(table.count, 2 + 12 * sizes[i].n_layer + 2);
        parameter_table_free(&table);
    }
}

static void test_variants(void **state)
{
    (void)state;
    struct model_shape shape = gpt2(2, 4, 64);
    shape.bias = false;
    shape.tied_head = false;
    struct parameter_table table;
    assert_int_equal(parameter_table_create(&shape, &table), STATUS_OK);
    assert_null(parameter_find(&table, "h.0.ln_1.bias"));
    assert_null(parameter_find(&table, "ln_f.bias"));
    const struct parameter *head = parameter_find(&table, "lm_head.weight");
    assert_non_null(head);
    assert_int_equal(head->block, 3);
    assert_int_equal(head->sizes[0], 50257);
    assert_int_equal(count_parameters(&table), 2 * 50257 * 64 + 1024 * 64 + 2 * (12 * 64 * 64 + 2 * 64) + 64);
    parameter_table_free(&table);
}

static void check_row(const struct parameter_table *table, const char *name, int dimensions, int64_t first,
                      int64_t second, double deviation)
{
    const struct parameter *row = parameter_find(table, name);
    assert_non_null(row);
    assert_int_equal(row->dimensions, dimensions);
    assert_int_equal(row->sizes[0], first);
    assert_int_equal(row->sizes[1], second);
    assert_true(fabs(row->deviation - deviation) < 1e-12);
    assert_int_equal(row->decay, dimensions == 2);
    assert_true(row->trainable);
}

static void test_names_and_shapes(void **state)
{
    (void)state;
    struct model_shape shape = gpt2(12, 12, 768);
    struct parameter_table table;
    assert_int_equal(parameter_table_create(&shape, &table), STATUS_OK);
    double residual = 0.02 / sqrt(24);
    check_row(&table, "wte.weight", 2, 50257, 768, 0.02);
    check_row(&table, "wpe.weight", 2, 1024, 768, 0.02);
    check_row(&table, "h.0.ln_1.weight", 1, 768, 1, 0);
    check_row(&table, "h.3.attn.c_attn.weight", 2, 768, 2304, 0.02);
    check_row(&table, "h.3.attn.c_attn.bias", 1, 2304, 1, 0);
    check_row(&table, "h.11.attn.c_proj.weight", 2, 768, 768, residual);
    check_row(&table, "h.11.mlp.c_fc.weight", 2, 768, 3072, 0.02);
    check_row(&table, "h.11.mlp.c_proj.weight", 2, 3072, 768, residual);
    check_row(&table, "ln_f.bias", 1, 768, 1, 0);
    assert_null(parameter_find(&table, "lm_head.weight"));
    assert_null(parameter_find(&table, "h.12.ln_1.weight"));
    parameter_table_free(&table);
}

/* Rows follow each other without overlap, aligned, with gaps below one alignment; blocks tile the array. */
static void test_layout(void **state)
{
    (void)state;
    struct model_shape shape = {
        .n_layer = 3, .n_head = 1, .n_embd = 5, .context_length = 7, .vocab_size = 11, .bias = true};
    struct parameter_table table;
    assert_int_equal(parameter_table_create(&shape, &table), STATUS_OK);
    int64_t end = 0;
    for (int64_t i = 0; i < table.count; i++) {
        assert_int_equal(table.rows[i].offset % 16, 0);
        assert_in_range(table.rows[i].offset - end, 0, 15);
        end = table.rows[i].offset + table.rows[i].count;
    }
    assert_in_range(table.total - end, 0, 15);
    end = 0;
    for (int64_t block = 0; block < table.blocks; block++) {
        int64_t first, count;
        parameter_block(&table, block, &first, &count);
        assert_int_equal(first, end);
        end += count;
        for (int64_t i = 0; i < table.count; i++)
            if (table.rows[i].block == block)
                assert_true(table.rows[i].offset >= first &&
                            table.rows[i].offset + table.rows[i].count <= end);
    }
    assert_int_equal(end, table.total);
    parameter_table_free(&table);
}

static void check_moments(const float *values, int64_t count, double deviation)
{
    double sum = 0, squares = 0, fourth = 0;
    for (int64_t i = 0; i < count; i++) {
        double z = values[i] / deviation;
        sum += z;
        squares += z * z;
        fourth += z * z * z * z;
    }
    double n = (double)count; /* six standard errors of each moment of a normal distribution */
    assert_true(fabs(sum / n) < 6 / sqrt(n));
    assert_true(fabs(squares / n - 1) < 6 * sqrt(2 / n));
    assert_true(fabs(fourth / n - 3) < 6 * sqrt(96 / n));
}

static void test_initialisation(void **state)
{
    (void)state;
    struct model_shape shape = {
        .n_layer = 2, .n_head = 2, .n_embd = 50, .context_length = 33, .vocab_size = 401, .bias = true};
    struct parameter_table table;
    assert_int_equal(parameter_table_create(&shape, &table), STATUS_OK);
    float *one = malloc((size_t)table.total * sizeof *one), *two = malloc((size_t)table.total * sizeof *two);
    assert_non_null(one);
    assert_non_null(two);
    memset(one, 0x7f, (size_t)table.total * sizeof *one);
    parameter_initialise(&table, 7, one);
    int64_t zeros = 0;
    for (int64_t i = 0; i < table.total; i++)
        zeros += one[i] == 0;
    for (int64_t i = 0; i < table.count; i++) {
        const struct parameter *row = &table.rows[i];
        if (row->start == START_NORMAL)
            check_moments(one + row->offset, row->count, row->deviation);
        for (int64_t e = 0; row->start != START_NORMAL && e < row->count; e++)
            assert_true(one[row->offset + e] == (row->start == START_ONE ? 1 : 0));
        zeros -= row->start == START_ZERO ? row->count : 0;
    }
    assert_true(one[table.rows[0].offset] != one[table.rows[1].offset]); /* tensors draw their own numbers */
    assert_int_equal(zeros, table.total - count_parameters(&table));     /* the gaps, and nothing else */
    int threads = threads_count();
    threads_set(threads == 1 ? 3 : 1);
    parameter_initialise(&table, 7, two);
    threads_set(threads);
    assert_memory_equal(one, two, (size_t)table.total * sizeof *one);
    parameter_initialise(&table, 8, two);
    int64_t same = 0;
    for (int64_t i = 0; i < table.rows[0].count; i++)
        same += one[i] == two[i];
    assert_true(same < 5);
    free(one);
    free(two);
    parameter_table_free(&table);
}

static void test_wrong_shapes(void **state)
{
    (void)state;
    struct model_shape shapes[8];
    struct parameter_table table;
    for (int i = 0; i < 8; i++)
        shapes[i] = gpt2(12, 12, 768);
    shapes[0].n_layer = 0;
    shapes[1].n_head = 7;
    shapes[2].n_embd = -768;
    shapes[3].context_length = (int64_t)1 << 40;
    shapes[4].vocab_size = 0;
    shapes[5].dropout = 1;
    shapes[6].dropout = NAN;
    shapes[7].n_layer = INT64_MAX;
    for (int i = 0; i < 8; i++) {
        assert_int_equal(parameter_table_create(&shapes[i], &table), STATUS_USAGE);
        assert_null(table.rows);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_counts), cmocka_unit_test(test_variants),
        cmocka_unit_test(test_names_and_shapes), cmocka_unit_test(test_layout),
        cmocka_unit_test(test_initialisation),   cmocka_unit_test(test_wrong_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
