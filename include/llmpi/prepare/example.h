/* A conversation as one example of instruction tuning: its tokens, and which of them are to be learnt. */
#ifndef LLMPI_PREPARE_EXAMPLE_H
#define LLMPI_PREPARE_EXAMPLE_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/status.h"
#include "llmpi/prepare/conversation.h"
#include "llmpi/text/chat_template.h"
#include "llmpi/text/token_list.h"
#include "llmpi/text/tokenizer.h"

#include <stdbool.h>
#include <stdint.h>

/* Start with {0}; used again for the next conversation. */
struct example {
    struct token_list ids;
    struct buffer mask; /* a byte for each id (chat_template_add_turn) */
    int64_t *turn_ends; /* ids up to the end of each turn */
    int64_t turn_capacity;
};

enum example_fate {
    EXAMPLE_WHOLE,
    EXAMPLE_SHORTENED, /* turns at its beginning are missing */
    EXAMPLE_DROPPED    /* nothing to be learnt fits */
};

/* Encodes a conversation up to its last turn of the assistant that counts. Where that has more than
 * `most_tokens`, with `truncate` turns are left out from the left, but not a system turn at the beginning:
 * what remains begins with a user's turn and holds the last answer; else the example is dropped. */
enum status example_make(const struct conversation *conversation, const struct chat_template *template,
                         struct tokenizer *tokenizer, int64_t most_tokens, bool truncate, struct example *out,
                         enum example_fate *fate);

void example_free(struct example *example);

#endif
