/* The model against the double-precision reference, and what it promises besides: batches may be cut, heads
 * tied, memory is as announced, blocks are ready in order. */
#include "llmpi/model/model.h"

#include "llmpi/kernels/dropout.h"
#include "llmpi/kernels/threads.h"
#include "reference/model_case.h"
#include "reference/reference_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

/* Sums of some hundred float products in another order differ by about sqrt(100) * 2^-24 = 6e-7 of their
 * norm, and some ten such sums follow each other. */
#define GRADIENT_TOLERANCE 1e-5
#define LOSS_TOLERANCE     1e-6

#define SEED 42
#define STEP 3

static struct model_shape small(bool bias, bool tied_head, double dropout)
{
    return (struct model_shape){.n_layer = 3,
                                .n_head = 3,
                                .n_embd = 24,
                                .context_length = 20,
                                .vocab_size = 61,
                                .bias = bias,
                                .tied_head = tied_head,
                                .dropout = dropout};
}

static double *doubles(const struct parameter_table *table)
{
    double *memory = calloc((size_t)table->total, sizeof *memory);
    assert_non_null(memory);
    return memory;
}

/* A model with the case's parameters, which are also returned for the reference. */
static struct model *make_model(const struct model_shape *shape, int64_t sequences, bool training,
                                double **parameters)
{
    struct model *model;
    assert_int_equal(
        model_create(shape, &(struct model_use){sequences, training, ELEMENT_FP32, RECOMPUTE_NONE, NULL},
                     &allocator_plain, &model),
        STATUS_OK);
    const struct parameter_table *table = model_table(model);
    *parameters = doubles(table);
    case_parameters(table, 0.3, *parameters);
    for (int64_t i = 0; i < table->total; i++)
        model_parameters(model)[i] = (float)(*parameters)[i];
    model_refresh_all(model);
    return model;
}

static void assert_close(double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance * fabs(expected)))
        fail_msg("%.12g, expected %.12g", value, expected);
}

static void assert_gradients(const struct parameter_table *table, const float *gradients,
                             const double *expected)
{
    for (int64_t i = 0; i < table->count; i++) {
        if (!table->rows[i].trainable)
            continue;
        double difference = case_difference(&table->rows[i], gradients, expected);
        if (!(difference < GRADIENT_TOLERANCE))
            fail_msg("%s: relative difference %g", table->rows[i].name, difference);
    }
}

static void assert_gaps_zero(const struct parameter_table *table, const float *values)
{
    for (int64_t i = 0; i < table->count; i++) {
        int64_t next = i + 1 < table->count ? table->rows[i + 1].offset : table->total;
        for (int64_t e = table->rows[i].offset + table->rows[i].count; e < next; e++)
            assert_true(values[e] == 0);
    }
}

/* The program's dropout, element by element. */
static double program_mask(const void *context, uint64_t place, int64_t sequence, int64_t index)
{
    struct dropout dropout = *(const struct dropout *)context;
    dropout.place = place;
    return (double)dropout_factor(&dropout, sequence, index);
}

static void check_against_reference(struct model_shape shape, int64_t sequences, int64_t length,
                                    struct case_options options)
{
    double *parameters;
    struct case_batch batch;
    struct model *model = make_model(&shape, 4, true, &parameters);
    const struct parameter_table *table = model_table(model);
    case_batch_fill(&batch, &shape, sequences, length, options);
    batch.batch.first_sequence = 5;
    const struct dropout dropout = {shape.dropout, SEED, STEP, 0, batch.batch.first_sequence};
    const struct reference_model reference = {&shape, table, parameters,
                                              shape.dropout > 0 ? program_mask : NULL, &dropout};
    double *expected = doubles(table), losses[CASE_TOKENS];
    double loss = reference_model_run(&reference, &batch.batch, losses, expected);
    struct model_loss sums = {0};
    model_train(model, &batch.batch, SEED, STEP, &sums, NULL);
    assert_close(sums.loss, loss, LOSS_TOLERANCE);
    assert_gradients(table, model_gradients(model), expected);
    if (table->trainable == table->total)
        assert_gaps_zero(table, model_gradients(model));

