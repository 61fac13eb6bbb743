/* The step. The batch is cut into slots, slots are dealt to ranks as contiguous runs, and a slot is worked
 * off in micro-batches that never cross it. The first forward pass takes the last step's parameters block by
 * block as they come from their owners. Each slot's gradient starts from zero; a rank adds its slots along
 * the binary tree of slots.h, and a block is summed over the ranks as soon as its gradient is complete in the
 * last micro-batch. A rank that has nothing to do, or has met an error, still attends every sum. */
#include "llmpi/train/step.h"

#include "bucket_trial.h"
#include "decision.h"
#include "update.h"

#include "llmpi/base/clock.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/kernels/clear.h"
#include "llmpi/kernels/residual.h"
#include "llmpi/optimize/schedule.h"
#include "llmpi/train/slots.h"
#include "llmpi/train/stopping.h"

#include <math.h>
#include <string.h>

struct stepper {
    const struct config *config;
    struct train_state *state;
    struct sequences sequences;
    struct comm *comm;
    struct exchange *exchange; /* the state's */
    struct decision *decision;
    struct bucket_trial trial;
    int64_t slot_first, slot_count, slots; /* this rank's slots, and all */
    float **pending;                       /* gradients of unfinished levels of the tree */
    uint32_t *window, *tokens, *targets;
    int32_t *first_visible; /* NULL: documents are joined */
    int merges[63];         /* levels that the slot in work is to be merged with, once complete */
    int merge_count;
    struct timers *timers; /* of the step in work */
    struct progress progress;
    int64_t sequences_done; /* by this rank in the step in work */
    double since;
    double decision_seconds; /* of the last step's decision: it waits for the slowest rank */
};

int64_t step_slots(const struct config *config, int ranks)
{
    return config->train.slots > 0 ? config->train.slots : ranks;
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
    int64_t length = stepper->config->model.context_length;
    int64_t count = step_micro_batch(stepper->config, comm_size(stepper->comm)) * length;
    int64_t levels = slots_buffers(stepper->slot_count);
    stepper->window = memory_allocate(length + 1, sizeof *stepper->window, "a window of tokens");
    stepper->tokens = memory_allocate(count, sizeof *stepper->tokens, "a batch of tokens");
    stepper->targets = memory_allocate(count, sizeof *stepper->targets, "a batch of targets");
    stepper->pending = memory_allocate(levels + 1, sizeof *stepper->pending, "gradients of slots");
    stepper->decision = decision_create(stepper->exchange, stepper->slots, stepper->comm);
    bool masked = stepper->sequences.documents.border != DOCUMENTS_JOINED;
    if (masked)
        stepper->first_visible =
            memory_allocate(count, sizeof *stepper->first_visible, "the mask of documents");
    if ((masked && stepper->first_visible == NULL) || stepper->window == NULL || stepper->tokens == NULL ||
        stepper->targets == NULL || stepper->pending == NULL || stepper->decision == NULL)
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
    memory_free(stepper->window);
    memory_free(stepper->tokens);
    memory_free(stepper->targets);
    memory_free(stepper->first_visible);
    memory_free(stepper);
}

/* Reads `count` sequences of the run from number `first` into the batch arrays. */
static enum status read_batch(struct stepper *stepper, int64_t first, int64_t count)
{
    int64_t length = stepper->config->model.context_length;
    for (int64_t i = 0; i < count; i++) {
        TRY(stepper->sequences.read(stepper->sequences.context, first + i, stepper->window));
        memcpy(stepper->tokens + i * length, stepper->window, (size_t)length * sizeof *stepper->window);
        memcpy(stepper->targets + i * length, stepper->window + 1, (size_t)length * sizeof *stepper->window);
        if (stepper->first_visible != NULL)
            document_mask_fill(&stepper->sequences.documents, stepper->window, length,
                               stepper->first_visible + i * length);
    }
    return STATUS_OK;
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
    clear_floats(model_gradients(model), model_table(model)->total);
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
    int64_t total = model_table(stepper->state->model)->total;
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
    TRY(read_batch(stepper, state->sequences + first, rows));
    timers_add(stepper->timers, PHASE_DATA, &stepper->since);
    struct batch batch = {.sequences = rows,
                          .length = config->model.context_length,
                          .tokens = stepper->tokens,
                          .targets = stepper->targets,
                          .first_visible = stepper->first_visible,
                          .first_sequence = first};
    const struct model_hooks hooks = {.context = stepper,
                                      .block_needed = begins ? block_needed : NULL,
                                      .forward_done = begins ? clear_gradients : NULL,
                                      .block_ready = ends ? block_ready : NULL};
    model_train(state->model, &batch, (uint64_t)config->run.seed, (uint64_t)state->step + 1, sums, &hooks);
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
        TRY(run_micro_batch(stepper, first + done, rows, done == 0, ends, &sums));
        *blocks_done = ends;
    }
    decision_set_slot(stepper->decision, stepper->slot_first + k, &sums);
    if (!last_slot)
        put_aside(stepper, k);
    timers_add(stepper->timers, PHASE_COMPUTE, &stepper->since);
    return STATUS_OK;
}

