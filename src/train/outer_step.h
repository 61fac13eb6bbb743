/* Local steps (train.local_steps) are DiLoCo (Douillard et al. 2023, arXiv:2311.08105): every rank makes
 * AdamW steps of its own on its share of the batch, without any exchange, and after some of them the ranks
 * meet in an outer step. Its gradient is how far the average of the ranks' parameters has moved since the
 * last outer step; Nesterov's momentum updates the parameters of that time, and all ranks go on from there.
 *
 * The outer state, parameters of the last outer step (train_state.master) and momentum, is divided among the
 * ranks as the exchange divides sums. AdamW's moments, which each rank has of everything, are averaged in an
 * outer step too: then all ranks are alike after it, a checkpoint of one set of moments is whole, and a run
 * that continues from it gives the same bits. The price is three times the traffic of one exchange of
 * gradients, once in local_steps steps. Each rank also keeps the averaged moments of the part that it owns,
 * so that a round of local steps that is cut short can be forgotten. */
#ifndef LLMPI_SRC_TRAIN_OUTER_STEP_H
#define LLMPI_SRC_TRAIN_OUTER_STEP_H

#include "llmpi/comm/comm.h"
#include "llmpi/config/config.h"
#include "llmpi/train/state.h"
#include "llmpi/train/step.h"

struct outer_step;

/* Borrows all arguments. NULL after fail(). */
struct outer_step *outer_step_create(const struct config *config, struct train_state *state,
                                     struct comm *comm);
void outer_step_destroy(struct outer_step *outer); /* NULL is fine */

/* Before the first local step: what this rank updates, and keeps moments of, is no longer what it owns in the
 * exchange but everything (train_state.updated), and the ranks give each other their parts of the moments.
 * All parameters must have been taken. **Collective** */
void outer_step_begin(struct outer_step *outer);

/* Averages the moments and sums the parameters, whose sums then are where those of gradients else are. All
 * parameters must have been taken. **Collective** */
void outer_step_share(struct outer_step *outer);

/* The ranks tell each other their numbers of the last `count` steps: these become those of all ranks (loss
 * and norm their means), `waited` and `stop`, which is true where one rank says so, those of the last result.
 * **Collective** */
void outer_step_agree(struct outer_step *outer, bool stop, double waited, struct step_result *results,
                      int64_t count);

/* Nesterov's update of what this rank owns, which is published (exchange_publish). */
void outer_step_update(struct outer_step *outer);

/* Instead of an outer step: the state becomes again what it was after the last one, on all ranks. All
 * parameters must have been taken. **Collective** */
void outer_step_return(struct outer_step *outer);

#endif
