/* Copies are packed as the exchange divides the model, which stays the same for the whole run: in local steps
 * every rank has all moments, but after an outer step they are alike, and each gives the part that it owns.
 * What is frozen follows the parameters of all blocks, as one block more, from rank 0 and without a copy. */
#include "snapshot.h"

#include "llmpi/base/integer.h"
#include "llmpi/kernels/clear.h"

/* Elements of a series that this rank gives: none of what a single owner has, which is rank 0. */
static int64_t count_given(const struct train_state *state, int rank)
{
    const struct ownership *ownership = exchange_ownership(state->exchange);
    return rank < ownership->ranks ? ownership->total : 0;
}

int64_t snapshot_bytes(const struct train_state *state, int rank)
{
    return checkpoint_series(state) * count_given(state, rank) * (int64_t)sizeof(float);
}

void snapshot_begin(struct snapshot *snapshot, const struct train_state *state)
{
    *snapshot = (struct snapshot){.state = state};
}

enum status snapshot_allocate(struct snapshot *snapshot, int rank)
{
    int64_t count = count_given(snapshot->state, rank);
    for (int series = 0; series < checkpoint_series(snapshot->state) && count > 0; series++) {
        snapshot->copy[series] = allocator_huge.allocate(
            allocator_huge.context, (size_t)count * sizeof(float), "a copy for a checkpoint");
        if (snapshot->copy[series] == NULL) {
            snapshot_free(snapshot);
            return STATUS_FAILED;
        }
    }
    return STATUS_OK;
}

void snapshot_free(struct snapshot *snapshot)
{
    for (int series = 0; series < SERIES; series++) {
        allocator_huge.release(allocator_huge.context, snapshot->copy[series]);
        snapshot->copy[series] = NULL;
    }
}

/* Where it lies in the state. */
static const float *live_part(const struct train_state *state, enum series series, int64_t block)
{
    const struct ownership *ownership = exchange_ownership(state->exchange);
    const float *packed = checkpoint_packed(state, series);
    bool moments = series == SERIES_EXP_AVG || series == SERIES_EXP_AVG_SQ;
    bool whole = packed == NULL || (moments && state->updated.ranks < ownership->ranks);
    if (!whole)
        return packed + ownership->packed[block];
    const float *values = packed != NULL ? packed : model_parameters(state->model);
    return values + ownership_part(ownership, block, ownership->rank).first;
}

void snapshot_take(struct snapshot *snapshot)
{
    for (int series = 0; series < SERIES; series++) {
        if (snapshot->copy[series] == NULL)
            continue;
        const struct ownership *ownership = exchange_ownership(snapshot->state->exchange);
        for (int64_t block = 0; block < ownership->blocks; block++)
            copy_floats(snapshot->copy[series] + ownership->packed[block],
                        live_part(snapshot->state, (enum series)series, block),
                        ownership_part(ownership, block, ownership->rank).count);
    }
}

const float *snapshot_part(const struct snapshot *snapshot, enum series series, int64_t block)
{
    const struct train_state *state = snapshot->state;
    if (block == exchange_ownership(state->exchange)->blocks)
        return model_parameters(state->model) + model_table(state->model)->trainable;
    const float *copy = snapshot->copy[series];
    if (copy == NULL)
        return live_part(state, series, block);
    return copy + exchange_ownership(state->exchange)->packed[block];
}

/* What an owner gives of a block, or of what is frozen. */
static struct share given_part(const struct pieces *pieces)
{
    const struct ownership *ownership = exchange_ownership(pieces->state->exchange);
    const struct parameter_table *table = model_table(pieces->state->model);
    if (pieces->block < ownership->blocks)
        return ownership_part(ownership, pieces->block, pieces->owner);
    bool gives = pieces->series == SERIES_PARAMETERS && pieces->owner == 0;
    return (struct share){table->trainable, gives ? table->total - table->trainable : 0};
}

bool pieces_next(struct pieces *pieces, struct piece *out)
{
    const struct ownership *ownership = exchange_ownership(pieces->state->exchange);
    for (; pieces->series < checkpoint_series(pieces->state); pieces->series++, pieces->block = 0) {
        for (; pieces->block <= ownership->blocks; pieces->block++, pieces->owner = 0) {
            for (; pieces->owner < ownership->ranks; pieces->owner++, pieces->done = 0) {
                struct share part = given_part(pieces);
                int64_t left = part.count - pieces->done;
                if (left == 0)
                    continue;
                int64_t count = smaller(left, PIECE_ELEMENTS);
                *out = (struct piece){(enum series)pieces->series,
                                      pieces->block,
                                      pieces->owner,
                                      {part.first + pieces->done, count},
                                      pieces->done};
                pieces->done += count;
                return true;
            }
        }
    }
    return false;
}