    float token_loss[CASE_TOKENS];
    struct model_loss evaluated = {0};
    const struct reference_model without_dropout = {&shape, table, parameters, NULL, NULL};
    loss = reference_model_run(&without_dropout, &batch.batch, losses, NULL);
    model_evaluate(model, &batch.batch, token_loss, &evaluated);
    assert_close(evaluated.loss, loss, LOSS_TOLERANCE);
    double weight = 0;
    for (int64_t i = 0; i < sequences * length; i++)
        weight += options.weights ? (double)batch.target_weight[i] : 1;
    assert_true(sums.weight == weight && evaluated.weight == weight); /* quarters add without rounding */
    for (int64_t i = 0; i < sequences * length; i++)
        assert_close(token_loss[i], losses[i], 1e-5);
    free(expected);
    free(parameters);
    model_destroy(model);
}

static void test_reference_plain(void **state)
{
    (void)state;
    check_against_reference(small(true, true, 0), 4, 20, (struct case_options){0});
}

static void test_reference_free_head_without_bias(void **state)
{
    (void)state;
    check_against_reference(small(false, false, 0), 4, 20, (struct case_options){.weights = true});
}

static void test_reference_short_masked_batch(void **state)
{
    (void)state;
    check_against_reference(small(true, true, 0), 3, 13, (struct case_options){true, true, true});
    check_against_reference(small(true, true, 0), 1, 1, (struct case_options){0});
}

static void test_reference_adapters(void **state)
{
    (void)state;
    struct model_shape all = small(true, true, 0), attention = small(false, false, 0.25), frozen_head = all;
    all.lora = (struct lora){.rank = 5, .alpha = 8, .targets = LORA_ALL, .embeddings = true};
    attention.lora = (struct lora){.rank = 2, .alpha = 3, .targets = LORA_ATTENTION, .embeddings = true};
    frozen_head.lora = (struct lora){.rank = 24, .alpha = 12, .targets = LORA_ALL};
    check_against_reference(all, 4, 20, (struct case_options){true, true, true});
    check_against_reference(attention, 3, 13, (struct case_options){.weights = true});
    check_against_reference(frozen_head, 4, 20, (struct case_options){0});
}

static void test_reference_dropout(void **state)
{
    (void)state;
    check_against_reference(small(true, true, 0.25), 4, 17, (struct case_options){.documents = true});
}

/* Gradients of `batch` in parts of `rows` sequences, as doubles. */
static double *gradients_in_parts(struct model *model, const struct batch *batch, int64_t rows,
                                  struct model_loss *sums)
{
    const struct parameter_table *table = model_table(model);
    memset(model_gradients(model), 0, (size_t)table->total * sizeof(float));
    for (int64_t first = 0; first < batch->sequences; first += rows) {
        struct batch part = case_batch_part(batch, first, rows);
        model_train(model, &part, SEED, STEP, sums, NULL);
    }
    double *copy = doubles(table);
    for (int64_t i = 0; i < table->total; i++)
        copy[i] = (double)model_gradients(model)[i];
    return copy;
}

static void test_cut_into_micro_batches(void **state)
{
    (void)state;
    struct model_shape shape = small(true, true, 0.25);
    struct case_batch batch;
    double *parameters;
    struct model *model = make_model(&shape, 4, true, &parameters);
    case_batch_fill(&batch, &shape, 4, 20, (struct case_options){.weights = true});
    for (int64_t rows = 1; rows <= 2; rows++) {
        struct model_loss whole = {0}, parts = {0};
        double *expected = gradients_in_parts(model, &batch.batch, 4, &whole);
        free(gradients_in_parts(model, &batch.batch, rows, &parts));
        assert_gradients(model_table(model), model_gradients(model), expected);
        assert_close(parts.loss, whole.loss, LOSS_TOLERANCE);
        assert_true(parts.weight == whole.weight);
        free(expected);
    }
    struct model_loss one = {0}, other = {0};
    struct batch part = case_batch_part(&batch.batch, 1, 1);
    model_train(model, &part, SEED, STEP, &one, NULL);
    part.first_sequence += 7; /* another sequence number is another mask */
    model_train(model, &part, SEED, STEP, &other, NULL);
    assert_true(fabs(one.loss - other.loss) > 1e-3 * one.loss);
    free(parameters);
    model_destroy(model);
}

