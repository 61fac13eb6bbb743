/* `llmpi tokenizer train`: learning a vocabulary from a corpus with all ranks. */
#ifndef LLMPI_PREPARE_TOKENIZER_TRAINING_H
#define LLMPI_PREPARE_TOKENIZER_TRAINING_H

#include "llmpi/base/status.h"
#include "llmpi/comm/comm.h"
#include "llmpi/config/config.h"

/* Reads corpus.inputs (each rank its part), counts words, learns tokenizer.vocab_size entries and writes
 * tokenizer.path. The file is the same for any number of ranks. STATUS_STOPPED on request (comm/requests.h),
 * with nothing written. **Collective** */
enum status tokenizer_training_run(const struct config *config, struct comm *comm);

#endif
