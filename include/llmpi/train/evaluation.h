/* Validation: mean loss and bits per byte over held-out windows. */
#ifndef LLMPI_TRAIN_EVALUATION_H
#define LLMPI_TRAIN_EVALUATION_H

#include "llmpi/base/status.h"
#include "llmpi/comm/comm.h"
#include "llmpi/config/config.h"
#include "llmpi/data/dataset.h"
#include "llmpi/train/state.h"

#include <stdint.h>

struct evaluation {
    double loss;          /* mean over the targets, nats per token */
    double bits_per_byte; /* the same information per byte of text that the targets stand for */
    double entropy; /* of the targets' own frequencies (unigrams), nats per token: what a model that knows
                     * nothing but frequencies would reach */
    int64_t tokens, bytes, windows;
};

/* Evaluates windows of context_length targets that lie side by side: all, or evaluate.sequences of them
 * spread evenly. With train.document_mask, attention stays within documents. Of shards with a loss mask,
 * their packed examples, and of these the targets that count. The ranks share the work and add per-window
 * sums in the order of the windows. Data too short for one window gives windows = 0 and loss NaN.
 * `micro_batch` is what the state was created for. STATUS_STOPPED, with nothing in *out, where a rank was
 * asked to stop (comm/requests.h) before it was through.
 * **Collective** */
enum status evaluation_run(const struct config *config, struct train_state *state, struct dataset *dataset,
                           int64_t micro_batch, struct comm *comm, struct evaluation *out);

#endif
