/* The turns of a conversation so far, and the prompt that they make. */
#ifndef LLMPI_SRC_PROGRAMS_CHAT_HISTORY_H
#define LLMPI_SRC_PROGRAMS_CHAT_HISTORY_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/status.h"
#include "llmpi/text/chat_template.h"
#include "llmpi/text/token_list.h"

#include <stdint.h>

struct chat_turn {
    enum chat_role role;
    struct buffer text;
    struct token_list ids; /* the whole turn */
};

/* Start with {0} but for template and tokenizer, which are borrowed. */
struct chat_history {
    const struct chat_template *template;
    struct tokenizer *tokenizer;
    struct chat_turn *turns;
    int64_t count, capacity;
    int64_t forgotten; /* turns behind the system's that no longer fit */
};

enum status chat_history_add(struct chat_history *history, enum chat_role role, const char *text,
                             size_t length);

/* Forgets all turns but the system's. */
void chat_history_reset(struct chat_history *history);
void chat_history_free(struct chat_history *history);

/* The ids of all turns, which end with one of the user, and the opening of an answer, into `out` (emptied
 * first). Where they are more than `most`, turns are left out from the oldest on, the user's with the answer
 * to it, but never the system's nor the last one; history->forgotten says how many. */
enum status chat_history_prompt(struct chat_history *history, int64_t most, struct token_list *out);

/* Writes {"role", "content"} for each turn, those forgotten too, as JSON lines. */
enum status chat_history_save(const struct chat_history *history, const char *path);

#endif
