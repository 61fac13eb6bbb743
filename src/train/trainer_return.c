/* Going back to where a run was: to the newest checkpoint after a loss that is not finite, and to the losses
 * of the last steps, which metrics.jsonl has in full precision. */
#include "trainer_private.h"

#include "llmpi/base/file.h"
#include "llmpi/base/json.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/train/checkpoint.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_RETURNS = 3 }; /* to the same checkpoint */

/* What the lines of steps tell, read from the last one backwards. */
struct recall {
    double *losses; /* (capacity), filled from the end */
    int64_t capacity, count;
    int64_t skipped; /* updates left out in a row, up to the last step */
    bool in_row;     /* no line but of such steps was read yet */
};

static enum status recall_line(struct recall *recall, const char *text, size_t length)
{
    struct json *line = NULL;
    bool skipped = false;
    double loss = 0;
    TRY(json_parse(text, length, &line));
    if (json_get_member(line, "loss") != NULL) {
        json_get_boolean(json_get_member(line, "skipped"), &skipped);
        recall->in_row = recall->in_row && skipped;
        recall->skipped += recall->in_row;
        if (json_get_number(json_get_member(line, "loss"), &loss) && recall->count < recall->capacity)
            recall->losses[recall->capacity - ++recall->count] = loss;
    }
    json_free(line);
    return STATUS_OK;
}

static enum status recall_lines(struct recall *recall, const struct buffer *text)
{
    size_t end = text->length;
    while (end > 0 && (recall->count < recall->capacity || recall->in_row)) {
        const char *before = end > 1 ? memrchr(text->data, '\n', end - 1) : NULL;
        size_t start = before != NULL ? (size_t)(before - text->data) + 1 : 0;
        TRY(recall_line(recall, text->data + start, end - start));
        end = start;
    }
    return STATUS_OK;
}

/* Rank 0. */
static enum status read_metrics(const struct trainer *trainer, struct recall *recall)
{
    struct buffer text = {0};
    char *path = path_join(trainer->directory, "metrics.jsonl");
    enum status status = path != NULL ? file_read(path, &text) : STATUS_FAILED;
    if (status == STATUS_OK && recall_lines(recall, &text) != STATUS_OK)
        log_warning("%s has a line that cannot be read: the losses before it are forgotten", path);
    buffer_free(&text);
    free(path);
    return status;
}

enum status trainer_recall(struct trainer *trainer)
{
    const struct config *config = trainer->config;
    if (config->train.spike_threshold == 0 && config->train.on_nonfinite != TRAIN_NONFINITE_SKIP)
        return STATUS_OK;
    struct recall recall = {.capacity = config->train.spike_window, .in_row = true};
    recall.losses = memory_allocate(recall.capacity, sizeof *recall.losses, "the last losses");
    enum status status = recall.losses != NULL ? STATUS_OK : STATUS_FAILED;
    if (status == STATUS_OK && is_root(trainer))
        status = read_metrics(trainer, &recall);
    status = comm_agree(trainer->comm, status);
    if (status == STATUS_OK) {
        int64_t counts[] = {recall.count, recall.skipped};
        comm_broadcast(trainer->comm, counts, sizeof counts, 0);
        comm_broadcast(trainer->comm, recall.losses, (size_t)recall.capacity * sizeof *recall.losses, 0);
        stepper_recall(trainer->stepper, recall.losses + recall.capacity - counts[0], counts[0], counts[1]);
    }
    memory_free(recall.losses);
    return status;
}

/* Rank 0: parameters, counters and files of the newest checkpoint, whose path (free()) is then given. */
static enum status reload(struct trainer *trainer, char **path)
{
    struct checkpoint_notes notes = {0};
    TRY(checkpoint_newest(trainer->directory, path));
    if (*path == NULL)
        return fail(STATUS_FAILED,
                    "step %lld: the loss or the gradient is not finite, and there is no checkpoint to go "
                    "back to (train.on_nonfinite)",
                    (long long)trainer->state.step);
    TRY(checkpoint_load(*path, &trainer->state, &notes));
    return run_files_cut(trainer->files, notes.metrics_bytes, notes.samples_bytes);
}

enum status trainer_roll_back(struct trainer *trainer)
{
    int64_t failed = trainer->state.step, sequences = trainer->state.sequences;
    char *path = NULL;
    stepper_settle(trainer->stepper, &trainer->timers);
    trainer_finish_saving(trainer); /* where that failed, it was warned of, and an older one is read */
    enum status status = comm_agree(trainer->comm, is_root(trainer) ? reload(trainer, &path) : STATUS_OK);
    if (status == STATUS_OK)
        status = checkpoint_load_moments(path, &trainer->state, trainer->comm);
    free(path);
    TRY(status);
    state_broadcast(&trainer->state, trainer->comm);
    int64_t step = trainer->state.step;
    trainer->saved_step = step;
    trainer->returns = step == trainer->returned_to ? trainer->returns + 1 : 1;
    trainer->returned_to = step;
    if (trainer->returns > MOST_RETURNS)
        return fail(STATUS_FAILED,
                    "step %lld: the loss or the gradient is not finite, after %d returns to the checkpoint "
                    "of step %lld already, which stays as it is (try a smaller train.learning_rate)",
                    (long long)failed, MOST_RETURNS, (long long)step);
    if (is_root(trainer))
        log_warning("back to the checkpoint of step %lld, and on with the data after step %lld",
                    (long long)step, (long long)failed);
    trainer->state.sequences = sequences;
    return trainer_recall(trainer);
}
