/* The life of a run: set up, step after step with what falls due in between, close. */
#include "trainer_private.h"

#include "llmpi/base/clock.h"
#include "llmpi/base/log.h"
#include "llmpi/comm/requests.h"
#include "llmpi/comm/watchdog.h"
#include "llmpi/train/gemm_peak.h"

#include <signal.h>

static enum status run_step(struct trainer *trainer, enum status earlier, struct step_note *note,
                            struct step_result *result)
{
    double since = clock_seconds();
    note->phases = (struct timers){0};
    enum status status = stepper_run(trainer->stepper, earlier, &note->phases, result);
    note->seconds = clock_seconds() - since;
    return status;
}

/* The steps up to the next one after which all ranks are alike, with local steps several. STATUS_STOPPED: a
 * request came before that, and they are as if they had never begun. */
static enum status run_round(struct trainer *trainer, int64_t count)
{
    struct step_note *last = &trainer->notes[count - 1];
    enum status status = trainer->written;
    bool local = step_is_local(trainer->config, trainer->state.step);
    for (int64_t i = 0; i < count; i++)
        status = run_step(trainer, status, &trainer->notes[i], &trainer->results[i]);
    if (local) {
        double since = clock_seconds();
        status = stepper_meet(trainer->stepper, status, &last->phases, trainer->results, count);
        last->seconds += clock_seconds() - since;
    }
    TRY(status);
    if (trainer->results[0].roll_back) /* never with local steps */
        return trainer_roll_back(trainer);
    for (int64_t i = 0; i < count; i++) {
        for (int phase = 0; phase < PHASES; phase++)
            trainer->timers.seconds[phase] += trainer->notes[i].phases.seconds[phase];
        trainer->step_seconds += trainer->notes[i].seconds;
        trainer->step_tokens += trainer->results[i].tokens;
        trainer->step_count++;
        if (is_root(trainer) && trainer->written == STATUS_OK)
            trainer->written = trainer_note_step(trainer, &trainer->results[i], &trainer->notes[i]);
    }
    return STATUS_OK;
}

/* The stop has been made: says where, and lets the next start go on. **Collective** */
static enum status conclude_stop(struct trainer *trainer)
{
    int64_t step = trainer->state.step, steps = trainer->config->train.steps;
    const char *reason = stopping_name(requests_agree(trainer->comm));
    if (is_root(trainer))
        stopping_obeyed();
    if (step == steps && trainer->owed == 0)
        return STATUS_OK; /* it came in the last moment */
    if (step == 0)
        return fail(STATUS_STOPPED,
                    "stopped by %s in the first step, with nothing to save yet; the same command starts over",
                    reason);
    return fail(STATUS_STOPPED,
                "stopped by %s at step %lld of %lld with everything saved%s; the same command continues",
                reason, (long long)step, (long long)steps,
                trainer->owed != 0 ? ", before the evaluation and samples that are due" : "");
}

static enum status loop(struct trainer *trainer)
{
    bool stop = false;
    TRY(trainer_after_steps(trainer, trainer->state.step, &stop)); /* what an earlier start left undone */
    while (trainer->state.step < trainer->config->train.steps && !stop) {
        int64_t before = trainer->state.step, count = step_round(trainer->config, before);
        enum status status = run_round(trainer, count);
        stop = status == STATUS_STOPPED;
        if (!stop) {
            TRY(status);
            stop = trainer->results[count - 1].stop;
        }
        TRY(trainer_after_steps(trainer, before, &stop));
    }
    return stop ? conclude_stop(trainer) : STATUS_OK;
}

/* What the steps alone reached; what lies between them is in the table of phases. */
static void report_speed(const struct trainer *trainer)
{
    char rate[16], peak[16];
    double utilisation = trainer_utilisation(trainer, trainer->step_count, trainer->step_seconds);
    log_info("steps alone: %s tokens/s, MFU %.1f%% of the GEMM peak of %sFLOP/s",
             log_count(rate, (double)trainer->step_tokens / trainer->step_seconds), 100 * utilisation,
             log_count(peak, trainer->peak));
    if (utilisation <= 1)
        return;
    log_info("hint: the host was busy when the GEMM peak was measured; the next start measures it again");
    gemm_peak_forget(&trainer->precision, trainer->comm);
}

static enum status run(struct trainer *trainer, bool fresh, struct tokenizer *tokenizer)
{
    TRY(trainer_set_up(trainer, fresh, tokenizer));
    if (trainer->state.step >= trainer->config->train.steps && trainer->owed == 0) {
        log_info("done already: %lld of %lld steps; raise train.steps to go on, or start over with --fresh",
                 (long long)trainer->state.step, (long long)trainer->config->train.steps);
        return STATUS_OK;
    }
    trainer->started = clock_seconds();
    enum status status = loop(trainer);
    if ((status == STATUS_OK || status == STATUS_STOPPED) && trainer->step_tokens > 0) {
        timers_report(&trainer->timers, clock_seconds() - trainer->started, trainer->comm);
        report_speed(trainer);
    }
    return status;
}

enum status trainer_run(const struct config *config, const char *base, bool fresh,
                        struct tokenizer *tokenizer, struct comm *comm)
{
    struct trainer trainer = {.config = config,
                              .comm = comm,
                              .directory = config->run.directory,
                              .base = base,
                              .written = STATUS_OK};
    struct watchdog *watchdog;
    signal(SIGPIPE, SIG_IGN); /* a reader of the log that goes, as `tee` at Ctrl-C, must not end training */
    enum status status = watchdog_begin(comm, config->run.stall_warning, config->run.stall_abort, &watchdog);
    if (status != STATUS_OK) {
        tokenizer_destroy(tokenizer);
        return status;
    }
    status = run(&trainer, fresh, tokenizer);
    trainer_close(&trainer);
    watchdog_end(watchdog);
    return status;
}
