/* A step that a request cuts short leaves no trace: the state is, bit for bit, that after the step before, on
 * all ranks, and what follows is what would have followed. With slots, with MPI_Allreduce, with a rounding
 * wire, and with local steps, where it is the round that is cut short. */
#include "check.h"

#include "../../src/comm/comm_private.h"
#include "llmpi/base/digest.h"
#include "llmpi/comm/requests.h"
#include "llmpi/train/step.h"

#include <signal.h>
#include <string.h>

enum { BATCH = 12, MICRO_BATCH = 1, VOCABULARY = 64, LENGTH = 8, STEPS = 6 };

struct run {
    struct comm *comm;
    struct config config;
    struct train_state state;
    struct stepper *stepper;
    int64_t reads, asked_at; /* of this rank; -1: never */
};

/* The request comes while this rank reads its sequences. */
static enum status read_tokens(void *context, int64_t number, const struct sequence *out)
{
    struct run *run = context;
    if (run->reads++ == run->asked_at)
        raise(SIGUSR1);
    for (int i = 0; i <= LENGTH; i++)
        out->tokens[i] = (uint32_t)((number * 7 + i * 13) % VOCABULARY);
    return STATUS_OK;
}

/* What a test varies. */
struct variant {
    const char *name;
    int64_t slots, exchange, wire, local_steps, local_after;
};

static void begin(struct run *run, struct comm *comm, const struct variant *variant)
{
    const struct string_list none = {0};
    *run = (struct run){.comm = comm, .asked_at = -1};
    CHECK(comm, config_load(&run->config, NULL, &none) == STATUS_OK, "%s", status_message());
    run->config.tokenizer.vocab_size = VOCABULARY;
    run->config.model.n_layer = 2;
    run->config.model.n_head = 2;
    run->config.model.n_embd = 16;
    run->config.model.context_length = LENGTH;
    run->config.model.dropout = 0.1;
    run->config.train.batch_size = BATCH;
    run->config.train.micro_batch = MICRO_BATCH;
    run->config.train.steps = 100;
    run->config.train.slots = variant->slots;
    run->config.train.exchange = variant->exchange;
    run->config.train.wire = variant->wire;
    run->config.train.local_steps = variant->local_steps;
    run->config.train.local_after = variant->local_after;
    struct model_use use = state_model_use(&run->config, ELEMENT_FP32, MICRO_BATCH, true);
    CHECK(comm, state_create(&run->config, NULL, &use, comm, &run->state) == STATUS_OK, "%s",
          status_message());
    parameter_initialise(model_table(run->state.model), 1, model_parameters(run->state.model));
    state_broadcast(&run->state, comm);
    struct sequences sequences = {.read = read_tokens, .context = run};
    CHECK(comm, stepper_create(&run->config, &run->state, sequences, comm, &run->stepper) == STATUS_OK, "%s",
          status_message());
}

static void end(struct run *run)
{
    stepper_destroy(run->stepper);
    state_destroy(&run->state);
    config_free(&run->config);
}

/* One step, or a round of local ones. */
static enum status advance(struct run *run, struct step_result *last)
{
    struct timers timers = {0};
    struct step_result results[STEPS];
    int64_t count = step_round(&run->config, run->state.step);
    bool local = step_is_local(&run->config, run->state.step);
    enum status status = STATUS_OK;
    for (int64_t i = 0; i < count; i++)
        status = stepper_run(run->stepper, status, &timers, &results[i]);
    if (local)
        status = stepper_meet(run->stepper, status, &timers, results, count);
    stepper_settle(run->stepper, &timers);
    *last = results[count - 1];
    return status;
}

/* Of everything that the next step begins from, on this rank: of moments, what it owns in the exchange (in
 * local steps it has them all). Outer steps begin from the parameters. */
static uint64_t digest_of(const struct run *run)
{
    const struct train_state *state = &run->state;
    const struct ownership *owned = exchange_ownership(state->exchange);
    const float *moments[] = {state->exp_avg, state->exp_avg_sq};
    bool whole = state->updated.ranks == 1, rounds = exchange_rounds(state->exchange);
    uint64_t all = digest_bytes(model_parameters(state->model),
                                (size_t)model_table(state->model)->total * sizeof(float));
    for (int i = 0; i < 2; i++)
        for (int64_t block = 0; block < owned->blocks; block++) {
            struct share part = ownership_part(owned, block, owned->rank);
            const float *values = moments[i] + (whole ? part.first : owned->packed[block]);
            uint64_t pair[] = {all, digest_bytes(values, (size_t)part.count * sizeof(float))};
            all = digest_bytes(pair, sizeof pair);
        }
    const float *others[] = {rounds ? state->master : NULL, state->outer_momentum};
    for (int i = 0; i < 2; i++) {
        size_t bytes = others[i] != NULL ? (size_t)owned->total * sizeof(float) : 0;
        uint64_t pair[] = {all, digest_bytes(others[i], bytes)};
        all = digest_bytes(pair, sizeof pair);
    }
    return all;
}

static void check_state(const struct run *run, int64_t step, const uint64_t *expected, const char *name)
{
    CHECK(run->comm, run->state.step == step && run->state.sequences == step * BATCH,
          "%s: step %lld, not %lld", name, (long long)run->state.step, (long long)step);
    CHECK(run->comm, run->state.tokens == step * BATCH * LENGTH, "%s: %lld tokens after step %lld", name,
          (long long)run->state.tokens, (long long)step);
    CHECK(run->comm, digest_of(run) == expected[step], "%s: step %lld is not the same", name,
          (long long)step);
}

