/* `llmpi train`: a run from its first step, or from its newest checkpoint, to its last. */
#ifndef LLMPI_TRAIN_TRAINER_H
#define LLMPI_TRAIN_TRAINER_H

#include "llmpi/base/status.h"
#include "llmpi/comm/comm.h"
#include "llmpi/config/config.h"
#include "llmpi/data/dataset.h"
#include "llmpi/text/tokenizer.h"

#include <stdbool.h>

/* Trains run.directory until train.steps are done, writing metrics, samples and checkpoints there. Continues
 * from the newest whole checkpoint; with `fresh` what is there is removed first. A new run starts from random
 * parameters, or where `base` is not NULL from those of that checkpoint (checkpoint_load_base). Shards with a
 * loss mask are trained on as packed examples (data/example_set.h). Takes over the tokenizer
 * (also on failure). STATUS_STOPPED when a rank was asked to stop: everything is saved. **Collective** */
enum status trainer_run(const struct config *config, const char *base, bool fresh,
                        struct tokenizer *tokenizer, struct comm *comm);

/* Opens a split, checking that its shards were made with this tokenizer and fit this context length.
 * **Collective** */
enum status trainer_open_dataset(const struct config *config, const char *split, int64_t context_length,
                                 const struct tokenizer *tokenizer, struct comm *comm, struct dataset **out);

/* How many texts rank 0 continues together when it makes samples. */
int64_t trainer_samples_together(const struct config *config);

#endif
