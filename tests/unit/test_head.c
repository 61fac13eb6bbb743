/* The head in chunks: any number of rows at a time gives the same losses and gradients. */
#include "llmpi/model/head.h"

#include "llmpi/base/memory.h"
#include "reference/model_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#define ROWS 24

/* A head with the memory around it. */
struct fixture {
    struct model_shape shape;
    struct parameter_table table;
    struct activations activations;
    struct block_activations blocks[1];
    struct case_batch batch;
    struct head head;
    double *exact;
    float *parameters, *gradients;
    void *memory;
};

static void setup(struct fixture *f)
{
    *f = (struct fixture){.shape = {.n_layer = 1,
                                    .n_head = 1,
                                    .n_embd = 20,
                                    .context_length = ROWS / 2,
                                    .vocab_size = 37,
                                    .bias = true}};
    f->activations.blocks = f->blocks;
    const struct model_use use = {.sequences = 2, .training = true};
    f->memory = memory_allocate(activations_layout(&f->shape, &use, NULL, &f->activations), 1, "a test");
    activations_layout(&f->shape, &use, f->memory, &f->activations);
    assert_int_equal(parameter_table_create(&f->shape, &f->table), STATUS_OK);
    f->exact = calloc((size_t)f->table.total, sizeof *f->exact);
    f->parameters = memory_allocate(f->table.total, sizeof *f->parameters, "a test");
    f->gradients = memory_allocate(f->table.total, sizeof *f->gradients, "a test");
    assert_true(f->memory != NULL && f->exact != NULL && f->parameters != NULL && f->gradients != NULL);
    case_parameters(&f->table, 0.5, f->exact);
    for (int64_t i = 0; i < f->table.total; i++)
        f->parameters[i] = (float)f->exact[i];
    for (int64_t i = 0; i < ROWS * f->shape.n_embd; i++)
        f->blocks[0].output[i] = (float)sin((double)i);
    case_batch_fill(&f->batch, &f->shape, 2, ROWS / 2, (struct case_options){.weights = true});
    assert_int_equal(head_create(&f->head, &f->table, &f->shape, ELEMENT_FP32, &allocator_plain), STATUS_OK);
    head_refresh(&f->head, f->parameters);
}

static void teardown(struct fixture *f)
{
    head_destroy(&f->head);
    free(f->exact);
    memory_free(f->parameters);
    memory_free(f->gradients);
    memory_free(f->memory);
    parameter_table_free(&f->table);
}

static struct pass pass_of(struct fixture *f)
{
    return (struct pass){.shape = &f->shape,
                         .activations = &f->activations,
                         .parameters = f->parameters,
                         .gradients = f->gradients,
                         .batch = &f->batch.batch,
                         .rows = ROWS};
}

/* Sums of 24 terms in another order: some 24 * 2^-24 of their norm at most. */
static void assert_same(const float *values, const double *expected, int64_t count)
{
    const struct parameter row = {.count = count};
    assert_true(case_difference(&row, values, expected) < 2e-6);
}

static void test_chunks(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    const struct parameter *head = parameter_find(&f.table, "lm_head.weight");
    const struct parameter *gain = parameter_find(&f.table, "ln_f.weight");
    double whole[ROWS * 20], head_gradient[37 * 20], gain_gradient[20], loss = 0;
    assert_int_equal(f.activations.chunk_rows, ROWS);
    for (int64_t chunk_rows = ROWS; chunk_rows >= 1; chunk_rows = chunk_rows * 2 / 3) {
        struct model_loss sums = {0}, evaluated = {0};
        struct pass pass = pass_of(&f);
        memset(f.gradients, 0, (size_t)f.table.total * sizeof *f.gradients);
        f.activations.chunk_rows = chunk_rows;
        head_train(&f.head, &pass, &sums);
        head_evaluate(&f.head, &pass, NULL, &evaluated);
        assert_true(fabs(evaluated.loss - sums.loss) < 1e-6 * sums.loss);
        if (chunk_rows == ROWS) {
            loss = sums.loss;
            for (int i = 0; i < ROWS * 20; i++)
                whole[i] = (double)f.activations.gradient[i];
            for (int i = 0; i < 37 * 20; i++)
                head_gradient[i] = (double)f.gradients[head->offset + i];
            for (int i = 0; i < 20; i++)
                gain_gradient[i] = (double)f.gradients[gain->offset + i];
        }
        assert_true(fabs(sums.loss - loss) < 1e-6 * loss);
        assert_same(f.activations.gradient, whole, ROWS * 20);
        assert_same(f.gradients + head->offset, head_gradient, 37 * 20);
        assert_same(f.gradients + gain->offset, gain_gradient, 20);
    }
    teardown(&f);
}

/* Any rows, in any order and in chunks of any size, have the losses that all of them have together. */
static void test_score(void **state)
{
    (void)state;
    struct fixture f;
    const int64_t rows[] = {23, 0, 7, 7, 12};
    setup(&f);
    for (int64_t chunk_rows = ROWS; chunk_rows >= 1; chunk_rows = chunk_rows * 2 / 3) {
        float all[ROWS], losses[5], logits[37];
        uint32_t targets[5];
        bool largest[5];
        struct model_loss ignored = {0};
        struct pass pass = pass_of(&f);
        f.activations.chunk_rows = chunk_rows;
        head_evaluate(&f.head, &pass, all, &ignored);
        for (int i = 0; i < 5; i++)
            targets[i] = f.batch.batch.targets[rows[i]];
        targets[3] = 0; /* the likeliest at that row */
        head_logits(&f.head, &pass, rows[3], logits);
        for (uint32_t id = 1; id < 37; id++)
            targets[3] = logits[id] > logits[targets[3]] ? id : targets[3];
        head_score(&f.head, &pass, rows, targets, 5, losses, largest);
        for (int i = 0; i < 5; i++)
            if (i != 3)
                assert_true(fabsf(losses[i] - all[rows[i]]) < 1e-5f);
        assert_true(largest[3] && losses[3] < losses[2] && !largest[2]);
    }
    teardown(&f);
}

/* Logits of GPT-2's vocabulary stay within 208 MiB whatever the batch is, and one row always fits. */
static void test_chunk_size(void **state)
{
    (void)state;
    struct model_shape shape = {
        .n_layer = 1, .n_head = 1, .n_embd = 8, .context_length = 1024, .vocab_size = 50257};
    const struct model_use use = {.sequences = 64, .training = true};
    struct activations activations = {0};
    activations_layout(&shape, &use, NULL, &activations);
    assert_in_range(activations.chunk_rows, 256, ((int64_t)208 << 20) / (4 * 50257));
    shape.vocab_size = INT32_MAX;
    activations_layout(&shape, &use, NULL, &activations);
    assert_int_equal(activations.chunk_rows, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_chunks), cmocka_unit_test(test_score),
                                       cmocka_unit_test(test_chunk_size)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
