/* The chapters of a checkpoint: which files there are (checkpoint.c), laying one out (checkpoint_layout.c),
 * what the ranks put into it (snapshot.c), writing it beside training (checkpoint_writer.c) and reading one
 * (checkpoint_read.c), and adapters in one (checkpoint_adapters.c). A file is the parameter table, of what is
 * trained twice more (first and second moments), with train.local_steps once more (outer momentum), and two
 * texts. */
#ifndef LLMPI_SRC_TRAIN_CHECKPOINT_PRIVATE_H
#define LLMPI_SRC_TRAIN_CHECKPOINT_PRIVATE_H

#include "llmpi/storage/tensor_file.h"
#include "llmpi/train/checkpoint.h"

enum series { SERIES_PARAMETERS, SERIES_EXP_AVG, SERIES_EXP_AVG_SQ, SERIES_OUTER_MOMENTUM, SERIES };

/* What stands before a tensor's name. */
extern const char *const checkpoint_prefix[SERIES];

/* Whether a series has a tensor for that row: moments are of what is trained. */
bool checkpoint_has_row(enum series series, const struct parameter *row);

/* Index of the tensor of row `row` in a file that is being written; with the table's count, that of what
 * follows the series. */
int64_t checkpoint_index(const struct parameter_table *table, int series, int64_t row);

/* What a rank owns of a series in the exchange (a single owner is rank 0), packed; but moments of a rank that
 * updates everything are whole. NULL: nothing apart from the model's parameters, which all have. */
float *checkpoint_packed(const struct train_state *state, enum series series);

/* How many series a state has, of the first ones. */
int checkpoint_series(const struct train_state *state);

/* Elements of the largest part of a block that another rank than the first owns, which rank 0 needs room for
 * when it reads: 0 where every rank owns everything. */
int64_t checkpoint_foreign_part(const struct train_state *state);

/* The index of a series' tensor of that row's name and shape; an error that names it where there is none. */
enum status checkpoint_find(struct tensor_file *file, const char *path, enum series series,
                            const struct parameter *row, int64_t *index);

/* The attributes that say what adapters a file has: CHECKPOINT_LORA, or none. Returns their number. */
enum { CHECKPOINT_LORA = 4 };
int checkpoint_lora_attributes(const struct lora *lora, struct tensor_attribute out[CHECKPOINT_LORA]);
enum status checkpoint_read_lora(struct tensor_file *file, struct lora *out);

/* STATUS_USAGE where a run with adapters `now` cannot continue from a file with adapters `stored`. */
enum status checkpoint_check_lora(const char *path, const struct lora *stored, const struct lora *now);

/* Adds the file's adapters, if any, to the weights of a model of such a shape and table. */
enum status checkpoint_merge(struct tensor_file *file, const char *path, const struct lora *lora,
                             const struct model_shape *shape, const struct parameter_table *table,
                             float *parameters);

/* The file of a step, a new string (free()), in a folder that exists afterwards. NULL after fail(). */
char *checkpoint_path(const char *directory, int64_t step);

/* Rank 0: lays out PATH with attributes and texts; the tensors are still to be written. */
enum status checkpoint_lay_out(const char *path, const struct config *config, const struct train_state *state,
                               const struct checkpoint_notes *notes, struct tensor_file **file);

/* Removes the checkpoints that need not stay, and lets checkpoints/best.h5 point to the best that does. Makes
 * no HDF5 call. */
enum status checkpoint_retain(const char *directory, const struct config *config);

#endif
