/* The double-precision reference: its gradients against finite differences, for every parameter of tiny
 * models. */
#include "reference/model_case.h"
#include "reference/reference_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <math.h>

/* Drops every third element or so, by a rule that needs no generator. */
static double every_third(const void *context, uint64_t place, int64_t sequence, int64_t index)
{
    (void)context;
    return ((uint64_t)index * 7 + (uint64_t)(index >> 24) * 5 + place * 3 + (uint64_t)sequence) % 3 == 0
               ? 0
               : 1.5;
}

/* The five-point difference with step h: it errs by h^4 / 30 times a fifth derivative (layernorms of four
 * elements make it as large as 1e7) and by about 1e-15 / h, together near 1e-10. */
static double difference_quotient(const struct reference_model *model, double *parameter,
                                  const struct batch *batch)
{
    const double h = 1e-5, value = *parameter, factors[4] = {1, -8, 8, -1};
    double sum = 0;
    for (int i = 0; i < 4; i++) {
        *parameter = value + h * (i < 2 ? i - 2 : i - 1);
        sum += factors[i] * reference_model_run(model, batch, NULL, NULL);
    }
    *parameter = value;
    return sum / (12 * h);
}

static void compare(const struct reference_model *model, double *parameters, const struct batch *batch,
                    const double *gradients)
{
    for (int64_t i = 0; i < model->table->count; i++) {
        const struct parameter *row = &model->table->rows[i];
        for (int64_t e = row->offset; e < row->offset + row->count; e++) {
            double expected = difference_quotient(model, &parameters[e], batch);
            if (!(fabs(gradients[e] - expected) < 1e-8 * (1 + fabs(expected))))
                fail_msg("%s[%lld]: gradient %.12g, difference quotient %.12g", row->name,
                         (long long)(e - row->offset), gradients[e], expected);
        }
    }
}

static void check_case(struct model_shape shape, struct case_options options, reference_mask mask)
{
    struct parameter_table table;
    struct case_batch batch;
    assert_int_equal(parameter_table_create(&shape, &table), STATUS_OK);
    double *parameters = malloc((size_t)table.total * sizeof *parameters);
    double *gradients = malloc((size_t)table.total * sizeof *gradients);
    assert_non_null(parameters);
    assert_non_null(gradients);
    case_parameters(&table, 0.7, parameters);
    case_batch_fill(&batch, &shape, 2, 5, options);
    const struct reference_model model = {&shape, &table, parameters, mask, NULL};
    reference_model_run(&model, &batch.batch, NULL, gradients);
    compare(&model, parameters, &batch.batch, gradients);
    free(parameters);
    free(gradients);
    parameter_table_free(&table);
}

static struct model_shape tiny(bool bias, bool tied_head)
{
    return (struct model_shape){.n_layer = 2,
                                .n_head = 2,
                                .n_embd = 4,
                                .context_length = 6,
                                .vocab_size = 7,
                                .bias = bias,
                                .tied_head = tied_head};
}

static void test_plain(void **state)
{
    (void)state;
    check_case(tiny(true, true), (struct case_options){0}, NULL);
}

static void test_free_head_without_bias(void **state)
{
    (void)state;
    check_case(tiny(false, false), (struct case_options){0}, NULL);
}

static void test_weights_positions_documents(void **state)
{
    (void)state;
    check_case(tiny(true, true), (struct case_options){true, true, true}, NULL);
}

static void test_adapters(void **state)
{
    (void)state;
    struct model_shape all = tiny(true, true), attention = tiny(false, false);
    all.lora = (struct lora){.rank = 2, .alpha = 3, .targets = LORA_ALL};
    attention.lora = (struct lora){.rank = 1, .alpha = 2, .targets = LORA_ATTENTION};
    check_case(all, (struct case_options){0}, NULL);
    check_case(attention, (struct case_options){.weights = true}, NULL);
}

static void test_dropout(void **state)
{
    (void)state;
    check_case(tiny(true, false), (struct case_options){.weights = true}, every_third);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_free_head_without_bias),
        cmocka_unit_test(test_weights_positions_documents),
        cmocka_unit_test(test_adapters),
        cmocka_unit_test(test_dropout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