/* A new life, in which nobody has asked. */
static void forget_requests(struct run *run)
{
    requests_end(run->comm);
    stopping_begin();
    run->asked_at = -1;
    CHECK(run->comm, requests_begin(run->comm) == STATUS_OK, "%s", status_message());
}

/* The last rank is asked while it reads sequence number `at` of its next ones; `cut`: it has others to read
 * in the same round. Where it has not, the step counts unless another rank, which is behind, heard of it. */
static void test_request(struct run *run, int64_t at, bool cut, const uint64_t *expected, const char *name)
{
    struct step_result result;
    int64_t before = run->state.step, count = step_round(&run->config, before);
    bool last = comm_rank(run->comm) == comm_size(run->comm) - 1;
    run->asked_at = last ? run->reads + at : -1;
    enum status status = advance(run, &result);
    bool stopped = status == STATUS_STOPPED;
    int64_t stops = stopped;
    comm_sum_int64(run->comm, &stops, 1);
    CHECK(run->comm, stopped || (status == STATUS_OK && !cut), "%s: status %d", name, (int)status);
    CHECK(run->comm, stops == (stopped ? comm_size(run->comm) : 0), "%s: some ranks stopped", name);
    CHECK(run->comm, stopped || result.stop, "%s: the step does not say that a stop was asked for", name);
    CHECK(run->comm, requests_agree(run->comm) == STOP_SIGUSR1, "%s: no reason", name);
    check_state(run, stopped ? before : before + count, expected, name);
    forget_requests(run);
}

static void test_variant(struct comm *comm, const struct variant *variant)
{
    struct run run;
    struct step_result result;
    uint64_t expected[STEPS + 1] = {0};
    begin(&run, comm, variant);
    expected[0] = digest_of(&run);
    while (run.state.step < STEPS) {
        CHECK(comm, advance(&run, &result) == STATUS_OK, "%s: %s", variant->name, status_message());
        expected[run.state.step] = digest_of(&run);
    }
    end(&run);

    begin(&run, comm, variant);
    int64_t share = step_share(&run.config, comm_size(comm), comm_size(comm) - 1);
    int64_t reads = share * step_round(&run.config, 0); /* of the last rank until all meet */
    test_request(&run, 0, true, expected, variant->name);
    test_request(&run, reads - 2, true, expected, variant->name);
    test_request(&run, reads - 1, false, expected, variant->name);
    test_request(&run, reads / 2, true, expected, variant->name);
    raise(SIGUSR1); /* on all, before they begin */
    CHECK(comm, advance(&run, &result) == STATUS_STOPPED, "%s: not stopped", variant->name);
    check_state(&run, run.state.step, expected, variant->name);
    forget_requests(&run);
    while (run.state.step < STEPS)
        CHECK(comm, advance(&run, &result) == STATUS_OK, "%s: %s", variant->name, status_message());
    check_state(&run, STEPS, expected, variant->name);
    end(&run);
}

int main(void)
{
    static const struct variant variants[] = {
        {"plain", 0, TRAIN_EXCHANGE_SHARDED, TRAIN_WIRE_FP32, 0, 0},
        {"four slots", 4, TRAIN_EXCHANGE_SHARDED, TRAIN_WIRE_FP32, 0, 0},
        {"allreduce", 0, TRAIN_EXCHANGE_ALLREDUCE, TRAIN_WIRE_FP32, 0, 0},
        {"local steps", 0, TRAIN_EXCHANGE_SHARDED, TRAIN_WIRE_FP32, 3, 0},
        {"local steps, allreduce", 0, TRAIN_EXCHANGE_ALLREDUCE, TRAIN_WIRE_FP32, 2, 0},
        {"local steps later", 0, TRAIN_EXCHANGE_SHARDED, TRAIN_WIRE_FP32, 3, 2},
        {"local steps later, allreduce", 0, TRAIN_EXCHANGE_ALLREDUCE, TRAIN_WIRE_FP32, 2, 1}};
    struct comm *comm;
    if (comm_begin(&comm) != STATUS_OK) {
        fprintf(stderr, "%s\n", status_message());
        return 1;
    }
    stopping_begin();
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++)
        test_variant(comm, &variants[i]);
    setenv("LLMPI_TEAM_SIZE", "1", 1); /* messages between all ranks */
    test_variant(comm, &(struct variant){"messages", 0, TRAIN_EXCHANGE_SHARDED, TRAIN_WIRE_FP32, 0, 0});
    test_variant(comm, &(struct variant){"bf16 messages", 0, TRAIN_EXCHANGE_SHARDED, TRAIN_WIRE_BF16, 0, 0});
    test_variant(
        comm, &(struct variant){"local steps, messages", 0, TRAIN_EXCHANGE_SHARDED, TRAIN_WIRE_FP32, 3, 0});
    test_variant(comm, &(struct variant){"local steps later, messages", 0, TRAIN_EXCHANGE_SHARDED,
                                         TRAIN_WIRE_FP32, 3, 2});
    comm_end(comm);
    return 0;
}
