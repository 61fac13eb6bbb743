/* Moments and parameters take the way of gradients, one after the other through the same memory. The
 * parameters come last, so that the others' parts are taken in the course of the next forward pass. */
#include "outer_step.h"

#include "llmpi/base/memory.h"
#include "llmpi/kernels/clear.h"
#include "llmpi/optimize/nesterov.h"

#include <string.h>

enum { FLAG_STOP, FLAGS };

struct outer_step {
    const struct config *config;
    struct train_state *state;
    struct comm *comm;
    int64_t count; /* of all numbers that the ranks tell each other */
    double *values;
    double *losses, *weights, *norms; /* in `values`, of each step since the last outer step */
    double *waited;                   /* of each rank */
    /* After the last outer step: both moments of what this rank owns, packed, and the counters. */
    float *kept;
    struct ownership whole; /* of a rank that updates everything */
    int64_t kept_step, kept_sequences;
};

/* --- keeping --- */

/* The place of a moment's own parts among those kept. */
static float *kept_moment(const struct outer_step *outer, int moment)
{
    return outer->kept + moment * exchange_ownership(outer->state->exchange)->total;
}

static void keep(struct outer_step *outer)
{
    const struct train_state *state = outer->state;
    const struct ownership *ownership = exchange_ownership(state->exchange);
    const float *moments[] = {state->exp_avg, state->exp_avg_sq};
    for (int moment = 0; moment < 2; moment++)
        for (int64_t block = 0; block < ownership->blocks; block++) {
            struct share own = ownership_part(ownership, block, ownership->rank);
            copy_floats(kept_moment(outer, moment) + ownership->packed[block], moments[moment] + own.first,
                        own.count);
        }
    outer->kept_step = state->step;
    outer->kept_sequences = state->sequences;
}

/* Own parts, packed, of all ranks become the whole on all ranks. */
static void spread(const struct outer_step *outer, const float *packed, float *values)
{
    struct exchange *exchange = outer->state->exchange;
    const struct ownership *ownership = exchange_ownership(exchange);
    exchange_release(exchange);
    for (int64_t block = 0; block < ownership->blocks; block++) {
        struct share own = ownership_part(ownership, block, ownership->rank);
        copy_floats(values + own.first, packed + ownership->packed[block], own.count);
        exchange_publish(exchange, block, values + own.first);
    }
    for (int64_t block = 0; block < ownership->blocks; block++)
        exchange_take(exchange, block, values);
}

void outer_step_return(struct outer_step *outer)
{
    struct train_state *state = outer->state;
    spread(outer, kept_moment(outer, 0), state->exp_avg);
    spread(outer, kept_moment(outer, 1), state->exp_avg_sq);
    spread(outer, state->master, model_parameters(state->model));
    model_refresh_all(state->model);
    state->step = outer->kept_step;
    state->sequences = outer->kept_sequences;
}

void outer_step_begin(struct outer_step *outer)
{
    struct train_state *state = outer->state;
    const struct ownership *ownership = exchange_ownership(state->exchange);
    copy_floats(kept_moment(outer, 0), state->exp_avg, ownership->total);
    copy_floats(kept_moment(outer, 1), state->exp_avg_sq, ownership->total);
    spread(outer, kept_moment(outer, 0), state->exp_avg);
    spread(outer, kept_moment(outer, 1), state->exp_avg_sq);
    for (int64_t block = 0; block < ownership->blocks; block++) {
        struct share own = ownership_part(ownership, block, ownership->rank);
        copy_floats(state->master + ownership->packed[block], model_parameters(state->model) + own.first,
                    own.count);
    }
    struct ownership parts = state->updated; /* from now on `whole` is free for these */
    state->updated = outer->whole;
    outer->whole = parts;
    keep(outer);
}

/* --- making one --- */

struct outer_step *outer_step_create(const struct config *config, struct train_state *state,
                                     struct comm *comm)
{
    struct outer_step *outer = memory_allocate(1, sizeof *outer, "the outer step");
    if (outer == NULL)
        return NULL;
    int64_t steps = config->train.local_steps, count = FLAGS + 3 * steps + comm_size(comm);
    *outer = (struct outer_step){.config = config, .state = state, .comm = comm, .count = count};
    outer->values = memory_allocate(count, sizeof *outer->values, "the outer step");
    outer->kept = allocator_huge.allocate(
        allocator_huge.context, 2 * (size_t)exchange_ownership(state->exchange)->total * sizeof *outer->kept,
        "moments of the last outer step");
    enum status status = ownership_create(model_table(state->model), 1, 0, &outer->whole);
    if (outer->values == NULL || outer->kept == NULL || status != STATUS_OK) {
        outer_step_destroy(outer);
        return NULL;
    }
    outer->losses = outer->values + FLAGS;
    outer->weights = outer->losses + steps;
    outer->norms = outer->weights + steps;
    outer->waited = outer->norms + steps;
    return outer;
}