/* A free head that equals the embedding has the same loss, and its gradient and the embedding's add up to the
 * tied one's. */
static void test_tied_and_free_head(void **state)
{
    (void)state;
    struct model_shape shapes[2] = {small(true, true, 0), small(true, false, 0)};
    struct model *tied, *free_head;
    double *parameters[2];
    tied = make_model(&shapes[0], 2, true, &parameters[0]);
    free_head = make_model(&shapes[1], 2, true, &parameters[1]);
    const struct parameter *head = parameter_find(model_table(free_head), "lm_head.weight");
    int64_t shared = head->offset; /* all tensors before the head have the same place in both */
    memcpy(model_parameters(free_head), model_parameters(tied), (size_t)shared * sizeof(float));
    memcpy(model_parameters(free_head) + head->offset, model_parameters(tied),
           (size_t)head->count * sizeof(float));
    model_refresh_all(free_head);

    struct case_batch batch;
    struct model_loss one = {0}, two = {0};
    case_batch_fill(&batch, &shapes[0], 2, 20, (struct case_options){0});
    model_train(tied, &batch.batch, SEED, STEP, &one, NULL);
    model_train(free_head, &batch.batch, SEED, STEP, &two, NULL);
    assert_true(one.loss == two.loss);
    double *expected = doubles(model_table(tied));
    for (int64_t i = 0; i < shared; i++)
        expected[i] = (double)model_gradients(free_head)[i];
    for (int64_t i = 0; i < head->count; i++)
        expected[i] += (double)model_gradients(free_head)[head->offset + i];
    assert_gradients(model_table(tied), model_gradients(tied), expected);
    free(expected);
    free(parameters[0]);
    free(parameters[1]);
    model_destroy(tied);
    model_destroy(free_head);
}

/* The same sequence through model_evaluate and model_next_logits, in a model without training. */
static void test_next_logits(void **state)
{
    (void)state;
    struct model_shape shape = small(true, true, 0.5);
    struct case_batch batch;
    double *parameters;
    struct model *model = make_model(&shape, 1, false, &parameters);
    assert_null(model_gradients(model));
    case_batch_fill(&batch, &shape, 1, 20, (struct case_options){0});
    float token_loss[20], logits[61];
    struct model_loss sums = {0};
    model_evaluate(model, &batch.batch, token_loss, &sums);
    for (int64_t count = 1; count <= 20; count++) {
        double sum = 0;
        model_next_logits(model, batch.tokens, count, logits);
        for (int64_t k = 0; k < shape.vocab_size; k++)
            sum += exp((double)logits[k]);
        assert_close(log(sum) - (double)logits[batch.targets[count - 1]], token_loss[count - 1], 1e-5);
    }
    free(parameters);
    model_destroy(model);
}

/* Sharing the memory of all blocks changes nothing. */
static void test_evaluation_without_training(void **state)
{
    (void)state;
    struct model_shape shape = small(true, false, 0.1);
    struct case_batch batch;
    double *parameters[2];
    float losses[2][80];
    case_batch_fill(&batch, &shape, 4, 20, (struct case_options){true, true, true});
    for (int training = 0; training < 2; training++) {
        struct model_loss sums = {0};
        struct model *model = make_model(&shape, 4, training == 1, &parameters[training]);
        model_evaluate(model, &batch.batch, losses[training], &sums);
        struct model_loss again = {0};
        model_evaluate(model, &batch.batch, NULL, &again);
        assert_true(again.loss == sums.loss);
        free(parameters[training]);
        model_destroy(model);
    }
    assert_memory_equal(losses[0], losses[1], sizeof losses[0]);
}

