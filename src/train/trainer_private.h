/* What the chapters of the trainer share: the run in work, setting it up (trainer_setup.c), what falls due
 * between its steps (trainer_duties.c), and the loop around both (trainer.c). */
#ifndef LLMPI_SRC_TRAIN_TRAINER_PRIVATE_H
#define LLMPI_SRC_TRAIN_TRAINER_PRIVATE_H

#include "llmpi/base/folder_lock.h"
#include "llmpi/data/dataset.h"
#include "llmpi/train/checkpoint_writer.h"
#include "llmpi/train/precision.h"
#include "llmpi/train/run_files.h"
#include "llmpi/train/state.h"
#include "llmpi/train/step.h"
#include "llmpi/train/task_list.h"
#include "llmpi/train/timers.h"
#include "llmpi/train/trainer.h"

/* Where the time of a step went, on this rank. */
struct step_note {
    double seconds;
    struct timers phases;
};

struct trainer {
    const struct config *config;
    struct comm *comm;
    const char *directory;
    const char *base; /* rank 0: the checkpoint that a new run starts from; NULL: from random numbers */
    struct folder_lock *lock;
    struct run_files *files;
    struct precision precision; /* what the ranks agreed on */
    double peak;                /* FLOP per second of matrix products, all ranks */
    struct train_state state;
    struct dataset *train, *validation;
    struct dataset_sequences data; /* `train` as the stepper takes it */
    struct sequences sequences;
    struct task_list tasks;
    struct task_result *task_results; /* of each, of the last evaluation */
    struct stepper *stepper;
    struct checkpoint_writer *writer;
    double validation_loss; /* of the last evaluation, */
    int64_t evaluated_step; /* which was after this step; 0: none */
    struct timers timers;
    int64_t micro_batch, first_step;
    int64_t owed;                   /* set of enum duty: due after the last step, and not done yet */
    int64_t saved_step, saved_owed; /* what a new start would go on from, once it is written */
    uint64_t dataset_digest;
    struct buffer line;     /* of metrics, in work */
    enum status written;    /* rank 0: how writing metrics went; the others learn of it in the next step */
    double started, logged; /* when the loop began, and the log's last line about a step */
    double step_seconds;    /* of all steps done since then, their number and tokens */
    int64_t step_count, step_tokens;
    struct step_result *results; /* of the steps since all ranks were alike: one, or train.local_steps */
    struct step_note *notes;
    int64_t returns, returned_to; /* how often in a row a run went back to which step's checkpoint */
};

static inline bool is_root(const struct trainer *trainer)
{
    return comm_rank(trainer->comm) == 0;
}

/* Takes the run directory's lock, opens the data, starts or continues the state, opens the run's files and
 * says what the run is. Takes over the tokenizer (also on failure). **Collective** */
enum status trainer_set_up(struct trainer *trainer, bool fresh, struct tokenizer *tokenizer);

/* Closes and frees whatever set_up opened, also after it failed in the middle. */
void trainer_close(struct trainer *trainer);

/* Model FLOP utilisation (train/gemm_peak.h) of so many steps in so many seconds: of all their tokens, also
 * those of which nothing is to be learnt. */
double trainer_utilisation(const struct trainer *trainer, int64_t steps, double seconds);

/* Evaluates, samples and saves, as far as each has fallen due in the steps after number `before` or is owed
 * from before. The last step saves in any case. With *stop, which becomes true where a request comes during
 * this, the state is saved at once and what is not done yet is owed to the next start. At the last step and
 * before a stop saving is over when this returns, and it fails where that could not be; other saves that fail
 * are only warned of. **Collective** */
enum status trainer_after_steps(struct trainer *trainer, int64_t before, bool *stop);

/* Runs the tasks (trainer_tasks.c) and writes their results into the log and metrics.jsonl. **Collective** */
enum status trainer_run_tasks(struct trainer *trainer);

/* Opens the tasks of evaluate.tasks. **Collective** */
enum status trainer_open_tasks(struct trainer *trainer, struct tokenizer *tokenizer);
void trainer_close_tasks(struct trainer *trainer);

/* Tells the stepper what metrics.jsonl says of the last steps: continuing must judge the next one as the run
 * would have done. **Collective** */
enum status trainer_recall(struct trainer *trainer);

/* After a step that is not finite: goes back to the newest checkpoint, but on with the data after that step.
 * STATUS_FAILED without a checkpoint, or when the same one has not helped several times. **Collective** */
enum status trainer_roll_back(struct trainer *trainer);

/* Waits until the last checkpoint is on disk, or is known not to get there: STATUS_FAILED on every rank, with
 * the reason. Before checkpoints are read again, and before anybody is told that everything is saved.
 * **Collective** */
enum status trainer_finish_saving(struct trainer *trainer);

/* Writes a step's line into metrics.jsonl and, now and then, the log. Rank 0. */
enum status trainer_note_step(struct trainer *trainer, const struct step_result *result,
                              const struct step_note *note);

/* Continues the prompts of the configuration and writes the texts. **Collective** */
enum status trainer_sample(struct trainer *trainer);

#endif
