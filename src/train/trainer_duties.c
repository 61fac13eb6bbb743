/* What falls due between the steps of a run: lines of metrics, evaluation, samples (trainer_samples.c),
 * checkpoints. Rank 0 writes files, and the ranks agree on how it went. */
#include "trainer_private.h"

#include "llmpi/base/activity.h"
#include "llmpi/base/clock.h"
#include "llmpi/base/json.h"
#include "llmpi/base/log.h"
#include "llmpi/base/stopping.h"
#include "llmpi/train/checkpoint.h"
#include "llmpi/train/evaluation.h"

#include <math.h>
#include <stdio.h>

enum { LINE_BYTES = 1024 }; /* more than a step's line of metrics can have */

/* Whether a multiple of `every` lies after step `before` up to `step`; every == 0: never, since the end has
 * its own call. */
static bool is_due(int64_t before, int64_t step, int64_t every)
{
    return every > 0 && step / every > before / every;
}

static enum status add_evaluation(struct trainer *trainer, const struct evaluation *result)
{
    struct buffer line = {0};
    enum status status =
        buffer_printf(&line, "{\"step\": %lld, \"validation_loss\": %.17g, \"bits_per_byte\": ",
                      (long long)trainer->state.step, result->loss);
    if (status == STATUS_OK)
        status = json_write_number(&line, result->bits_per_byte);
    if (status == STATUS_OK)
        status = buffer_printf(&line, ", \"unigram_entropy\": %.17g, \"validation_tokens\": %lld}\n",
                               result->entropy, (long long)result->tokens);
    if (status == STATUS_OK)
        status = run_files_add_metrics(trainer->files, &line);
    buffer_free(&line);
    return status;
}

static enum status evaluate(struct trainer *trainer)
{
    struct evaluation result;
    double since = clock_seconds();
    activity_begin(timers_name(PHASE_EVALUATE));
    TRY(evaluation_run(trainer->config, &trainer->state, trainer->validation, trainer->micro_batch,
                       trainer->comm, &result));
    timers_add(&trainer->timers, PHASE_EVALUATE, &since);
    if (result.windows == 0) {
        log_info("step %lld: not evaluated, the validation shards hold %lld tokens and a window needs %lld",
                 (long long)trainer->state.step, (long long)dataset_tokens(trainer->validation),
                 (long long)trainer->config->model.context_length + 1);
        return STATUS_OK;
    }
    if (!isfinite(result.loss))
        return fail(STATUS_FAILED, "step %lld: the validation loss is %g, it must be finite",
                    (long long)trainer->state.step, fabs(result.loss));
    trainer->validation_loss = result.loss;
    trainer->evaluated_step = trainer->state.step;
    log_info("step %lld: validation loss %.4f, %.4f bits per byte (unigram entropy %.4f, %lld tokens)",
             (long long)trainer->state.step, result.loss, result.bits_per_byte, result.entropy,
             (long long)result.tokens);
    return comm_agree(trainer->comm, is_root(trainer) ? add_evaluation(trainer, &result) : STATUS_OK);
}

static struct checkpoint_notes make_notes(const struct trainer *trainer)
{
    const struct precision *precision = &trainer->precision;
    bool evaluated = trainer->evaluated_step == trainer->state.step;
    struct checkpoint_notes notes = {.ranks = comm_size(trainer->comm),
                                     .owed = trainer->owed,
                                     .dataset_digest = trainer->dataset_digest,
                                     .train_tokens = dataset_tokens(trainer->train),
                                     .validation_loss = evaluated ? trainer->validation_loss : NAN};
    snprintf(notes.precision, sizeof notes.precision, "%s", precision_name(precision->element));
    snprintf(notes.products, sizeof notes.products, "%s", precision->products);
    snprintf(notes.instructions, sizeof notes.instructions, "%s", cpu_level_name(precision->level));
    if (is_root(trainer)) {
        notes.metrics_bytes = run_files_metrics_bytes(trainer->files);
        notes.samples_bytes = run_files_samples_bytes(trainer->files);
    }
    return notes;
}

static enum status save(struct trainer *trainer)
{
    double since = clock_seconds();
    activity_begin(timers_name(PHASE_CHECKPOINT));
    TRY(state_check_replicas(&trainer->state, trainer->comm));
    struct checkpoint_notes notes = make_notes(trainer);
    checkpoint_writer_save(trainer->writer, &notes);
    trainer->saved_step = trainer->state.step;
    trainer->saved_owed = trainer->owed;
    timers_add(&trainer->timers, PHASE_CHECKPOINT, &since);
    return STATUS_OK;
}

enum status trainer_finish_saving(struct trainer *trainer)
{
    double since = clock_seconds();
    activity_begin(timers_name(PHASE_CHECKPOINT));
    enum status status = checkpoint_writer_wait(trainer->writer);
    timers_add(&trainer->timers, PHASE_CHECKPOINT, &since);
    return status;
}

double trainer_utilisation(const struct trainer *trainer, int64_t steps, double seconds)
{
    int64_t tokens = steps * trainer->config->train.batch_size * trainer->config->model.context_length;
    double flop = model_flop_per_token(model_shape(trainer->state.model)) * (double)tokens;
    return flop / seconds / trainer->peak;
}