/* The same pass gives the same bits again, also with several threads: a run that continues must not drift. */
static void test_passes_repeat_exactly(void **state)
{
    (void)state;
    struct model_shape shape = {.n_layer = 2,
                                .n_head = 4,
                                .n_embd = 128,
                                .context_length = 64,
                                .vocab_size = 1001,
                                .bias = true,
                                .tied_head = true,
                                .dropout = 0.1};
    struct case_batch batch;
    struct model_loss one = {0}, two = {0};
    double *parameters;
    int threads = threads_count();
    threads_set(3);
    struct model *model = make_model(&shape, 4, true, &parameters);
    case_batch_fill(&batch, &shape, 4, 64, (struct case_options){.weights = true, .documents = true});
    double *first = gradients_in_parts(model, &batch.batch, 2, &one);
    double *second = gradients_in_parts(model, &batch.batch, 2, &two);
    assert_true(one.loss == two.loss);
    assert_memory_equal(first, second, (size_t)model_table(model)->total * sizeof *first);
    threads_set(threads);
    free(first);
    free(second);
    free(parameters);
    model_destroy(model);
}

/* What each block's gradient was when it was said to be ready. */
struct ready_log {
    struct model *model;
    float *copy;
    int64_t count, blocks[8];
};

static void record_ready(void *context, int64_t block)
{
    struct ready_log *log = context;
    int64_t first, count;
    parameter_block(model_table(log->model), block, &first, &count);
    memcpy(log->copy + first, model_gradients(log->model) + first, (size_t)count * sizeof(float));
    log->blocks[log->count++] = block;
}

static void test_blocks_are_ready_in_order(void **state)
{
    (void)state;
    for (int tied_head = 0; tied_head < 2; tied_head++) {
        struct model_shape shape = small(true, tied_head == 1, 0.1);
        struct case_batch batch;
        struct model_loss sums = {0};
        double *parameters;
        struct ready_log log = {.model = make_model(&shape, 2, true, &parameters)};
        const struct parameter_table *table = model_table(log.model);
        log.copy = calloc((size_t)table->total, sizeof(float));
        assert_non_null(log.copy);
        case_batch_fill(&batch, &shape, 2, 20, (struct case_options){0});
        const struct model_hooks hooks = {.context = &log, .block_ready = record_ready};
        model_train(log.model, &batch.batch, SEED, STEP, &sums, &hooks);
        assert_int_equal(log.count, table->blocks);
        for (int64_t i = 0; i < log.count; i++)
            assert_int_equal(log.blocks[i], table->blocks - 1 - i);
        assert_memory_equal(log.copy, model_gradients(log.model), (size_t)table->total * sizeof(float));
        free(log.copy);
        free(parameters);
        model_destroy(log.model);
    }
}

/* An allocator that counts, and fails at the `fail_at`-th call (from 1; 0: never) and where more is asked for
 * than any machine has. */
struct counter {
    int64_t calls, fail_at, bytes, held;
};

static void *count_allocate(void *context, size_t bytes, const char *what)
{
    struct counter *counter = context;
    if (++counter->calls == counter->fail_at || bytes > (size_t)1 << 48) {
        (fail)(STATUS_FAILED, "out of memory for %s", what); /* not the macro of cmocka */
        return NULL;
    }
    counter->held++;
    counter->bytes += (int64_t)bytes;
    return memory_allocate((int64_t)bytes, 1, what);
}

static void count_release(void *context, void *pointer)
{
    ((struct counter *)context)->held--;
    memory_free(pointer);
}

