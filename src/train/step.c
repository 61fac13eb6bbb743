/* The gradient of a step. The batch is cut into slots, slots are dealt to ranks as contiguous runs, and a
 * slot is worked off in micro-batches that never cross it. The first forward pass takes the last step's
 * parameters block by block as they come from their owners. Each slot's gradient starts from zero; a rank
 * adds its slots along the binary tree of slots.h, and a block is summed over the ranks as soon as its
 * gradient is complete in the last micro-batch. A rank that has nothing to do, has met an error, or was asked
 * to stop between two micro-batches, still attends every sum. */
#include "step_private.h"

#include "llmpi/base/activity.h"
#include "llmpi/base/clock.h"
#include "llmpi/base/integer.h"
#include "llmpi/base/memory.h"
#include "llmpi/comm/requests.h"
#include "llmpi/kernels/clear.h"
#include "llmpi/kernels/residual.h"
#include "llmpi/train/slots.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int64_t step_slots(const struct config *config, int ranks)
{
    return config->train.slots > 0 ? config->train.slots : ranks;
}

int64_t step_local_after(const struct config *config)
{
    return config->train.local_after >= 0 ? config->train.local_after : 2 * config->train.warmup_steps;
}

bool step_is_local(const struct config *config, int64_t step)
{
    return config->train.local_steps > 0 && step >= step_local_after(config);
}

int64_t step_round(const struct config *config, int64_t step)
{
    int64_t every = step_is_local(config, step) ? config->train.local_steps : 1;
    int64_t left = config->train.steps - step, round = every - step % every;
    return smaller(round, left);
}

int64_t step_micro_batch(const struct config *config, int ranks)
{
    int64_t first = 0, largest = 0;
    slots_piece(config->train.batch_size, step_slots(config, ranks), 0, &first, &largest);
    return config->train.micro_batch < largest ? config->train.micro_batch : largest;
}

int64_t step_share(const struct config *config, int ranks, int rank)
{
    int64_t slots = step_slots(config, ranks), total = 0, first_slot = 0, slot_count = 0;
    slots_piece(slots, ranks, rank, &first_slot, &slot_count);
    for (int64_t slot = first_slot; slot < first_slot + slot_count; slot++) {
        int64_t first = 0, count = 0;
        slots_piece(config->train.batch_size, slots, slot, &first, &count);
        total += count;
    }
    return total;
}

static enum status allocate(struct stepper *stepper)
{
    int64_t rows = step_micro_batch(stepper->config, comm_size(stepper->comm));
    int64_t levels = slots_buffers(stepper->slot_count);
    TRY(sequence_batch_create(&stepper->sequences, rows, stepper->config->model.context_length,
                              &stepper->batch));
    stepper->pending = memory_allocate(levels + 1, sizeof *stepper->pending, "gradients of slots");
    bool local = stepper->config->train.local_steps > 0;
    const char *bad = getenv("LLMPI_BAD_SEQUENCE");
    stepper->bad_sequence = bad != NULL ? atoll(bad) : -1;
    int64_t losses = stepper->config->train.spike_threshold > 0 ? stepper->config->train.spike_window : 0;
    TRY(loss_history_create(losses, &stepper->history));
    stepper->decision = decision_create(stepper->state, stepper->slots, stepper->comm);
    if (local)
        stepper->outer = outer_step_create(stepper->config, stepper->state, stepper->comm);
    if (stepper->pending == NULL || stepper->decision == NULL || (local && stepper->outer == NULL))
        return STATUS_FAILED;
    for (int64_t i = 0; i < levels; i++) {
        stepper->pending[i] = state_allocate(stepper->state, "gradients of slots");
        if (stepper->pending[i] == NULL)
            return STATUS_FAILED;
    }
    return STATUS_OK;
}

enum status stepper_create(const struct config *config, struct train_state *state, struct sequences sequences,
                           struct comm *comm, struct stepper **out)
{
    struct stepper *stepper = memory_allocate(1, sizeof *stepper, "the step");
    if (stepper == NULL)
        return STATUS_FAILED;
    stepper->config = config;
    stepper->state = state;
    stepper->sequences = sequences;
    stepper->comm = comm;
    stepper->exchange = state->exchange;
    stepper->slots = step_slots(config, comm_size(comm));
    slots_piece(stepper->slots, comm_size(comm), comm_rank(comm), &stepper->slot_first, &stepper->slot_count);
    enum status status = allocate(stepper);
    if (status != STATUS_OK)
        stepper_destroy(stepper);
    else
        *out = stepper;
    if (status == STATUS_OK)
        bucket_trial_begin(&stepper->trial, stepper->exchange, config->train.bucket_mb);
    return status;
}

void stepper_destroy(struct stepper *stepper)
{
    if (stepper == NULL)
        return;
    for (int64_t i = 0; stepper->pending != NULL && i < slots_buffers(stepper->slot_count); i++)
        state_release(stepper->pending[i]);
    memory_free(stepper->pending);
    decision_destroy(stepper->decision);
    outer_step_destroy(stepper->outer);
    loss_history_free(&stepper->history);
    sequence_batch_free(&stepper->batch);
    memory_free(stepper);
}

/* The forward pass is about to use a block: have the last step's update of it. */
static void block_needed(void *context, int64_t block)
{
    struct stepper *stepper = context;
    struct model *model = stepper->state->model;
    timers_add(stepper->timers, PHASE_COMPUTE, &stepper->since);
    bool taken = exchange_take(stepper->exchange, block, model_parameters(model));
    timers_add(stepper->timers, PHASE_EXCHANGE, &stepper->since);
    if (taken)
        model_refresh(model, block);
    timers_add(stepper->timers, PHASE_UPDATE, &stepper->since);
}

