/* One optimizer step over all ranks: read the step's sequences, forward and backward over this rank's slots,
 * sum the gradients block by block, agree on loss and flags, clip, update. */
#ifndef LLMPI_TRAIN_STEP_H
#define LLMPI_TRAIN_STEP_H

#include "llmpi/base/status.h"
#include "llmpi/comm/comm.h"
#include "llmpi/config/config.h"
#include "llmpi/train/sequences.h"
#include "llmpi/train/state.h"
#include "llmpi/train/timers.h"

#include <stdbool.h>
#include <stdint.h>

/* Everything that steps need besides the state; allocated once, a step allocates nothing. */
struct stepper;

/* What a step tells the ranks, the same on each. */
struct step_result {
    int64_t step;
    double loss;          /* mean over the step's targets, nats */
    double gradient_norm; /* before clipping */
    double learning_rate;
    int64_t tokens;      /* targets of this step */
    int64_t tokens_done; /* in the whole run, up to this step */
    bool stop;           /* a rank was asked to stop, and the step counts */
    bool skipped;        /* the update was left out: loss or gradient were not finite, or the loss a spike */
    bool roll_back;      /* and the run is to go back to its newest checkpoint */
    /* Seconds in the exchange since the last step's sums (gradients, new parameters, and waiting for other
     * ranks): mean and most of the ranks. */
    double waited_mean, waited_most;
    double hidden_seconds; /* in which messages of this rank travelled while it computed */
};

/* Borrows all arguments, and what gives the sequences, for its lifetime. */
enum status stepper_create(const struct config *config, struct train_state *state, struct sequences sequences,
                           struct comm *comm, struct stepper **out);
void stepper_destroy(struct stepper *stepper);

/* Runs step state->step + 1 and advances the state. `earlier` is how this rank fared since the last step. A
 * failure before or in the step on any rank ends with the same STATUS_FAILED on every rank and leaves the
 * state as it was; so does STATUS_STOPPED, where a rank that learnt of a request to stop (comm/requests.h)
 * between two micro-batches has cut the step short, and STATUS_FAILED for a loss or gradient that is not
 * finite, with train.on_nonfinite `stop`. Otherwise, and for a spike of the loss (train.spike_threshold), the
 * update is left out and the step counts. The tenth such step in a row fails. For tests,
 * LLMPI_BAD_SEQUENCE=N makes the loss of sequence number N not finite. **Collective** */
enum status stepper_run(struct stepper *stepper, enum status earlier, struct timers *timers,
                        struct step_result *result);

/* The losses (finite ones, oldest first) of the steps before the next one, and how many updates were left out
 * in a row; instead of what the stepper has seen itself. */
void stepper_recall(struct stepper *stepper, const double *losses, int64_t count, int64_t skipped);

/* With train.local_steps, whether the step after number `step` is one of each rank alone: the first steps, up
 * to train.local_after, are of all ranks, with the bits of a run without local steps. */
bool step_is_local(const struct config *config, int64_t step);

/* The step number after which steps are local, given train.local_steps. */
int64_t step_local_after(const struct config *config);

/* Where step_is_local, stepper_run is a step of this rank alone, and its result the rank's own (the first one
 * is **Collective** all the same: ranks give each other their moments); after a round of them the ranks meet
 * here, in an outer step (the header of train/outer_step.h says how). `earlier` is how this rank fared in the
 * round: where one has failed, all return the same STATUS_FAILED; where one was stopped, all return
 * STATUS_STOPPED with the state as it was before the round. The results of the round's `count` steps become
 * those of all ranks: means of loss and gradient norm. **Collective** */
enum status stepper_meet(struct stepper *stepper, enum status earlier, struct timers *timers,
                         struct step_result *results, int64_t count);

/* Steps after step number `step` until all ranks are alike again: 1, or where they are local what is left of
 * a round of train.local_steps, which ends at their multiples and with the run. */
int64_t step_round(const struct config *config, int64_t step);

/* Waits until this rank has all parameters of the last step, which else come in the course of the next;
 * before anything else looks at them. **Collective** */
void stepper_settle(struct stepper *stepper, struct timers *timers);

/* The largest number of sequences in one forward pass, for state_create. */
int64_t step_micro_batch(const struct config *config, int ranks);

/* The slots that a run uses: train.slots, or one per rank. */
int64_t step_slots(const struct config *config, int ranks);

/* Sequences that a rank works on in a step. */
int64_t step_share(const struct config *config, int ranks, int rank);

#endif
