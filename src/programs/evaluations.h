/* What `llmpi evaluate` can measure beside the shards: tasks and texts. */
#ifndef LLMPI_SRC_PROGRAMS_EVALUATIONS_H
#define LLMPI_SRC_PROGRAMS_EVALUATIONS_H

#include "llmpi/comm/comm.h"
#include "llmpi/config/config.h"
#include "llmpi/programs/arguments.h"
#include "llmpi/train/state.h"

/* A model that was loaded for scoring (train/scoring.h). */
struct scorer {
    const struct config *config; /* of the command line */
    const char *end_token;       /* of the checkpoint's shards */
    struct train_state *state;
    int64_t sequences; /* that the state is for */
    struct comm *comm;
};

/* Runs evaluate.tasks and prints their results, as --json, --items and --metrics say. **Collective** */
enum status evaluate_tasks(const struct scorer *scorer, const struct arguments *arguments);

/* Prints loss, perplexity and bits per byte of a text file or corpus. **Collective** */
enum status evaluate_file(const struct scorer *scorer, const struct arguments *arguments);

#endif
