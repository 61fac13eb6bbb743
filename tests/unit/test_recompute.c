/* train.recompute: what backward computes again has the bits that forward had, so that losses and gradients
 * are the same, and the memory falls by what activations.h says. */
#include "llmpi/kernels/threads.h"
#include "llmpi/model/model.h"
#include "reference/model_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LAYERS = 4, WIDTH = 24, HEADS = 3, LENGTH = 20, SEQUENCES = 4, ROWS = SEQUENCES * LENGTH };

static const enum recompute modes[] = {RECOMPUTE_NONE, RECOMPUTE_ATTENTION, RECOMPUTE_BLOCK};

static struct model_shape shape_with(int64_t layers, double dropout)
{
    return (struct model_shape){.n_layer = layers,
                                .n_head = HEADS,
                                .n_embd = WIDTH,
                                .context_length = LENGTH,
                                .vocab_size = 61,
                                .bias = true,
                                .tied_head = true,
                                .dropout = dropout};
}

/* Gradients of two passes, the second over a shorter batch, so that what the first left behind would show. */
static float *gradients_of(const struct model_shape *shape, enum element element, enum recompute recompute,
                           struct model_loss *sums)
{
    struct model *model;
    struct case_batch batch;
    const struct model_use use = {SEQUENCES, true, element, recompute, NULL};
    assert_int_equal(model_create(shape, &use, &allocator_plain, &model), STATUS_OK);
    const struct parameter_table *table = model_table(model);
    double *parameters = calloc((size_t)table->total, sizeof *parameters);
    float *copy = calloc((size_t)table->total, sizeof *copy);
    assert_true(parameters != NULL && copy != NULL);
    case_parameters(table, 0.3, parameters);
    for (int64_t i = 0; i < table->total; i++)
        model_parameters(model)[i] = (float)parameters[i];
    model_refresh_all(model);
    case_batch_fill(&batch, shape, SEQUENCES, LENGTH, (struct case_options){.weights = true});
    model_train(model, &batch.batch, 1, 2, &sums[0], NULL);
    case_batch_fill(&batch, shape, 3, 13, (struct case_options){true, true, true});
    model_train(model, &batch.batch, 1, 3, &sums[1], NULL);
    memcpy(copy, model_gradients(model), (size_t)table->total * sizeof *copy);
    free(parameters);
    model_destroy(model);
    return copy;
}

static void check_same_bits(enum element element, double dropout)
{
    struct model_shape shape = shape_with(LAYERS, dropout);
    struct model_loss sums[3][2] = {0};
    float *gradients[3];
    struct parameter_table table;
    assert_int_equal(parameter_table_create(&shape, &table), STATUS_OK);
    for (int i = 0; i < 3; i++)
        gradients[i] = gradients_of(&shape, element, modes[i], sums[i]);
    for (int i = 1; i < 3; i++) {
        assert_memory_equal(sums[i], sums[0], sizeof sums[0]);
        assert_memory_equal(gradients[i], gradients[0], (size_t)table.total * sizeof(float));
    }
    for (int i = 0; i < 3; i++)
        free(gradients[i]);
    parameter_table_free(&table);
}

static void fp32_has_the_same_bits(void **state)
{
    (void)state;
    check_same_bits(ELEMENT_FP32, 0);
    check_same_bits(ELEMENT_FP32, 0.25);
}

static void bf16_has_the_same_bits(void **state)
{
    (void)state;
    check_same_bits(ELEMENT_BF16, 0);
    check_same_bits(ELEMENT_BF16, 0.25);
}

static void several_threads_have_the_same_bits(void **state)
{
    (void)state;
    int threads = threads_count();
    threads_set(3);
    check_same_bits(ELEMENT_FP32, 0.25);
    threads_set(threads);
}

/* Pieces begin on MEMORY_ALIGNMENT. */
static int64_t piece(int64_t count, int64_t size)
{
    return (count * size + MEMORY_ALIGNMENT - 1) / MEMORY_ALIGNMENT * MEMORY_ALIGNMENT;
}

/* What one more block costs. */
static int64_t bytes_of_block(enum element element, enum recompute recompute)
{
    struct activations layout = {0};
    struct model_shape one = shape_with(LAYERS, 0), two = shape_with(LAYERS + 1, 0);
    const struct model_use use = {SEQUENCES, true, element, recompute, NULL};
    return activations_layout(&two, &use, NULL, &layout) - activations_layout(&one, &use, NULL, &layout);
}

static void memory_falls_as_documented(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        enum element element = i == 0 ? ELEMENT_FP32 : ELEMENT_BF16;
        int64_t size = (int64_t)element_size(element), statistics = 2 * piece(ROWS, 4);
        int64_t stream = piece(ROWS * WIDTH, 4); /* the block's output */
        int64_t mlp = piece(ROWS * WIDTH, 4) + piece(4 * ROWS * WIDTH, size) + statistics;
        int64_t attention =
            piece(3 * ROWS * WIDTH, size) + piece(ROWS * WIDTH, size) + piece(HEADS * ROWS, 4) + statistics;
        assert_int_equal(bytes_of_block(element, RECOMPUTE_BLOCK), stream);
        assert_int_equal(bytes_of_block(element, RECOMPUTE_ATTENTION), stream + mlp);
        assert_int_equal(bytes_of_block(element, RECOMPUTE_NONE), stream + mlp + attention);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fp32_has_the_same_bits), cmocka_unit_test(bf16_has_the_same_bits),
        cmocka_unit_test(several_threads_have_the_same_bits), cmocka_unit_test(memory_falls_as_documented)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