static void test_memory_is_as_announced(void **state)
{
    (void)state;
    struct model_shape shape = small(true, true, 0.1);
    for (int training = 0; training < 2; training++) {
        struct counter counter = {0};
        const struct allocator allocator = {count_allocate, count_release, &counter};
        struct case_batch batch;
        struct model_loss sums = {0};
        struct model *model;
        const struct model_use use = {3, training == 1, ELEMENT_FP32, RECOMPUTE_NONE, NULL};
        struct activations layout = {0};
        assert_int_equal(model_create(&shape, &use, &allocator, &model), STATUS_OK);
        int64_t parameters = model_table(model)->total * (int64_t)sizeof(float);
        assert_int_equal(counter.bytes,
                         parameters * (1 + training) + activations_layout(&shape, &use, NULL, &layout));
        int64_t calls = counter.calls;
        case_batch_fill(&batch, &shape, 3, 20, (struct case_options){0});
        model_evaluate(model, &batch.batch, NULL, &sums);
        assert_int_equal(counter.calls, calls);
        model_destroy(model);
        assert_int_equal(counter.held, 0);
    }
}

static void test_failing_allocations(void **state)
{
    (void)state;
    struct model_shape shape = small(true, true, 0);
    for (int64_t n = 1; n <= 3; n++) {
        struct counter counter = {.fail_at = n};
        const struct allocator allocator = {count_allocate, count_release, &counter};
        struct model *model;
        assert_int_equal(model_create(&shape,
                                      &(struct model_use){2, true, ELEMENT_FP32, RECOMPUTE_NONE, NULL},
                                      &allocator, &model),
                         STATUS_FAILED);
        assert_null(model);
        assert_int_equal(counter.held, 0);
    }
}

static void test_wrong_sizes(void **state)
{
    (void)state;
    struct model_shape shape = small(true, true, 0);
    struct counter counter = {0};
    const struct allocator allocator = {count_allocate, count_release, &counter};
    struct model *model;
    assert_int_equal(model_create(&shape, &(struct model_use){0, true, ELEMENT_FP32, RECOMPUTE_NONE, NULL},
                                  &allocator_plain, &model),
                     STATUS_USAGE);
    assert_int_equal(
        model_create(&shape, &(struct model_use){INT64_MAX / 2, false, ELEMENT_FP32, RECOMPUTE_NONE, NULL},
                     &allocator, &model),
        STATUS_FAILED);
    assert_int_equal(counter.held, 0);
    shape.n_head = 5;
    assert_int_equal(model_create(&shape, &(struct model_use){1, true, ELEMENT_FP32, RECOMPUTE_NONE, NULL},
                                  &allocator_plain, &model),
                     STATUS_USAGE);
    assert_null(model);
}

/* 6 FLOP per parameter but those that are only looked up (positions, and a token embedding that is not the
 * head too), and 12 T/2 n_embd for the attention of each layer. */
static void test_work_counts_the_parameters(void **state)
{
    (void)state;
    for (int variant = 0; variant < 4; variant++) {
        struct model_shape shape = small((variant & 1) != 0, (variant & 2) != 0, 0);
        struct parameter_table table;
        assert_int_equal(parameter_table_create(&shape, &table), STATUS_OK);
        int64_t looked_up = shape.context_length * shape.n_embd;
        looked_up += shape.tied_head ? 0 : shape.vocab_size * shape.n_embd;
        int64_t attention = shape.n_layer * shape.n_embd * shape.context_length / 2, parameters = 0;
        for (int64_t i = 0; i < table.count; i++)
            parameters += table.rows[i].count;
        assert_true(model_flop_per_token(&shape) == (double)(6 * (parameters - looked_up) + 12 * attention));
        parameter_table_free(&table);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference_plain),
        cmocka_unit_test(test_reference_free_head_without_bias),
        cmocka_unit_test(test_reference_short_masked_batch),
        cmocka_unit_test(test_reference_dropout),
        cmocka_unit_test(test_reference_adapters),
        cmocka_unit_test(test_cut_into_micro_batches),
        cmocka_unit_test(test_tied_and_free_head),
        cmocka_unit_test(test_next_logits),
        cmocka_unit_test(test_evaluation_without_training),
        cmocka_unit_test(test_passes_repeat_exactly),
        cmocka_unit_test(test_blocks_are_ready_in_order),
        cmocka_unit_test(test_memory_is_as_announced),
        cmocka_unit_test(test_failing_allocations),
        cmocka_unit_test(test_wrong_sizes),
        cmocka_unit_test(test_work_counts_the_parameters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
