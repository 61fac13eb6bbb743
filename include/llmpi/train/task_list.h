/* The tasks of one evaluation: opened together, run one after the other. */
#ifndef LLMPI_TRAIN_TASK_LIST_H
#define LLMPI_TRAIN_TASK_LIST_H

#include "llmpi/base/string_list.h"
#include "llmpi/train/task.h"

struct task_list {
    struct task *tasks;
    int64_t count;
};

/* Opens each as task_open does. Free with task_list_close, also after a failure. **Collective** */
enum status task_list_open(const struct string_list *names, const struct task_source *source,
                           struct comm *comm, struct task_list *out);
void task_list_close(struct task_list *list);

/* Runs all and gives results[i] of task i; where `items` is not NULL, rank 0 appends task_write_items' lines.
 * STATUS_STOPPED as of scoring_run. **Collective** */
enum status task_list_run(const struct task_list *list, struct train_state *state, int64_t sequences,
                          struct comm *comm, struct task_result *results, struct buffer *items);

#endif
