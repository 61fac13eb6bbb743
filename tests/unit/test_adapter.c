/* Adapters: with B zero the model is the one without them, and merged they are what they were beside it. That
 * their gradients are right is shown in test_model, test_model_bf16 and test_reference_model. */
#include "llmpi/model/adapter.h"
#include "llmpi/model/model.h"
#include "reference/model_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

enum { SEQUENCES = 3, LENGTH = 40 };

static struct model_shape with_lora(int64_t rank, enum lora_targets targets)
{
    return (struct model_shape){.n_layer = 3,
                                .n_head = 3,
                                .n_embd = 48,
                                .context_length = LENGTH,
                                .vocab_size = 61,
                                .bias = true,
                                .tied_head = true,
                                .lora = {rank, 2.0 * (double)rank, targets, true}};
}

static struct model *make_model(const struct model_shape *shape, enum element element)
{
    struct model *model;
    const struct model_use use = {.sequences = SEQUENCES, .element = element};
    assert_int_equal(model_create(shape, &use, &allocator_plain, &model), STATUS_OK);
    return model;
}

/* An adapted model of the case's numbers; and a plain one with the same weights. */
static void make_pair(const struct model_shape *shape, enum element element, struct model *pair[2])
{
    struct model_shape plain = *shape;
    plain.lora.rank = 0;
    pair[0] = make_model(shape, element);
    pair[1] = make_model(&plain, element);
    const struct parameter_table *adapted = model_table(pair[0]), *without = model_table(pair[1]);
    double *numbers = calloc((size_t)adapted->total, sizeof *numbers);
    assert_non_null(numbers);
    case_parameters(adapted, 0.3, numbers);
    for (int64_t i = 0; i < adapted->total; i++)
        model_parameters(pair[0])[i] = (float)numbers[i];
    for (int64_t i = 0; i < without->count; i++) {
        const struct parameter *to = &without->rows[i], *from = parameter_find(adapted, to->name);
        memcpy(model_parameters(pair[1]) + to->offset, model_parameters(pair[0]) + from->offset,
               (size_t)to->count * sizeof(float));
    }
    free(numbers);
}

static void merge(const struct model_shape *shape, struct model *pair[2])
{
    const struct parameter_table *adapted = model_table(pair[0]), *plain = model_table(pair[1]);
    const float *from = model_parameters(pair[0]);
    for (int64_t i = 0; i < plain->count; i++) {
        const struct parameter *row = &plain->rows[i];
        char name[2][80];
        int stem = (int)(strlen(row->name) - strlen("weight"));
        snprintf(name[0], sizeof name[0], "%.*slora_A.weight", stem, row->name);
        snprintf(name[1], sizeof name[1], "%.*slora_B.weight", stem, row->name);
        const struct parameter *a = parameter_find(adapted, name[0]), *b = parameter_find(adapted, name[1]);
        if (a != NULL)
            adapter_merge(model_parameters(pair[1]) + row->offset, from + a->offset, from + b->offset,
                          row->sizes[0], row->sizes[1], shape->lora.rank,
                          shape->lora.alpha / (double)shape->lora.rank);
    }
}

/* The largest difference of a token's loss, relative to the largest loss. */
static double compare(struct model *pair[2])
{
    struct case_batch batch;
    float losses[2][CASE_TOKENS];
    double difference = 0, largest = 0;
    case_batch_fill(&batch, model_shape(pair[0]), SEQUENCES, LENGTH,
                    (struct case_options){.documents = true});
    for (int i = 0; i < 2; i++) {
        struct model_loss sums = {0};
        model_refresh_all(pair[i]);
        model_evaluate(pair[i], &batch.batch, losses[i], &sums);
    }
    for (int i = 0; i < SEQUENCES * LENGTH; i++) {
        difference = fmax(difference, fabs((double)losses[0][i] - (double)losses[1][i]));
        largest = fmax(largest, fabs((double)losses[0][i]));
    }
    return difference / largest;
}

static void destroy_pair(struct model *pair[2])
{
    model_destroy(pair[0]);
    model_destroy(pair[1]);
}

/* Sums of some hundred numbers in another order, through three layers: below 1e-5 in fp32. */
static void test_merged(void **state)
{
    (void)state;
    for (int targets = LORA_ALL; targets <= LORA_ATTENTION; targets++) {
        struct model *pair[2];
        const struct model_shape shape = with_lora(targets == LORA_ALL ? 4 : 7, (enum lora_targets)targets);
        make_pair(&shape, ELEMENT_FP32, pair);
        double before = compare(pair);
        merge(&shape, pair);
        double after = compare(pair);
        print_message("loss with and without adapters: %g, merged: %g\n", before, after);
        assert_true(before > 1e-2);
        assert_true(after < 1e-5);
        destroy_pair(pair);
    }
}

static void test_start(void **state)
{
    (void)state;
    for (int element = ELEMENT_FP32; element <= ELEMENT_BF16; element++) {
        struct model *pair[2];
        const struct model_shape shape = with_lora(4, LORA_ALL);
        make_pair(&shape, (enum element)element, pair);
        const struct parameter_table *table = model_table(pair[0]);
        for (int64_t i = 0; i < table->count; i++)
            if (table->rows[i].adapter && table->rows[i].start == START_ZERO)
                memset(model_parameters(pair[0]) + table->rows[i].offset, 0,
                       (size_t)table->rows[i].count * sizeof(float));
        assert_true(compare(pair) == 0);
        destroy_pair(pair);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_merged), cmocka_unit_test(test_start)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
