/* `llmpi shard`: from text to token shards with all ranks. */
#ifndef LLMPI_PREPARE_SHARDING_H
#define LLMPI_PREPARE_SHARDING_H

#include "llmpi/base/status.h"
#include "llmpi/comm/comm.h"
#include "llmpi/config/config.h"
#include "llmpi/text/tokenizer.h"

#include <stdbool.h>

/* Tokenizes corpus.inputs with a tokenizer into shards.count train and validation shards in
 * shards.directory. Which document goes where depends on the inputs and shards.count alone: the files are the
 * same bytes for any number of ranks.
 *
 * Shards of the same inputs, options and tokenizer that an earlier run completed are verified and kept, so
 * that a killed run continues; with `fresh` all are written again. Holds the folder's lock
 * (base/folder_lock.h). STATUS_STOPPED on request (comm/requests.h), with the shards that are complete then.
 * **Collective** */
enum status sharding_run(const struct config *config, bool fresh, struct tokenizer *tokenizer,
                         struct comm *comm);

#endif
