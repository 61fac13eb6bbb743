/* `llmpi evaluate --tasks`: the results as a table or as JSON lines, into the run's metrics, and item by
 * item. */
#include "evaluations.h"

#include "llmpi/base/file.h"
#include "llmpi/base/folder_lock.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/train/run_files.h"
#include "llmpi/train/task_list.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void print_row(const char *task, int64_t items, const char *metric, double value, double error)
{
    char count[32] = "", deviation[32] = "";
    if (items > 0)
        snprintf(count, sizeof count, "%lld", (long long)items);
    if (isfinite(error))
        snprintf(deviation, sizeof deviation, "  %.4f", error);
    printf("%-24s %8s  %-10s  %10.*f%s\n", task, count, metric, value < 10 ? 4 : 2, value, deviation);
}

static void print_table(const struct task_list *list, const struct task_result *results)
{
    printf("%-24s %8s  %-10s  %10s  %s\n", "task", "items", "metric", "value", "stderr");
    for (int64_t i = 0; i < list->count; i++) {
        const struct task_result *result = &results[i];
        int64_t items = result->items;
        print_row(list->tasks[i].name, items, "acc", task_accuracy(result->correct, items),
                  task_standard_error(result->correct, items));
        if (list->tasks[i].form == TASK_CHOICES)
            print_row("", 0, "acc_norm", task_accuracy(result->correct_norm, items),
                      task_standard_error(result->correct_norm, items));
        else
            print_row("", 0, "perplexity", result->perplexity, NAN);
    }
}

static void warn_of_cuts(const struct task_list *list, const struct task_result *results, int64_t length)
{
    for (int64_t i = 0; i < list->count; i++)
        if (results[i].cut > 0)
            log_warning("%s: %lld texts are longer than the context of %lld tokens behind their contexts; "
                        "only their last %lld tokens are scored",
                        list->tasks[i].name, (long long)results[i].cut, (long long)length, (long long)length);
}

static enum status write_lines(const struct scorer *scorer, const struct task_list *list,
                               const struct task_result *results, struct buffer *out)
{
    for (int64_t i = 0; i < list->count; i++) {
        TRY(task_write_result(&list->tasks[i], &results[i], scorer->state->step, out));
        TRY(buffer_append(out, "\n", 1));
    }
    return STATUS_OK;
}

/* Behind what is there, while no training writes to it. */
static enum status append_metrics(const char *directory, const struct buffer *lines)
{
    char *metrics = path_join(directory, "metrics.jsonl"), *samples = path_join(directory, "samples.txt");
    struct folder_lock *lock = NULL;
    struct run_files *files = NULL;
    enum status status = metrics != NULL && samples != NULL ? STATUS_OK : STATUS_FAILED;
    if (status == STATUS_OK && !file_exists(metrics))
        status = fail(STATUS_USAGE, "--metrics: there is no %s (run.directory)", metrics);
    if (status == STATUS_OK)
        status = folder_lock_take(directory, "run.directory", &lock);
    if (status == STATUS_OK)
        status = run_files_open(directory, file_size(metrics), file_exists(samples) ? file_size(samples) : 0,
                                &files);
    if (status == STATUS_OK)
        status = run_files_add_metrics(files, lines);
    run_files_close(files);
    folder_lock_release(lock);
    free(metrics);
    free(samples);
    return status;
}

/* Rank 0. */
static enum status report(const struct scorer *scorer, const struct arguments *arguments,
                          const struct task_list *list, const struct task_result *results,
                          const struct buffer *items)
{
    struct buffer lines = {0};
    const char *file = arguments_get(arguments, "--items");
    enum status status = write_lines(scorer, list, results, &lines);
    warn_of_cuts(list, results, model_shape(scorer->state->model)->context_length);
    if (status == STATUS_OK && arguments_has(arguments, "--json"))
        fputs(lines.data, stdout);
    else if (status == STATUS_OK)
        print_table(list, results);
    if (status == STATUS_OK && file != NULL)
        status = file_write(file, items->data, items->length);
    if (status == STATUS_OK && arguments_has(arguments, "--metrics"))
        status = append_metrics(scorer->config->run.directory, &lines);
    buffer_free(&lines);
    return status;
}

enum status evaluate_tasks(const struct scorer *scorer, const struct arguments *arguments)
{
    const struct config *config = scorer->config;
    const struct task_source source = {.directory = config->evaluate.task_directory,
                                       .tokenizer = scorer->state->tokenizer,
                                       .end_token = scorer->end_token,
                                       .limit = config->evaluate.task_items};
    struct task_list list;
    struct buffer items = {0};
    struct task_result *results = NULL;
    enum status status = task_list_open(&config->evaluate.tasks, &source, scorer->comm, &list);
    if (status == STATUS_OK) {
        results = memory_allocate(list.count, sizeof *results, "results of tasks");
        status = comm_agree(scorer->comm, results != NULL ? STATUS_OK : STATUS_FAILED);
    }
    if (status == STATUS_OK)
        status = task_list_run(&list, scorer->state, scorer->sequences, scorer->comm, results,
                               arguments_has(arguments, "--items") ? &items : NULL);
    if (status == STATUS_OK)
        status = comm_agree(scorer->comm, comm_rank(scorer->comm) == 0
                                              ? report(scorer, arguments, &list, results, &items)
                                              : STATUS_OK);
    buffer_free(&items);
    memory_free(results);
    task_list_close(&list);
    return status;
}
