/* The chapters of a checkpoint: which files there are (checkpoint.c), writing one (checkpoint_write.c) and
 * reading one (checkpoint_read.c). A file is the parameter table written three times (values, first and
 * second moments), with train.local_steps once more (outer momentum), and two texts. */
#ifndef LLMPI_SRC_TRAIN_CHECKPOINT_PRIVATE_H
#define LLMPI_SRC_TRAIN_CHECKPOINT_PRIVATE_H

#include "llmpi/storage/tensor_file.h"
#include "llmpi/train/checkpoint.h"

enum series { SERIES_PARAMETERS, SERIES_EXP_AVG, SERIES_EXP_AVG_SQ, SERIES_OUTER_MOMENTUM, SERIES };

/* What stands before a tensor's name. */
extern const char *const checkpoint_prefix[SERIES];

/* What a rank owns of a series, packed; NULL: nothing apart from the model's parameters, which all have. */
float *checkpoint_packed(const struct train_state *state, enum series series);

/* Who owns what of a series. */
const struct ownership *checkpoint_ownership(const struct train_state *state, enum series series);

/* How many series a state has, of the first ones. */
int checkpoint_series(const struct train_state *state);

/* Elements of the largest part of a block that another rank than the first owns, which rank 0 needs room for:
 * 0 where every rank owns everything. */
int64_t checkpoint_foreign_part(const struct train_state *state);

/* Writes the file PATH. **Collective** */
enum status checkpoint_write(const char *path, const struct config *config, const struct train_state *state,
                             const struct checkpoint_notes *notes, struct comm *comm);

#endif
