/* One array of scores at a time, of the task in work. */
#include "llmpi/train/task_list.h"

#include "llmpi/base/memory.h"

enum status task_list_open(const struct string_list *names, const struct task_source *source,
                           struct comm *comm, struct task_list *out)
{
    *out = (struct task_list){.tasks = memory_allocate(names->count, sizeof *out->tasks, "tasks")};
    TRY(comm_agree(comm, out->tasks != NULL ? STATUS_OK : STATUS_FAILED));
    for (int64_t i = 0; i < names->count; i++)
        TRY(task_open(names->items[i], source, comm, &out->tasks[out->count++]));
    return STATUS_OK;
}

void task_list_close(struct task_list *list)
{
    for (int64_t i = 0; i < list->count; i++)
        task_close(&list->tasks[i]);
    memory_free(list->tasks);
    *list = (struct task_list){0};
}

static enum status run_task(const struct task *task, struct train_state *state, int64_t sequences,
                            struct comm *comm, struct task_result *result, struct buffer *items)
{
    struct score *scores = memory_allocate(task->request_count, sizeof *scores, "scores of a task");
    enum status status = comm_agree(comm, scores != NULL ? STATUS_OK : STATUS_FAILED);
    if (status == STATUS_OK)
        status = task_run(task, state, sequences, comm, scores, result);
    if (status == STATUS_OK && items != NULL)
        status = comm_agree(comm, comm_rank(comm) == 0 ? task_write_items(task, scores, items) : STATUS_OK);
    memory_free(scores);
    return status;
}

enum status task_list_run(const struct task_list *list, struct train_state *state, int64_t sequences,
                          struct comm *comm, struct task_result *results, struct buffer *items)
{
    for (int64_t i = 0; i < list->count; i++)
        TRY(run_task(&list->tasks[i], state, sequences, comm, &results[i], items));
    return STATUS_OK;
}
