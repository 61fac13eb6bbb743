/* `llmpi shard`: from text to token shards with all ranks. */
#ifndef LLMPI_PREPARE_SHARDING_H
#define LLMPI_PREPARE_SHARDING_H

#include "llmpi/base/status.h"
#include "llmpi/comm/comm.h"
#include "llmpi/config/config.h"
#include "llmpi/text/tokenizer.h"

/* Tokenizes corpus.inputs with a tokenizer into shards.count train and validation shards in
 * shards.directory. Shard s is written by rank s % size. Which document goes where depends on the inputs and
 * shards.count alone: the files are the same bytes for any number of ranks. **Collective** */
enum status sharding_run(const struct config *config, struct tokenizer *tokenizer, struct comm *comm);

#endif
