/* A conversation out of a record of instruction data. The forms, told apart by their members:
 *
 *   {"instruction", "input", "output"}           Alpaca's; an input follows the instruction after a blank
 * line
 *   {"prompt", "response"}
 *   {"messages": [{"role", "content"}, ...]}     OpenAI's; content a string, or a list of {"type": "text",
 *                                                "text" or "value"}; "loss_weight" 0: not to be learnt
 *   {"conversations": [{"from", "value"}, ...]}  ShareGPT's; from human, gpt, system (or the roles' own
 * names)
 *
 * Other members of a record are passed over, but "system", a string, begins the first two forms. */
#ifndef LLMPI_PREPARE_CONVERSATION_H
#define LLMPI_PREPARE_CONVERSATION_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/json.h"
#include "llmpi/base/status.h"
#include "llmpi/text/chat_template.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct turn {
    enum chat_role role;
    size_t first, length; /* of its content in conversation.text */
    bool counts;          /* to be learnt, where it is the assistant's */
};

/* Start with {0}; used again for the next record. */
struct conversation {
    struct turn *turns;
    int64_t count, capacity;
    struct buffer text;
};

/* Reads a record. STATUS_FAILED with what is wrong, found and expected, without a place, which the caller
 * knows: a form that is none of these, another role, content that is no text, a system turn that is not the
 * first, no turn of the assistant that counts. */
enum status conversation_read(const struct json *record, struct conversation *out);

/* Puts a system turn in front where there is none. */
enum status conversation_add_system(struct conversation *conversation, const char *text);

void conversation_free(struct conversation *conversation);

#endif
