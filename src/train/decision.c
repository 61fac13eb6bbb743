/* One array of doubles: flags, slots, ranks, chunks. Without division of the gradient every rank has all
 * chunks, and they stay at home. */
#include "decision.h"

#include "llmpi/base/memory.h"
#include "llmpi/optimize/norm.h"

#include <string.h>

enum { FLAG_FAILED, FLAG_STOP, FLAG_UNFINISHED, FLAGS };

struct decision {
    struct comm *comm;
    const struct train_state *state;
    bool alone;
    int64_t slots, chunks, count; /* all numbers */
    double *values;
    double *losses, *weights; /* in `values`, of each slot, also the next two */
    double *waited;           /* of each rank */
    double *squares;          /* of each chunk */
};

struct decision *decision_create(const struct train_state *state, int64_t slots, struct comm *comm)
{
    struct decision *decision = memory_allocate(1, sizeof *decision, "the decision");
    if (decision == NULL)
        return NULL;
    const struct ownership *ownership = &state->updated;
    int64_t chunks = ownership->chunk[ownership->blocks], ranks = comm_size(comm);
    *decision = (struct decision){.comm = comm,
                                  .state = state,
                                  .slots = slots,
                                  .chunks = chunks,
                                  .count = FLAGS + 2 * slots + ranks + chunks};
    decision->values = memory_allocate(decision->count, sizeof *decision->values, "the decision");
    if (decision->values == NULL) {
        memory_free(decision);
        return NULL;
    }
    decision->losses = decision->values + FLAGS;
    decision->weights = decision->losses + slots;
    decision->waited = decision->weights + slots;
    decision->squares = decision->waited + ranks;
    return decision;
}

void decision_destroy(struct decision *decision)
{
    if (decision != NULL)
        memory_free(decision->values);
    memory_free(decision);
}

void decision_begin(struct decision *decision, bool alone)
{
    decision->alone = alone;
    memset(decision->values, 0, (size_t)decision->count * sizeof *decision->values);
}

void decision_set_slot(struct decision *decision, int64_t slot, const struct model_loss *sums)
{
    decision->losses[slot] = sums->loss;
    decision->weights[slot] = sums->weight;
}

static void square_own_parts(struct decision *decision)
{
    const struct ownership *ownership = &decision->state->updated;
    const float *gradients = model_gradients(decision->state->model);
    for (int64_t block = 0; block < ownership->blocks; block++) {
        struct share part = ownership_part(ownership, block, ownership->rank);
        int64_t before = (part.first - ownership->block[block].first) / NORM_CHUNK;
        norm_chunks(gradients + part.first, part.count, decision->squares + ownership->chunk[block] + before);
    }
}

struct decided decision_make(struct decision *decision, enum status status, bool stop, double waited)
{
    int ranks = comm_size(decision->comm);
    bool divided = decision->state->updated.ranks > 1;
    square_own_parts(decision);
    decision->values[FLAG_FAILED] = status != STATUS_OK && status != STATUS_STOPPED;
    decision->values[FLAG_STOP] = stop;
    decision->values[FLAG_UNFINISHED] = status == STATUS_STOPPED;
    decision->waited[comm_rank(decision->comm)] = waited;
    if (!decision->alone)
        comm_sum_double(decision->comm, decision->values,
                        divided ? decision->count : decision->count - decision->chunks);
    struct decided decided = {.failed = decision->values[FLAG_FAILED] > 0,
                              .stop = decision->values[FLAG_STOP] > 0,
                              .unfinished = decision->values[FLAG_UNFINISHED] > 0,
                              .loss = norm_tree(decision->losses, decision->slots),
                              .weight = norm_tree(decision->weights, decision->slots),
                              .gradient_squares = norm_tree(decision->squares, decision->chunks)};
    for (int rank = 0; rank < ranks; rank++) {
        double seconds = decision->waited[rank];
        decided.waited_mean += seconds / ranks;
        decided.waited_most = seconds > decided.waited_most ? seconds : decided.waited_most;
    }
    return decided;
}
