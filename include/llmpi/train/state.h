/* What a run carries from step to step: the model with its parameters, AdamW's moments, and where it stands.
 * Every rank holds the same parameters and counters, and moments of what it owns. */
#ifndef LLMPI_TRAIN_STATE_H
#define LLMPI_TRAIN_STATE_H

#include "llmpi/base/status.h"
#include "llmpi/comm/comm.h"
#include "llmpi/config/config.h"
#include "llmpi/model/model.h"
#include "llmpi/text/tokenizer.h"
#include "llmpi/train/exchange.h"

#include <stdint.h>

struct train_state {
    struct model *model;
    /* NULL for a state that only evaluates: how ranks share gradients and parameters; what this rank updates
     * in a step and keeps moments of, packed (train/ownership.h): what it owns in the exchange, and in
     * local steps everything (with train.local_steps the moments have room for that from the start). Of what
     * it owns in the exchange: the parameters, where others get them rounded, or else with local steps those
     * of the last outer step, and beside them its momentum. */
    struct exchange *exchange;
    struct ownership updated;
    float *exp_avg, *exp_avg_sq, *master, *outer_momentum;
    struct tokenizer *tokenizer; /* NULL: none is known */
    int64_t step;                /* steps done */
    int64_t sequences;           /* sequences consumed over all ranks and steps */
    int64_t tokens;              /* targets trained on */
};

/* The shape that a configuration and a vocabulary give for training. */
struct model_shape state_model_shape(const struct config *config, int64_t vocab_size);

/* How ranks exchange in a run of this configuration. */
struct exchange_settings state_exchange_settings(const struct config *config);

/* What a run of this configuration makes a model for, in the precision that was agreed on. */
struct model_use state_model_use(const struct config *config, enum element element, int64_t sequences,
                                 bool training);

/* A state with memory for such a use; parameters zero. Without training it has no adapters (LoRA). Takes over
 * the tokenizer (also on failure); without one (NULL) the vocabulary has tokenizer.vocab_size entries. With
 * training, also the exchange and moments. All ranks return the same. **Collective** */
enum status state_create(const struct config *config, struct tokenizer *tokenizer,
                         const struct model_use *use, struct comm *comm, struct train_state *out);

/* With training **Collective**. */
void state_destroy(struct train_state *state);

/* Zeroed floats laid out like the gradients, from the model's own kind of memory. NULL after fail(). */
float *state_allocate(const struct train_state *state, const char *what);
void state_release(float *values); /* NULL is fine */

/* Gives every rank rank 0's parameters and counters. **Collective** */
void state_broadcast(struct train_state *state, struct comm *comm);

/* STATUS_FAILED on every rank when the ranks' parameters are not the same bits; the message names the ranks
 * that differ from most. **Collective** */
enum status state_check_replicas(struct train_state *state, struct comm *comm);

#endif
