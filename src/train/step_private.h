/* What the files of a step share: gradients (step.c), and what becomes of them (step_end.c). */
#ifndef LLMPI_SRC_TRAIN_STEP_PRIVATE_H
#define LLMPI_SRC_TRAIN_STEP_PRIVATE_H

#include "bucket_trial.h"
#include "decision.h"
#include "loss_history.h"
#include "outer_step.h"

#include "llmpi/base/log.h"
#include "llmpi/train/sequence_batch.h"
#include "llmpi/train/step.h"

struct stepper {
    const struct config *config;
    struct train_state *state;
    struct sequences sequences;
    struct comm *comm;
    struct exchange *exchange; /* the state's */
    struct decision *decision;
    struct outer_step *outer; /* NULL: every step is one of all ranks */
    bool local;               /* the step in work is one of this rank alone */
    bool begun;               /* local steps, by outer_step_begin */
    struct bucket_trial trial;
    int64_t slot_first, slot_count, slots; /* this rank's slots, and all */
    float **pending;                       /* gradients of unfinished levels of the tree */
    struct sequence_batch batch;
    int merges[63]; /* levels that the slot in work is to be merged with, once complete */
    int merge_count;
    struct timers *timers; /* of the step in work */
    struct progress progress;
    int64_t sequences_done; /* by this rank in the step in work */
    struct loss_history history;
    int64_t skipped;      /* updates left out in a row */
    int64_t bad_sequence; /* its loss is not finite, for tests; -1: none */
    double since;
    double waited;           /* in the exchange since the last outer step */
    double decision_seconds; /* of the last step's decision: it waits for the slowest rank */
};

/* Forward and backward over all slots of this rank, then whatever sums it has not attended yet.
 * STATUS_STOPPED: cut short by a request. */
enum status step_run_slots(struct stepper *stepper);

#endif
