/* Checkpoints of a run: DIRECTORY/checkpoints/step-00000100.h5, each enough to continue, to generate, and to
 * know what it is. The file format is storage/tensor_file.h; the tensors are the model's by name,
 * "optimizer/exp_avg/NAME" "optimizer/exp_avg_sq/NAME" and, with train.local_steps, "outer/momentum/NAME"
 * of what is trained, and the texts "tokenizer" and "config" as bytes. Adapters (LoRA) lie beside the frozen
 * weights that they belong to; the attributes lora_rank, lora_alpha, lora_targets and lora_embeddings say
 * what they are. */
#ifndef LLMPI_TRAIN_CHECKPOINT_H
#define LLMPI_TRAIN_CHECKPOINT_H

#include "llmpi/base/status.h"
#include "llmpi/config/config.h"
#include "llmpi/train/state.h"

#include <stdint.h>

#define CHECKPOINT_FORMAT_VERSION 1

/* What falls due after a step. */
enum duty { DUTY_EVALUATE = 1, DUTY_SAMPLE = 2, DUTY_TASKS = 4 };

/* What stands beside the tensors. */
struct checkpoint_notes {
    int64_t metrics_bytes, samples_bytes; /* lengths of metrics.jsonl and samples.txt when it was saved */
    int64_t ranks;                        /* that trained it */
    int64_t owed;            /* set of enum duty: what was due after the step and not done when a stop came */
    uint64_t dataset_digest; /* of the training data: tokenizer, shards, tokens */
    int64_t train_tokens;    /* of them; 0 in a file that does not say */
    uint64_t tokenizer_digest; /* when read: of the tokenizer in the file */
    double validation_loss;    /* of an evaluation at this very step; NAN: there was none */
    /* What computed the last steps (train/precision.h), as names; "" in a file that does not say. */
    char precision[16], products[32], instructions[16];
};

/* Finds the newest whole checkpoint of a run directory: *path is a new string (free()), or NULL when there is
 * none. Damaged ones are passed over with a warning each; when all are damaged it fails. */
enum status checkpoint_newest(const char *directory, char **path);

/* The newest checkpoint that `use` takes: where that returns STATUS_FAILED the one before is tried, after a
 * warning with the reason; where it returns STATUS_USAGE the search ends with that. */
enum status checkpoint_newest_usable(const char *directory,
                                     enum status (*use)(void *context, const char *path), void *context,
                                     char **path);

/* Renames the checkpoints that are newer than `path`, which is one of `directory`, to NAME.damaged, with a
 * warning each. Only for who holds the run's lock. */
enum status checkpoint_set_aside_newer(const char *directory, const char *path);

/* Reads the resolved configuration and the tokenizer out of a checkpoint. The caller frees both; after a
 * failure the configuration may be freed and *tokenizer is NULL. */
enum status checkpoint_read_config(const char *path, struct config *config);
enum status checkpoint_read_tokenizer(const char *path, struct tokenizer **tokenizer);

/* Reads what stands beside the tensors. */
enum status checkpoint_read_notes(const char *path, struct checkpoint_notes *notes);

/* Reads parameters and counters. A tensor that is missing or of another shape is an error that names it; for
 * a state that trains, also one of the moments, and adapters that are not those of the file; into a state
 * that does not, they are merged. `notes` may be NULL. */
enum status checkpoint_load(const char *path, struct train_state *state, struct checkpoint_notes *notes);

/* Reads the parameters of a file to begin a new run with them: the file's adapters are merged into the
 * weights, and the model's own, if any, stay as they are (parameter_initialise). Where the model's vocabulary
 * is larger than the checkpoint's, the embeddings of the tokens that are new are the mean of the others', in
 * the output head too: nothing is known of them yet, and random ones would begin with a large loss (Hewitt
 * 2021, "Initializing New Word Embeddings for Pretrained Language Models"). */
enum status checkpoint_load_base(const char *path, struct model *model);

/* Gives every rank the moments of what it owns, from the checkpoint that rank 0 reads, one part of a block at
 * a time; `path` is NULL on all ranks but 0, and there too where nothing is to be read. **Collective** */
enum status checkpoint_load_moments(const char *path, struct train_state *state, struct comm *comm);

/* Removes all checkpoints of a run directory, those set aside too. */
enum status checkpoint_remove_all(const char *directory);

/* Removes what killed saves left behind (*.tmp). Only for who holds the run's lock. */
enum status checkpoint_remove_leftovers(const char *directory);

#endif
