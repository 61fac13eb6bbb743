/* Putting questions to a tuned model: each is a conversation of its own, answered greedily. */
#ifndef LLMPI_TRAIN_ANSWERING_H
#define LLMPI_TRAIN_ANSWERING_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/status.h"
#include "llmpi/comm/comm.h"
#include "llmpi/text/chat_template.h"
#include "llmpi/train/state.h"

#include <stdbool.h>
#include <stdint.h>

/* A question (borrowed) and what the model said, which the caller frees with buffer_free. */
struct answered {
    const char *question;
    size_t length;
    struct buffer answer; /* without end_of_turn */
    bool ended;           /* the model ended it; else it was cut after so many tokens */
};

/* Puts `count` questions as the user's first turn and lets the model write at most `tokens` tokens of the
 * assistant's, each as if alone. Ranks share the questions; all answers come to rank 0, the same for any
 * number of ranks. STATUS_STOPPED where a rank was asked to stop (comm/requests.h).
 * **Collective** */
enum status answering_run(struct train_state *state, const struct chat_template *template, int64_t tokens,
                          struct answered *items, int64_t count, struct comm *comm);

#endif