void outer_step_destroy(struct outer_step *outer)
{
    if (outer == NULL)
        return;
    ownership_free(&outer->whole);
    memory_free(outer->values);
    allocator_huge.release(allocator_huge.context, outer->kept);
    memory_free(outer);
}

/* --- sharing --- */

/* Sums over the ranks of what is laid out like the gradients: in the gradients' memory, of own parts. */
static void sum(const struct outer_step *outer, const float *values)
{
    struct exchange *exchange = outer->state->exchange;
    exchange_release(exchange);
    copy_floats(exchange_gradients(exchange), values, model_table(outer->state->model)->trainable);
    for (int64_t block = exchange_ownership(exchange)->blocks - 1; block >= 0; block--)
        exchange_block_ready(exchange, block);
    exchange_finish(exchange);
}

static void average(const struct outer_step *outer, float *values)
{
    struct exchange *exchange = outer->state->exchange;
    const struct ownership *ownership = exchange_ownership(exchange);
    const float *sums = exchange_gradients(exchange);
    float ranks = (float)comm_size(outer->comm);
    sum(outer, values);
    for (int64_t block = 0; block < ownership->blocks; block++) {
        struct share part = ownership_part(ownership, block, ownership->rank);
#pragma omp parallel for schedule(static) if (part.count > THREADS_WORTH)
        for (int64_t i = part.first; i < part.first + part.count; i++)
            values[i] = sums[i] / ranks;
        exchange_publish(exchange, block, values + part.first);
    }
    for (int64_t block = 0; block < ownership->blocks; block++)
        exchange_take(exchange, block, values);
}

void outer_step_share(struct outer_step *outer)
{
    average(outer, outer->state->exp_avg);
    average(outer, outer->state->exp_avg_sq);
    sum(outer, model_parameters(outer->state->model));
}

/* --- agreeing --- */

void outer_step_agree(struct outer_step *outer, bool stop, double waited, struct step_result *results,
                      int64_t count)
{
    int ranks = comm_size(outer->comm);
    memset(outer->values, 0, (size_t)outer->count * sizeof *outer->values);
    outer->values[FLAG_STOP] = stop;
    outer->waited[comm_rank(outer->comm)] = waited;
    for (int64_t i = 0; i < count; i++) {
        outer->losses[i] = results[i].loss * (double)results[i].tokens;
        outer->weights[i] = (double)results[i].tokens;
        outer->norms[i] = results[i].gradient_norm;
    }
    comm_sum_double(outer->comm, outer->values, outer->count);
    for (int64_t i = 0; i < count; i++) {
        results[i].loss = outer->losses[i] / outer->weights[i];
        results[i].gradient_norm = outer->norms[i] / ranks;
        results[i].tokens = (int64_t)outer->weights[i];
        outer->state->tokens += results[i].tokens;
        results[i].tokens_done = outer->state->tokens;
    }
    struct step_result *last = &results[count - 1];
    last->stop = outer->values[FLAG_STOP] > 0;
    for (int rank = 0; rank < ranks; rank++) {
        double seconds = outer->waited[rank];
        last->waited_mean += seconds / ranks;
        last->waited_most = seconds > last->waited_most ? seconds : last->waited_most;
    }
}

/* --- updating --- */

void outer_step_update(struct outer_step *outer)
{
    struct train_state *state = outer->state;
    const struct ownership *ownership = exchange_ownership(state->exchange);
    const struct nesterov settings = {.learning_rate = outer->config->train.outer_learning_rate,
                                      .momentum = outer->config->train.outer_momentum};
    int64_t ranks = comm_size(outer->comm);
    for (int64_t block = 0; block < ownership->blocks; block++) {
        struct share own = ownership_part(ownership, block, ownership->rank);
        float *values = state->master + ownership->packed[block];
        float *momentum = state->outer_momentum + ownership->packed[block];
        const float *sums = exchange_gradients(state->exchange) + own.first;
#pragma omp parallel if (own.count > THREADS_WORTH)
        {
            struct share share = threads_share(own.count);
            nesterov_update(&settings, values + share.first, momentum + share.first, sums + share.first,
                            ranks, share.count);
        }
        copy_floats(model_parameters(state->model) + own.first, values, own.count);
        exchange_publish(state->exchange, block, values);
    }
    if (!exchange_is_sharded(state->exchange))
        model_refresh_all(state->model);
    keep(outer);
}
