/* What all ranks must know before any of them may update: one small collective in each step carries flags,
 * the loss of each slot, how long each rank waited, and the squares of each chunk of the gradient. Every
 * number comes from one rank, and the others add zero, so that the sum is exact and the same for any number
 * of ranks; slots and chunks are then added along their trees on every rank alike. */
#ifndef LLMPI_SRC_TRAIN_DECISION_H
#define LLMPI_SRC_TRAIN_DECISION_H

#include "llmpi/base/status.h"
#include "llmpi/comm/comm.h"
#include "llmpi/model/model.h"
#include "llmpi/train/state.h"

#include <stdbool.h>
#include <stdint.h>

struct decision;

/* What the ranks know then, each the same. */
struct decided {
    bool failed, stop;   /* on some rank */
    bool unfinished;     /* a rank that was asked to stop has cut the step short: it counts on none */
    double loss, weight; /* sums over the targets of the step */
    double gradient_squares;
    double waited_mean, waited_most; /* seconds of the ranks in the exchange, since the last decision */
};

/* NULL after fail(). */
struct decision *decision_create(const struct train_state *state, int64_t slots, struct comm *comm);
void decision_destroy(struct decision *decision);

/* Forgets the last step. `alone`: each rank decides for itself (train.local_steps). */
void decision_begin(struct decision *decision, bool alone);

/* The sums of one of this rank's slots. */
void decision_set_slot(struct decision *decision, int64_t slot, const struct model_loss *sums);

/* Adds the squares of what this rank owns of the summed gradient, tells the others and hears from them.
 * `status` is how this rank fared, STATUS_STOPPED where it has cut its work short; `stop`: it knows of a
 * request. **Collective**, unless alone. */
struct decided decision_make(struct decision *decision, enum status status, bool stop, double waited);

#endif
