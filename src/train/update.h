/* AdamW on what a rank owns. */
#ifndef LLMPI_SRC_TRAIN_UPDATE_H
#define LLMPI_SRC_TRAIN_UPDATE_H

#include "llmpi/config/config.h"
#include "llmpi/train/state.h"

/* Updates this rank's parts with their summed gradients times `gradient_scale`, block by block in the order
 * of the next forward pass, and publishes each at once, but not in local steps. Where the rank owns
 * everything, the model then has its new parameters; else they come by exchange_take. */
void update_own_parts(const struct config *config, struct train_state *state, double learning_rate,
                      double gradient_scale);

/* Instead of an update: the parameters stay as they are, and others get them once more. */
void keep_own_parts(struct train_state *state);

#endif
