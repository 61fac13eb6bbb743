/* Tasks in the course of a run. Their texts are encoded once, at the start, where a file that is missing or
 * wrong still costs nothing. */
#include "trainer_private.h"

#include "llmpi/base/activity.h"
#include "llmpi/base/clock.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"

enum status trainer_open_tasks(struct trainer *trainer, struct tokenizer *tokenizer)
{
    const struct config *config = trainer->config;
    const struct task_source source = {.directory = config->evaluate.task_directory,
                                       .tokenizer = tokenizer,
                                       .end_token = config->shards.end_token,
                                       .limit = config->evaluate.task_items};
    TRY(task_list_open(&config->evaluate.tasks, &source, trainer->comm, &trainer->tasks));
    trainer->task_results =
        memory_allocate(trainer->tasks.count, sizeof *trainer->task_results, "results of tasks");
    return comm_agree(trainer->comm, trainer->task_results != NULL ? STATUS_OK : STATUS_FAILED);
}

void trainer_close_tasks(struct trainer *trainer)
{
    task_list_close(&trainer->tasks);
    memory_free(trainer->task_results);
}

static void log_result(int64_t step, const struct task *task, const struct task_result *result)
{
    double acc = task_accuracy(result->correct, result->items);
    if (task->form == TASK_CHOICES)
        log_info("step %lld: %s: acc %.4f, acc_norm %.4f (%lld items)", (long long)step, task->name, acc,
                 task_accuracy(result->correct_norm, result->items), (long long)result->items);
    else
        log_info("step %lld: %s: acc %.4f, perplexity %.2f (%lld items)", (long long)step, task->name, acc,
                 result->perplexity, (long long)result->items);
}

static enum status write_results(struct trainer *trainer)
{
    struct buffer lines = {0};
    enum status status = STATUS_OK;
    for (int64_t i = 0; i < trainer->tasks.count && status == STATUS_OK; i++) {
        const struct task *task = &trainer->tasks.tasks[i];
        log_result(trainer->state.step, task, &trainer->task_results[i]);
        status = task_write_result(task, &trainer->task_results[i], trainer->state.step, &lines);
        if (status == STATUS_OK)
            status = buffer_append(&lines, "\n", 1);
    }
    if (status == STATUS_OK)
        status = run_files_add_metrics(trainer->files, &lines);
    buffer_free(&lines);
    return status;
}

enum status trainer_run_tasks(struct trainer *trainer)
{
    double since = clock_seconds();
    if (trainer->tasks.count == 0) /* owed by an earlier start, which had some */
        return STATUS_OK;
    activity_begin(timers_name(PHASE_EVALUATE));
    TRY(task_list_run(&trainer->tasks, &trainer->state, trainer->micro_batch, trainer->comm,
                      trainer->task_results, NULL));
    timers_add(&trainer->timers, PHASE_EVALUATE, &since);
    return comm_agree(trainer->comm, is_root(trainer) ? write_results(trainer) : STATUS_OK);
}