/* A slot's gradient starts from zero. */
static void clear_gradients(void *context)
{
    struct stepper *stepper = context;
    struct model *model = stepper->state->model;
    timers_add(stepper->timers, PHASE_COMPUTE, &stepper->since);
    exchange_release(stepper->exchange);
    timers_add(stepper->timers, PHASE_EXCHANGE, &stepper->since);
    clear_floats(model_gradients(model), model_table(model)->trainable);
}

/* A block of this rank's last slot is complete: add the slots before it, then tell the ranks. */
static void block_ready(void *context, int64_t block)
{
    struct stepper *stepper = context;
    float *gradients = model_gradients(stepper->state->model);
    struct share share = exchange_ownership(stepper->exchange)->block[block];
    timers_add(stepper->timers, PHASE_COMPUTE, &stepper->since);
    for (int i = 0; i < stepper->merge_count; i++)
        residual_backward(gradients + share.first, stepper->pending[stepper->merges[i]] + share.first,
                          share.count);
    exchange_block_ready(stepper->exchange, block);
    timers_add(stepper->timers, PHASE_EXCHANGE, &stepper->since);
}

/* A slot that is not this rank's last: its gradient becomes pending at the first free level of the tree. */
static void put_aside(struct stepper *stepper, int64_t k)
{
    float *gradients = model_gradients(stepper->state->model);
    int64_t total = model_table(stepper->state->model)->trainable;
    for (int i = 0; i < stepper->merge_count; i++)
        residual_backward(gradients, stepper->pending[stepper->merges[i]], total);
    int level = 0;
    while ((k >> level & 1) != 0)
        level++;
    memcpy(stepper->pending[level], gradients, (size_t)total * sizeof *gradients);
}

/* Forward and backward over `rows` sequences of a slot that has `done` behind it and `count` in all. */
static enum status run_micro_batch(struct stepper *stepper, int64_t first, int64_t rows, bool begins,
                                   bool ends, struct model_loss *sums)
{
    struct train_state *state = stepper->state;
    const struct config *config = stepper->config;
    timers_add(stepper->timers, PHASE_COMPUTE, &stepper->since);
    activity_begin(timers_name(PHASE_DATA));
    for (int64_t row = 0; row < rows; row++)
        TRY(sequence_batch_read(&stepper->batch, &stepper->sequences, row, state->sequences + first + row));
    timers_add(stepper->timers, PHASE_DATA, &stepper->since);
    activity_begin(timers_name(PHASE_COMPUTE));
    struct batch batch = sequence_batch_view(&stepper->batch, rows);
    batch.first_sequence = first;
    const struct model_hooks hooks = {.context = stepper,
                                      .block_needed = begins ? block_needed : NULL,
                                      .forward_done = begins ? clear_gradients : NULL,
                                      .block_ready = ends && !stepper->local ? block_ready : NULL};
    model_train(state->model, &batch, (uint64_t)config->run.seed, (uint64_t)state->step + 1, sums, &hooks);
    int64_t number = state->sequences + first;
    if (stepper->bad_sequence >= number && stepper->bad_sequence < number + rows)
        sums->loss = NAN;
    stepper->sequences_done += rows;
    progress_update(&stepper->progress, (double)stepper->sequences_done, NULL);
    return STATUS_OK;
}

/* Forward and backward over one slot; *blocks_done when its last micro-batch reported the blocks. */
static enum status run_slot(struct stepper *stepper, int64_t k, bool *blocks_done)
{
    const struct config *config = stepper->config;
    struct model_loss sums = {0, 0};
    bool last_slot = k == stepper->slot_count - 1;
    int64_t first = 0, count = 0;
    slots_piece(config->train.batch_size, stepper->slots, stepper->slot_first + k, &first, &count);
    stepper->merge_count = slots_merges(k, stepper->slot_count, stepper->merges);
    for (int64_t done = 0; done < count; done += config->train.micro_batch) {
        int64_t rows = count - done < config->train.micro_batch ? count - done : config->train.micro_batch;
        bool ends = last_slot && done + rows == count;
        TRY(requests_check(stepper->comm));
        TRY(run_micro_batch(stepper, first + done, rows, done == 0, ends, &sums));
        *blocks_done = ends;
    }
    decision_set_slot(stepper->decision, stepper->slot_first + k, &sums);
    if (!last_slot)
        put_aside(stepper, k);
    timers_add(stepper->timers, PHASE_COMPUTE, &stepper->since);
    return STATUS_OK;
}

enum status step_run_slots(struct stepper *stepper)
{
    bool blocks_done = false;
    enum status status = STATUS_OK;
    for (int64_t k = 0; k < stepper->slot_count && status == STATUS_OK; k++)
        status = run_slot(stepper, k, &blocks_done);
    if (blocks_done || stepper->local)
        return status;
    stepper_settle(stepper, stepper->timers);
    clear_gradients(stepper);
    stepper->merge_count = 0;
    for (int64_t block = exchange_ownership(stepper->exchange)->blocks - 1; block >= 0; block--)
        block_ready(stepper, block);
    return status;
}

void stepper_settle(struct stepper *stepper, struct timers *timers)
{
    stepper->timers = timers;
    stepper->since = clock_seconds();
    for (int64_t block = 0; block < exchange_ownership(stepper->exchange)->blocks; block++)
        block_needed(stepper, block);
}