/* All slots of this rank, then whatever sums it has not attended yet. */
static enum status run_slots(struct stepper *stepper)
{
    bool blocks_done = false;
    enum status status = STATUS_OK;
    for (int64_t k = 0; k < stepper->slot_count && status == STATUS_OK; k++)
        status = run_slot(stepper, k, &blocks_done);
    if (blocks_done)
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

static double rate_of_step(const struct config *config, int64_t step)
{
    static const enum schedule_kind kinds[] = {[SCHEDULE_COSINE] = SCHEDULE_KIND_COSINE,
                                               [SCHEDULE_LINEAR] = SCHEDULE_KIND_LINEAR,
                                               [SCHEDULE_CONSTANT] = SCHEDULE_KIND_CONSTANT,
                                               [SCHEDULE_WSD] = SCHEDULE_KIND_WSD};
    struct schedule schedule = {.kind = kinds[config->train.schedule],
                                .peak = config->train.learning_rate,
                                .final = config->train.learning_rate * config->train.final_learning_rate,
                                .steps = config->train.steps,
                                .warmup_steps = config->train.warmup_steps,
                                .decay_steps = config->train.decay_steps};
    return schedule_rate(&schedule, step);
}

/* What was decided becomes the result; checks it, clips, updates and advances the state. */
static enum status conclude(struct stepper *stepper, const struct decided *decided,
                            struct step_result *result)
{
    struct train_state *state = stepper->state;
    const struct config *config = stepper->config;
    *result = (struct step_result){.loss = decided->loss / decided->weight,
                                   .gradient_norm = sqrt(decided->gradient_squares) / decided->weight,
                                   .learning_rate = rate_of_step(config, state->step + 1),
                                   .tokens = (int64_t)decided->weight,
                                   .stop = decided->stop,
                                   .waited_mean = decided->waited_mean,
                                   .waited_most = decided->waited_most};
    if (!isfinite(result->loss) || !isfinite(result->gradient_norm))
        return fail(
            STATUS_FAILED,
            "step %lld: the loss is %g and the gradient's norm %g, both must be finite; the parameters are "
            "left as after step %lld (try a smaller train.learning_rate)",
            (long long)state->step + 1, fabs(result->loss),
            fabs(result->gradient_norm), /* no sign before nan */
            (long long)state->step);
    double clip = config->train.grad_clip;
    double scale = clip > 0 && result->gradient_norm > clip ? clip / result->gradient_norm : 1;
    update_own_parts(config, state, result->learning_rate, scale / decided->weight);
    state->step++;
    state->sequences += config->train.batch_size;
    state->tokens += result->tokens;
    return STATUS_OK;
}

enum status stepper_run(struct stepper *stepper, enum status earlier, struct timers *timers,
                        struct step_result *result)
{
    const struct config *config = stepper->config;
    double messages_before = exchange_message_seconds(stepper->exchange);
    stepper->timers = timers;
    stepper->since = clock_seconds();
    stepper->sequences_done = 0;
    progress_begin(&stepper->progress, comm_size(stepper->comm) > 1 ? "step in work, rank 0" : "step in work",
                   (double)step_share(config, comm_size(stepper->comm), comm_rank(stepper->comm)),
                   "sequences");
    decision_begin(stepper->decision);
    enum status status = run_slots(stepper);
    progress_end(&stepper->progress, (double)stepper->sequences_done);
    status = earlier != STATUS_OK ? earlier : status;
    timers_add(timers, PHASE_COMPUTE, &stepper->since);
    exchange_finish(stepper->exchange);
    timers_add(timers, PHASE_EXCHANGE, &stepper->since);
    struct decided decided = decision_make(stepper->decision, status != STATUS_OK, stopping_requested(),
                                           stepper->decision_seconds + timers->seconds[PHASE_EXCHANGE]);
    double before = timers->seconds[PHASE_EXCHANGE];
    timers_add(timers, PHASE_EXCHANGE, &stepper->since);
    stepper->decision_seconds = timers->seconds[PHASE_EXCHANGE] - before;
    if (decided.failed)
        return comm_agree(stepper->comm, status);
    double on_the_way = exchange_message_seconds(stepper->exchange) - messages_before;
    TRY(conclude(stepper, &decided, result));
    timers_add(timers, PHASE_UPDATE, &stepper->since);
    double hidden = on_the_way - timers->seconds[PHASE_EXCHANGE];
    result->hidden_seconds = hidden > 0 ? hidden : 0;
    bucket_trial_note(&stepper->trial, stepper->exchange, decided.waited_most);
    return STATUS_OK;
}
