/* The TOKENIZER of a command line: whatever file holds one. */
#ifndef LLMPI_PROGRAMS_TOKENIZER_SOURCE_H
#define LLMPI_PROGRAMS_TOKENIZER_SOURCE_H

#include "llmpi/base/status.h"
#include "llmpi/comm/comm.h"
#include "llmpi/config/config.h"
#include "llmpi/text/tokenizer.h"

#include <stdbool.h>
#include <stdint.h>

/* Loads the tokenizer of a checkpoint, or what tokenizer_load takes: a tokenizer.json, or a folder with one
 * or with GPT-2's two files. */
enum status tokenizer_source_load(const char *path, struct tokenizer **out);

/* Rank 0 loads the tokenizer at `path`, and every rank gets it. **Collective** */
enum status tokenizer_source_share(const char *path, struct comm *comm, struct tokenizer **out);

/* How many entries the vocabulary of a configuration has: those of what is at tokenizer.path (*known), or
 * tokenizer.vocab_size where nothing is there yet. */
enum status tokenizer_source_vocab_size(const struct config *config, int64_t *vocab_size, bool *known);

#endif
