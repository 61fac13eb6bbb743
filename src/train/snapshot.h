/* What the ranks put into a checkpoint: a copy of what each owns, so that training can go on while it is
 * written, and the order in which its pieces go there. */
#ifndef LLMPI_SRC_TRAIN_SNAPSHOT_H
#define LLMPI_SRC_TRAIN_SNAPSHOT_H

#include "checkpoint_private.h"

struct snapshot {
    const struct train_state *state;
    float *copy[SERIES]; /* packed; NULL: of what another rank owns, or without a copy */
};

/* Bytes that the copies of this rank take. */
int64_t snapshot_bytes(const struct train_state *state, int rank);

/* A snapshot without copies, which is the state itself, and then with memory for copies. STATUS_FAILED when
 * there is not enough. */
void snapshot_begin(struct snapshot *snapshot, const struct train_state *state);
enum status snapshot_allocate(struct snapshot *snapshot, int rank);
void snapshot_free(struct snapshot *snapshot);

/* Copies the state as it is now; nothing where there is no memory for copies. */
void snapshot_take(struct snapshot *snapshot);

/* This rank's part of a block, or what is frozen where `block` is the number of blocks. */
const float *snapshot_part(const struct snapshot *snapshot, enum series series, int64_t block);

/* A stretch of the file that is written, and where others own it sent, at once. */
#define PIECE_ELEMENTS ((int64_t)1 << 18)
struct piece {
    enum series series;
    int64_t block;
    int owner;
    struct share share; /* in the parameter array */
    int64_t skip;       /* elements of the owner's part before it */
};

/* All pieces in the order of the file; zero it but for the state to start. */
struct pieces {
    const struct train_state *state;
    int series, owner;
    int64_t block, done;
};
bool pieces_next(struct pieces *pieces, struct piece *out);

#endif
