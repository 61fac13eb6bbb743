/* `llmpi instruct prepare`: from conversations to shards of examples with loss masks. */
#ifndef LLMPI_PREPARE_INSTRUCTION_H
#define LLMPI_PREPARE_INSTRUCTION_H

#include "llmpi/base/status.h"
#include "llmpi/comm/comm.h"
#include "llmpi/config/config.h"
#include "llmpi/text/chat_template.h"
#include "llmpi/text/tokenizer.h"

/* Writes the records of instruct.inputs as examples of at most model.context_length + 1 tokens into
 * instruct.count train and validation shards (data/shard.h) in instruct.directory, with a copy of the
 * tokenizer, which must have the template's tokens. The same bytes for any number of ranks. A record that is
 * no conversation is an error, or counted, as corpus.on_error says. **Collective** */
enum status instruction_prepare(const struct config *config, const struct chat_template *template,
                                struct tokenizer *tokenizer, struct comm *comm);

#endif
