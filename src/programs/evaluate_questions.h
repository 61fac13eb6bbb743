/* `llmpi evaluate CONFIG --questions=FILE`: the share of questions that a tuned model answers exactly. */
#ifndef LLMPI_SRC_PROGRAMS_EVALUATE_QUESTIONS_H
#define LLMPI_SRC_PROGRAMS_EVALUATE_QUESTIONS_H

#include "llmpi/comm/comm.h"
#include "llmpi/config/config.h"
#include "llmpi/programs/arguments.h"
#include "llmpi/train/state.h"

/* `path` is the file, `config` the one in the checkpoint, for its chat template. Rank 0 prints a table
 * (--json: an object) and writes --items=FILE. **Collective** */
enum status evaluate_questions(const char *path, const struct arguments *arguments,
                               const struct config *config, struct train_state *state, struct comm *comm);

#endif
