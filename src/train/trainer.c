/* The life of a run: set up, step after step with what falls due in between, close. */
#include "trainer_private.h"

#include "llmpi/base/clock.h"
#include "llmpi/base/log.h"
#include "llmpi/train/stopping.h"

static enum status run_step(struct trainer *trainer, struct step_result *result)
{
    struct timers phases = {0};
    double since = clock_seconds();
    TRY(stepper_run(trainer->stepper, trainer->written, &phases, result));
    double seconds = clock_seconds() - since;
    for (int i = 0; i < PHASES; i++)
        trainer->timers.seconds[i] += phases.seconds[i];
    trainer->step_seconds += seconds;
    trainer->step_tokens += result->tokens;
    if (is_root(trainer))
        trainer->written = trainer_note_step(trainer, result, seconds, &phases);
    return STATUS_OK;
}

static enum status loop(struct trainer *trainer)
{
    struct step_result result = {0};
    while (trainer->state.step < trainer->config->train.steps) {
        TRY(run_step(trainer, &result));
        TRY(trainer_after_step(trainer, result.stop));
        if (result.stop && trainer->state.step < trainer->config->train.steps) {
            log_info("stopped on request%s%s at step %lld of %lld with everything saved; the same command "
                     "continues",
                     stopping_reason()[0] != '\0' ? " by " : "", stopping_reason(),
                     (long long)trainer->state.step, (long long)trainer->config->train.steps);
            return STATUS_STOPPED;
        }
    }
    return STATUS_OK;
}

/* What the steps alone reached; what lies between them is in the table of phases. */
static void report_speed(const struct trainer *trainer)
{
    char rate[16], peak[16];
    log_info("steps alone: %s tokens/s, MFU %.1f%% of the GEMM peak of %sFLOP/s",
             log_count(rate, (double)trainer->step_tokens / trainer->step_seconds),
             100 * trainer_utilisation(trainer, trainer->step_tokens, trainer->step_seconds),
             log_count(peak, trainer->peak));
}

static enum status run(struct trainer *trainer, bool fresh, struct tokenizer *tokenizer)
{
    TRY(trainer_set_up(trainer, fresh, tokenizer));
    if (trainer->state.step >= trainer->config->train.steps) {
        log_info("done already: %lld of %lld steps; raise train.steps to go on, or start over with --fresh",
                 (long long)trainer->state.step, (long long)trainer->config->train.steps);
        return STATUS_OK;
    }
    trainer->started = clock_seconds();
    enum status status = loop(trainer);
    if (status == STATUS_OK || status == STATUS_STOPPED) {
        timers_report(&trainer->timers, clock_seconds() - trainer->started, trainer->comm);
        report_speed(trainer);
    }
    return status;
}

enum status trainer_run(const struct config *config, bool fresh, struct tokenizer *tokenizer,
                        struct comm *comm)
{
    struct trainer trainer = {
        .config = config, .comm = comm, .directory = config->run.directory, .written = STATUS_OK};
    stopping_begin();
    enum status status = run(&trainer, fresh, tokenizer);
    trainer_close(&trainer);
    return status;
}
