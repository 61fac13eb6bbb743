/* What follows the gradient in a step: deciding, checking, clipping, updating. */
#include "step_private.h"
#include "update.h"

#include "llmpi/base/activity.h"
#include "llmpi/base/clock.h"
#include "llmpi/comm/requests.h"
#include "llmpi/optimize/schedule.h"

#include <math.h>

enum { MOST_SKIPPED = 10 }; /* updates in a row */

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

/* Whether the update is made. All ranks have the same numbers, and so the same opinion. */
static enum status judge(struct stepper *stepper, struct step_result *result)
{
    const struct config *config = stepper->config;
    bool finite = isfinite(result->loss) && isfinite(result->gradient_norm);
    double loss = fabs(result->loss), norm = fabs(result->gradient_norm); /* no sign before nan */
    double limit = config->train.spike_threshold;
    double score = limit > 0 && finite ? loss_history_score(&stepper->history, result->loss) : 0;
    if (finite)
        loss_history_add(&stepper->history, result->loss);
    if (!finite && config->train.on_nonfinite == TRAIN_NONFINITE_STOP)
        return fail(
            STATUS_FAILED,
            "step %lld: the loss is %g and the gradient's norm %g, both must be finite; the parameters are "
            "left as after step %lld (try a smaller train.learning_rate)",
            (long long)result->step, loss, norm, (long long)stepper->state->step);
    result->roll_back = !finite && config->train.on_nonfinite == TRAIN_NONFINITE_ROLLBACK;
    result->skipped = !finite || score > limit;
    stepper->skipped = result->skipped ? stepper->skipped + 1 : 0;
    if (stepper->skipped == MOST_SKIPPED && !result->roll_back)
        return fail(STATUS_FAILED,
                    "step %lld: the loss is %g and the gradient's norm %g, and it is the %dth step in a row "
                    "whose update is left out (try a smaller train.learning_rate)",
                    (long long)result->step, loss, norm, MOST_SKIPPED);
    if (result->skipped && comm_rank(stepper->comm) == 0 && finite)
        log_warning("step %lld: the loss is %g, %.1f standard deviations above the last ones: its update is "
                    "left out",
                    (long long)result->step, loss, score);
    else if (result->skipped && comm_rank(stepper->comm) == 0)
        log_warning("step %lld: the loss is %g and the gradient's norm %g: its update is left out",
                    (long long)result->step, loss, norm);
    return STATUS_OK;
}

void stepper_recall(struct stepper *stepper, const double *losses, int64_t count, int64_t skipped)
{
    loss_history_clear(&stepper->history);
    for (int64_t i = 0; i < count; i++)
        loss_history_add(&stepper->history, losses[i]);
    stepper->skipped = skipped;
}

/* What was decided becomes the result; checks it, clips, updates and advances the state. */
static enum status conclude(struct stepper *stepper, const struct decided *decided,
                            struct step_result *result)
{
    struct train_state *state = stepper->state;
    const struct config *config = stepper->config;
    *result = (struct step_result){.step = state->step + 1,
                                   .loss = decided->loss / decided->weight,
                                   .gradient_norm = sqrt(decided->gradient_squares) / decided->weight,
                                   .learning_rate = rate_of_step(config, state->step + 1),
                                   .tokens = (int64_t)decided->weight,
                                   .stop = decided->stop,
                                   .waited_mean = decided->waited_mean,
                                   .waited_most = decided->waited_most};
    TRY(judge(stepper, result));
    double clip = config->train.grad_clip;
    double scale = clip > 0 && result->gradient_norm > clip ? clip / result->gradient_norm : 1;
    if (result->skipped)
        keep_own_parts(state);
    else
        update_own_parts(config, state, result->learning_rate, scale / decided->weight);
    state->step++;
    state->sequences += config->train.batch_size;
    if (!stepper->local)
        state->tokens += result->tokens;
    result->tokens_done = state->tokens;
    return STATUS_OK;
}

/* The first local step since the start or since steps of all ranks. */
static void begin_local(struct stepper *stepper, struct timers *timers)
{
    stepper_settle(stepper, timers);
    outer_step_begin(stepper->outer);
    stepper->begun = true;
    stepper->waited = 0;
    timers_add(timers, PHASE_EXCHANGE, &stepper->since);
}

