/* Training steps in bf16 against the double-precision reference: the whole path through the provider in use,
 * with widths that are no multiple of anything. */
#include "llmpi/kernels/dropout.h"
#include "llmpi/kernels/matmul_bf16.h"
#include "llmpi/model/model.h"
#include "reference/model_case.h"
#include "reference/reference_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <math.h>

/* A rounding to bf16 changes a number by up to 2^-9 of it, and a tensor of them by about 2^-9 / sqrt(3) of
 * its norm. Some 13 tensors of a layer are rounded on the way forward (weights, and what enters and leaves
 * the products) and as many on the way back, nearly independently: sqrt(2 * 13 * 3) * 2^-9 / sqrt(3) = 1 %
 * for three layers. Where terms cancel, which happens in small tensors, the rest weighs more. The loss, an
 * average over independent tokens, comes closer. An adapter's gradient passes one more product, through a
 * tensor of its rank, a few numbers wide, whose roundings average less. */
#define GRADIENT_TOLERANCE 3e-2
#define ADAPTER_TOLERANCE  4e-2
#define LOSS_TOLERANCE     2e-3

#define SEED 42
#define STEP 3

struct situation {
    struct model_shape shape;
    int64_t sequences, length;
    struct case_options options;
};

/* Layers, heads, width, context, vocabulary, bias, tied head, dropout, adapters; the batch. */
static const struct situation situations[] = {
    {{3, 3, 24, 20, 61, true, true, 0, {0}}, 4, 20, {0}},
    {{2, 1, 7, 9, 5, true, true, 0, {0}}, 3, 9, {.weights = true}},
    {{2, 3, 30, 37, 101, false, false, 0, {0}}, 3, 31, {.documents = true}},
    {{2, 5, 35, 50, 67, true, false, 0.25, {0}}, 3, 49, {true, true, true}},
    {{1, 1, 65, 70, 33, false, true, 0, {0}}, 3, 70, {0}},
    {{2, 2, 64, 128, 258, true, true, 0, {0}}, 2, 128, {0}},
    {{3, 3, 24, 20, 61, true, true, 0, {5, 7, LORA_ALL, true}}, 4, 20, {0}},
    {{2, 3, 30, 37, 101, false, false, 0.1, {8, 16, LORA_ATTENTION, false}}, 3, 31, {.weights = true}},
};

/* The program's dropout, element by element. */
static double program_mask(const void *context, uint64_t place, int64_t sequence, int64_t index)
{
    struct dropout dropout = *(const struct dropout *)context;
    dropout.place = place;
    return (double)dropout_factor(&dropout, sequence, index);
}

static struct model *make_model(const struct situation *situation, enum recompute recompute,
                                const double *parameters)
{
    struct model *model;
    const struct model_use use = {situation->sequences, true, ELEMENT_BF16, recompute, NULL};
    assert_int_equal(model_create(&situation->shape, &use, &allocator_plain, &model), STATUS_OK);
    for (int64_t i = 0; i < model_table(model)->total; i++)
        model_parameters(model)[i] = (float)parameters[i];
    model_refresh_all(model);
    return model;
}

static void assert_loss(int situation, double value, double expected)
{
    if (!(fabs(value - expected) <= LOSS_TOLERANCE * fabs(expected)))
        fail_msg("situation %d: loss %.9g, expected %.9g", situation, value, expected);
}

static void check(int number, enum recompute recompute)
{
    const struct situation *situation = &situations[number];
    const struct dropout dropout = {situation->shape.dropout, SEED, STEP, 0, 0};
    double tolerance = situation->shape.lora.rank > 0 ? ADAPTER_TOLERANCE : GRADIENT_TOLERANCE;
    struct parameter_table table;
    struct case_batch batch;
    struct model_loss trained = {0}, evaluated = {0};
    assert_int_equal(parameter_table_create(&situation->shape, &table), STATUS_OK);
    double *parameters = calloc((size_t)table.total, sizeof *parameters);
    double *expected = calloc((size_t)table.total, sizeof *expected);
    assert_true(parameters != NULL && expected != NULL);
    case_parameters(&table, 0.3, parameters);
    case_batch_fill(&batch, &situation->shape, situation->sequences, situation->length, situation->options);
    struct model *model = make_model(situation, recompute, parameters);
    struct reference_model reference = {&situation->shape, &table, parameters,
                                        dropout.probability > 0 ? program_mask : NULL, &dropout};

    model_train(model, &batch.batch, SEED, STEP, &trained, NULL);
    assert_loss(number, trained.loss, reference_model_run(&reference, &batch.batch, NULL, expected));
    for (int64_t i = 0; i < table.count; i++) {
        if (!table.rows[i].trainable)
            continue;
        double difference = case_difference(&table.rows[i], model_gradients(model), expected);
        if (!(difference <= tolerance))
            fail_msg("situation %d, %s: relative difference %g", number, table.rows[i].name, difference);
    }
    reference.mask = NULL;
    model_evaluate(model, &batch.batch, NULL, &evaluated);
    assert_loss(number, evaluated.loss, reference_model_run(&reference, &batch.batch, NULL, NULL));
    model_destroy(model);
    free(expected);
    free(parameters);
    parameter_table_free(&table);
}

static void test_against_reference(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof situations / sizeof *situations; i++)
        check((int)i, RECOMPUTE_NONE);
}

static void test_recomputed(void **state)
{
    (void)state;
    check(2, RECOMPUTE_ATTENTION);
    check(3, RECOMPUTE_BLOCK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_reference),
                                       cmocka_unit_test(test_recomputed)};
    if (matmul_bf16_check() != STATUS_OK) {
        print_message("skipped: %s\n", status_message());
        return 77;
    }
    print_message("bf16 products: %s\n", matmul_bf16_name());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