static enum status add_step(struct trainer *trainer, const struct step_result *result,
                            const struct step_note *note)
{
    double seconds = note->seconds;
    struct buffer *line = &trainer->line; /* kept from step to step */
    buffer_clear(line);
    TRY(buffer_reserve(line, LINE_BYTES));
    enum status status = buffer_printf(line, "{\"step\": %lld, \"loss\": ", (long long)result->step);
    if (status == STATUS_OK)
        status = json_write_number(line, result->loss);
    if (status == STATUS_OK)
        status = buffer_printf(line, ", \"learning_rate\": %.17g, \"grad_norm\": ", result->learning_rate);
    if (status == STATUS_OK)
        status = json_write_number(line, result->gradient_norm);
    if (status == STATUS_OK)
        status = buffer_printf(line,
                               ", \"tokens\": %lld, \"tokens_per_second\": %.17g, \"mfu\": %.6g, "
                               "\"seconds\": %.17g%s",
                               (long long)result->tokens_done, (double)result->tokens / seconds,
                               trainer_utilisation(trainer, 1, seconds), seconds,
                               result->skipped ? ", \"skipped\": true" : "");
    for (int i = PHASE_DATA; i <= PHASE_UPDATE && status == STATUS_OK; i++)
        status = buffer_printf(line, ", \"%s_seconds\": %.6f", timers_name((enum phase)i),
                               note->phases.seconds[i]);
    if (status == STATUS_OK && comm_size(trainer->comm) > 1)
        status = buffer_printf(line,
                               ", \"mean_exchange_seconds\": %.6f, \"most_exchange_seconds\": %.6f, "
                               "\"hidden_exchange_seconds\": %.6f",
                               result->waited_mean, result->waited_most, result->hidden_seconds);
    if (status == STATUS_OK)
        status = buffer_append(line, "}\n", 2);
    if (status == STATUS_OK)
        status = run_files_add_metrics(trainer->files, line);
    return status;
}

/* The first and the last step, every log_every-th, and any after a minute without a line. */
static void log_step(struct trainer *trainer, const struct step_result *result, double seconds)
{
    const struct config *config = trainer->config;
    char rate[16], left[32];
    int64_t step = result->step, done = trainer->state.step - trainer->first_step;
    double now = clock_seconds(), mean = (now - trainer->started) / (double)done;
    if (step != trainer->first_step + 1 && step != config->train.steps &&
        !is_due(step - 1, step, config->train.log_every) && now - trainer->logged < 60)
        return;
    trainer->logged = now;
    log_info(
        "step %lld/%lld: loss %.4f, learning rate %.3g, gradient norm %.3g, %s tokens/s, MFU %.1f%%, %s left",
        (long long)step, (long long)config->train.steps, result->loss, result->learning_rate,
        result->gradient_norm, log_count(rate, (double)result->tokens / seconds),
        100 * trainer_utilisation(trainer, 1, seconds),
        log_duration(left, mean * (double)(config->train.steps - trainer->state.step)));
}

enum status trainer_note_step(struct trainer *trainer, const struct step_result *result,
                              const struct step_note *note)
{
    log_step(trainer, result, note->seconds);
    return add_step(trainer, result, note);
}

/* A duty is done, or stays owed because of a request. */
static enum status attend(struct trainer *trainer, enum duty duty, enum status (*work)(struct trainer *),
                          bool *stop)
{
    if (*stop || (trainer->owed & duty) == 0)
        return STATUS_OK;
    enum status status = work(trainer);
    *stop = status == STATUS_STOPPED;
    if (*stop)
        return STATUS_OK;
    trainer->owed &= ~(int64_t)duty;
    return status;
}

enum status trainer_after_steps(struct trainer *trainer, int64_t before, bool *stop)
{
    const struct config *config = trainer->config;
    int64_t step = trainer->state.step, tasks_every = config->evaluate.tasks_every;
    tasks_every = tasks_every > 0 ? tasks_every : config->evaluate.every;
    bool last = step == config->train.steps && step > before;
    bool save_now = last || is_due(before, step, config->checkpoint.every);
    if (is_root(trainer))
        stopping_reserve(checkpoint_writer_seconds(trainer->writer));
    if (last || is_due(before, step, config->evaluate.every))
        trainer->owed |= DUTY_EVALUATE;
    if (trainer->tasks.count > 0 && (last || is_due(before, step, tasks_every)))
        trainer->owed |= DUTY_TASKS;
    if (last || is_due(before, step, config->sample.every))
        trainer->owed |= DUTY_SAMPLE;
    if (!save_now && !*stop && trainer->owed == 0)
        return STATUS_OK;
    stepper_settle(trainer->stepper, &trainer->timers);
    TRY(comm_agree(trainer->comm, trainer->written));
    TRY(attend(trainer, DUTY_EVALUATE, evaluate, stop));
    TRY(attend(trainer, DUTY_TASKS, trainer_run_tasks, stop));
    TRY(attend(trainer, DUTY_SAMPLE, trainer_sample, stop));
    bool leaving = *stop || step == config->train.steps;
    bool saved = trainer->saved_step == step && trainer->saved_owed == trainer->owed;
    if ((save_now || leaving) && !saved)
        TRY(save(trainer));
    return leaving ? trainer_finish_saving(trainer) : STATUS_OK;
}