enum status stepper_run(struct stepper *stepper, enum status earlier, struct timers *timers,
                        struct step_result *result)
{
    const struct config *config = stepper->config;
    bool local = step_is_local(config, stepper->state->step);
    stepper->local = local;
    if (local && !stepper->begun)
        begin_local(stepper, timers);
    if (local && earlier != STATUS_OK)
        return earlier;
    double messages_before = exchange_message_seconds(stepper->exchange);
    stepper->timers = timers;
    stepper->since = clock_seconds();
    stepper->sequences_done = 0;
    progress_begin(&stepper->progress, comm_size(stepper->comm) > 1 ? "step in work, rank 0" : "step in work",
                   (double)step_share(config, comm_size(stepper->comm), comm_rank(stepper->comm)),
                   "sequences");
    decision_begin(stepper->decision, local);
    enum status status = step_run_slots(stepper);
    progress_end(&stepper->progress, (double)stepper->sequences_done);
    status = earlier != STATUS_OK ? earlier : status;
    timers_add(timers, PHASE_COMPUTE, &stepper->since);
    activity_begin(timers_name(PHASE_EXCHANGE));
    if (!local)
        exchange_finish(stepper->exchange);
    timers_add(timers, PHASE_EXCHANGE, &stepper->since);
    struct decided decided =
        decision_make(stepper->decision, status, requests_look(stepper->comm) != STOP_NONE,
                      stepper->decision_seconds + timers->seconds[PHASE_EXCHANGE]);
    double before = timers->seconds[PHASE_EXCHANGE];
    timers_add(timers, PHASE_EXCHANGE, &stepper->since);
    stepper->decision_seconds = timers->seconds[PHASE_EXCHANGE] - before;
    if (decided.failed)
        return local ? status : comm_agree(stepper->comm, status);
    if (decided.unfinished)
        return fail(STATUS_STOPPED, "step %lld was cut short on request",
                    (long long)stepper->state->step + 1);
    double on_the_way = exchange_message_seconds(stepper->exchange) - messages_before;
    activity_begin(timers_name(PHASE_UPDATE));
    TRY(conclude(stepper, &decided, result));
    timers_add(timers, PHASE_UPDATE, &stepper->since);
    double hidden = on_the_way - timers->seconds[PHASE_EXCHANGE];
    result->hidden_seconds = hidden > 0 ? hidden : 0;
    if (!local)
        bucket_trial_note(&stepper->trial, stepper->exchange, decided.waited_most);
    stepper->waited += timers->seconds[PHASE_EXCHANGE];
    return STATUS_OK;
}

enum status stepper_meet(struct stepper *stepper, enum status earlier, struct timers *timers,
                         struct step_result *results, int64_t count)
{
    double before = timers->seconds[PHASE_EXCHANGE];
    activity_begin(timers_name(PHASE_EXCHANGE));
    stepper_settle(stepper, timers);
    requests_wait(stepper->comm);
    enum status status = comm_agree(stepper->comm, earlier);
    timers_add(timers, PHASE_EXCHANGE, &stepper->since);
    if (status == STATUS_STOPPED)
        outer_step_return(stepper->outer);
    TRY(status);
    outer_step_share(stepper->outer);
    timers_add(timers, PHASE_EXCHANGE, &stepper->since);
    stepper->waited += timers->seconds[PHASE_EXCHANGE] - before;
    outer_step_agree(stepper->outer, requests_look(stepper->comm) != STOP_NONE, stepper->waited, results,
                     count);
    before = timers->seconds[PHASE_EXCHANGE];
    timers_add(timers, PHASE_EXCHANGE, &stepper->since);
    stepper->waited = timers->seconds[PHASE_EXCHANGE] - before; /* for the slowest rank, as a decision does */
    activity_begin(timers_name(PHASE_UPDATE));
    outer_step_update(stepper->outer);
    timers_add(timers, PHASE_UPDATE, &stepper->since);
    bucket_trial_note(&stepper->trial, stepper->exchange, results[count - 1].waited_most);
    return STATUS_OK;
}
