/* Steps on sequences that a function makes: which ones they ask for, and what happens when it fails. */
#include "llmpi/train/step.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { BATCH = 5, MICRO_BATCH = 2, VOCABULARY = 64, LENGTH = 8, MOST_READS = 64 };

struct reads {
    int64_t numbers[MOST_READS];
    int count, fails_at; /* the read that fails, from 0; -1: none */
};

static enum status read_tokens(void *context, int64_t number, const struct sequence *out)
{
    struct reads *reads = context;
    if (reads->count == reads->fails_at)
        return (fail)(STATUS_FAILED, /* not the macro of cmocka */
                      "no sequence %lld", (long long)number);
    assert_true(reads->count < MOST_READS);
    reads->numbers[reads->count++] = number;
    for (int i = 0; i <= LENGTH; i++)
        out->tokens[i] = (uint32_t)((number * 7 + i * 13) % VOCABULARY);
    return STATUS_OK;
}

static void make_config(struct config *config)
{
    const struct string_list none = {0};
    assert_int_equal(config_load(config, NULL, &none), STATUS_OK);
    config->tokenizer.vocab_size = VOCABULARY;
    config->model.n_layer = 1;
    config->model.n_head = 2;
    config->model.n_embd = 16;
    config->model.context_length = LENGTH;
    config->train.batch_size = BATCH;
    config->train.micro_batch = MICRO_BATCH;
}

struct run {
    struct config config;
    struct train_state state;
    struct comm *comm;
    struct stepper *stepper;
    struct reads reads;
};

/* Without a tokenizer: the vocabulary is the configuration's. */
static void begin(struct run *run, int fails_at)
{
    *run = (struct run){.reads = {.fails_at = fails_at}};
    make_config(&run->config);
    run->comm = comm_alone();
    assert_non_null(run->comm);
    struct model_use use = state_model_use(&run->config, ELEMENT_FP32, MICRO_BATCH, true);
    assert_int_equal(state_create(&run->config, NULL, &use, run->comm, &run->state), STATUS_OK);
    assert_int_equal(model_shape(run->state.model)->vocab_size, VOCABULARY);
    parameter_initialise(model_table(run->state.model), 1, model_parameters(run->state.model));
    model_refresh_all(run->state.model);
    struct sequences sequences = {.read = read_tokens, .context = &run->reads};
    assert_int_equal(stepper_create(&run->config, &run->state, sequences, run->comm, &run->stepper),
                     STATUS_OK);
}

static void end(struct run *run)
{
    stepper_destroy(run->stepper);
    state_destroy(&run->state);
    comm_end(run->comm);
    config_free(&run->config);
}

static void steps_ask_for_one_sequence_after_the_other(void **state)
{
    (void)state;
    struct run run;
    struct timers timers = {0};
    struct step_result result = {0};
    begin(&run, -1);
    for (int step = 1; step <= 3; step++) {
        assert_int_equal(stepper_run(run.stepper, STATUS_OK, &timers, &result), STATUS_OK);
        assert_int_equal(run.state.step, step);
        assert_int_equal(run.reads.count, step * BATCH);
        assert_int_equal(result.tokens, BATCH * LENGTH);
        assert_true(fabs(result.loss - log(VOCABULARY)) < 0.2); /* weights start near zero */
    }
    for (int i = 0; i < run.reads.count; i++)
        assert_int_equal(run.reads.numbers[i], i);
    end(&run);
}

static void a_failed_read_leaves_the_state(void **state)
{
    (void)state;
    struct run run;
    struct timers timers = {0};
    struct step_result result = {0};
    begin(&run, BATCH + 3); /* in the last micro-batch but one of the second step */
    assert_int_equal(stepper_run(run.stepper, STATUS_OK, &timers, &result), STATUS_OK);
    float kept = model_parameters(run.state.model)[0];
    assert_int_equal(stepper_run(run.stepper, STATUS_OK, &timers, &result), STATUS_FAILED);
    assert_string_equal(status_message(), "no sequence 8");
    assert_int_equal(run.state.step, 1);
    assert_int_equal(run.state.sequences, BATCH);
    assert_true(model_parameters(run.state.model)[0] == kept);
    end(&run);
}

static void shares_of_the_ranks_make_a_batch(void **state)
{
    (void)state;
    struct config config;
    make_config(&config);
    for (int64_t batch = 1; batch < 12; batch++) {
        for (int64_t slots = 0; slots <= batch; slots++) {
            for (int ranks = 1; ranks < 6; ranks++) {
                int64_t sum = 0;
                config.train.batch_size = batch;
                config.train.slots = slots;
                for (int rank = 0; rank < ranks; rank++)
                    sum += step_share(&config, ranks, rank);
                assert_int_equal(sum, batch);
            }
        }
    }
    config.train.batch_size = 7;
    config.train.slots = 4; /* of 2, 2, 2 and 1 sequences; three ranks hold 2, 1 and 1 of them */
    assert_int_equal(step_share(&config, 3, 0), 4);
    assert_int_equal(step_share(&config, 3, 1), 2);
    assert_int_equal(step_share(&config, 3, 2), 1);
    config_free(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(steps_ask_for_one_sequence_after_the_other),
                                       cmocka_unit_test(a_failed_read_leaves_the_state),
                                       cmocka_unit_test(shares_of_the_ranks_make_a_batch)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
