/* How likely a model finds texts: the log-likelihood of the last tokens of each, given those before them. */
#ifndef LLMPI_TRAIN_SCORING_H
#define LLMPI_TRAIN_SCORING_H

#include "llmpi/base/status.h"
#include "llmpi/comm/comm.h"
#include "llmpi/train/state.h"

#include <stdbool.h>
#include <stdint.h>

/* tokens[first .. first + count), of which the last `scored` are judged; 1 <= scored < count. */
struct score_request {
    int64_t first, count, scored;
};

struct score {
    double log_likelihood; /* sum over the scored tokens, nats */
    int64_t scored;        /* how many those are */
    bool greedy;           /* each of them is the arg-max where it stands */
};

/* Answers `count` requests in out[], in one forward pass each, several of like length at once. The model sees
 * the last context_length tokens before the last one: a longer text loses its beginning, and one whose scored
 * tokens do not fit is judged by its last context_length.
 *
 * `sequences` is what the state was created for. Batches depend on the requests and on it, not on the ranks
 * that share them, and all ranks get all answers. `label` names the work in the line of progress.
 * STATUS_STOPPED where a rank was asked to stop (comm/requests.h) before it was through.
 * **Collective** */
enum status scoring_run(struct train_state *state, int64_t sequences, const uint32_t *tokens,
                        const struct score_request *requests, int64_t count, const char *label,
                        struct comm *comm, struct score *out);

/* Sequences to create a state for that only scores: a batch of a few thousand tokens. */
int64_t scoring_sequences(int64_t context_length);

#endif
