/* How a step's batch is cut: into contiguous slots, slots onto ranks, and the fixed binary tree along which
 * the gradients of a rank's slots are added. The tree depends on the slots alone, not on who holds them. */
#ifndef LLMPI_TRAIN_SLOTS_H
#define LLMPI_TRAIN_SLOTS_H

#include <stdint.h>

/* Piece `index` of `pieces` contiguous pieces of [0, total): [*first, *first + *count). Sizes differ by one
 * at most; with more pieces than items some are empty. Cuts slots out of a batch, and ranks' shares out of
 * the slots. */
void slots_piece(int64_t total, int64_t pieces, int64_t index, int64_t *first, int64_t *count);

/* Extra gradient buffers that a rank with `slots` slots needs for the tree, one per level that can be
 * pending: log2(slots), rounded up. */
int64_t slots_buffers(int64_t slots);

/* The sums are added like carries of a binary counter: slot k (from 0) of a rank is added to the pending sums
 * of levels 0, 1, ... as long as bit `level` of k is set, and then becomes pending at the first level whose
 * bit is clear. The last slot is added to every pending sum that is left, lowest level first. Gives the
 * number of levels merged when slot k of `slots` is complete; merged[i] is the level of the i-th. At most 63.
 */
int slots_merges(int64_t k, int64_t slots, int merged[63]);

#endif
