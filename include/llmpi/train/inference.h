/* A model for use instead of training: loaded from a checkpoint, with the configuration and tokenizer that
 * are in it. */
#ifndef LLMPI_TRAIN_INFERENCE_H
#define LLMPI_TRAIN_INFERENCE_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/status.h"
#include "llmpi/comm/comm.h"
#include "llmpi/config/config.h"
#include "llmpi/train/state.h"

#include <stdbool.h>

/* Whether a path that may also be a configuration is a checkpoint: a run directory, or a file NAME.h5. */
bool inference_is_checkpoint(const char *path);

/* Appends the configuration stored in a checkpoint, which `path` names as in inference_load, as YAML. */
enum status inference_read_config(const char *path, struct buffer *yaml);

/* Loads a checkpoint on rank 0 and gives it to all. `path` is a checkpoint file, or a run directory (its
 * newest whole checkpoint). *config becomes the configuration stored in it; the caller frees it (config_free)
 * and the state, both also after a failure. `sequences` is the micro-batch wanted: a number of sequences, or
 * as training on as many ranks, or as scoring_sequences (train/scoring.h). Where train.precision is `auto`, it
 * is that of the checkpoint's last steps, also in *config.
 * **Collective** */
enum { INFERENCE_TRAINING = 0, INFERENCE_SCORING = -1 };
enum status inference_load(const char *path, int64_t sequences, struct comm *comm, struct config *config,
                           struct train_state *state);

/* What stands in a checkpoint beside its parameters: configuration and tokenizer, the same on all ranks, and
 * on rank 0 the file's name (*file, free()), which `path` may only lead to. The caller frees all, also after
 * a failure (*tokenizer is NULL then). **Collective** */
enum status inference_describe(const char *path, struct comm *comm, struct config *config,
                               struct tokenizer **tokenizer, char **file);

#endif
