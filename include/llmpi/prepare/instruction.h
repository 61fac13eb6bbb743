/* `llmpi instruct prepare`: from conversations to shards of examples with loss masks. */
#ifndef LLMPI_PREPARE_INSTRUCTION_H
#define LLMPI_PREPARE_INSTRUCTION_H

#include "llmpi/base/status.h"
#include "llmpi/comm/comm.h"
#include "llmpi/config/config.h"
#include "llmpi/text/chat_template.h"
#include "llmpi/text/tokenizer.h"

/* The template of a configuration; borrows its strings. */
struct chat_template instruction_template(const struct config *config);

/* The tokenizer with the tokens that the template of the configuration is written with, as a new one; checks
 * the template. */
enum status instruction_tokenizer(const struct config *config, const struct tokenizer *tokenizer,
                                  struct tokenizer **out);

/* Writes the records of instruct.inputs as examples of at most model.context_length + 1 tokens into
 * instruct.count train and validation shards (data/shard.h) in instruct.directory, with a copy of the
 * tokenizer, which must have the template's tokens. The same bytes for any number of ranks. A record that is
 * no conversation is an error, or counted, as corpus.on_error says. **Collective** */
enum status instruction_prepare(const struct config *config, struct tokenizer *tokenizer, struct comm *comm);

#endif
