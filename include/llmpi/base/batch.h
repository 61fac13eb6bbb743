/* What a model is trained or evaluated on in one call: some sequences of equal length with their targets. It
 * lies in `base` because `data` fills it and `model` reads it, and those two do not know each other. */
#ifndef LLMPI_BASE_BATCH_H
#define LLMPI_BASE_BATCH_H

#include <stdint.h>

/* All arrays are [sequences][length], row by row, and belong to whoever made the batch. */
struct batch {
    int64_t sequences;            /* rows of the batch */
    int64_t length;               /* tokens in each row, at most the model's context_length */
    const uint32_t *tokens;       /* inputs, below vocab_size */
    const uint32_t *targets;      /* the token that should follow each input */
    const float *target_weight;   /* how much a target counts in the loss; 0 hides it. NULL: all 1 */
    const int32_t *position;      /* index into the position embedding. NULL: 0, 1, 2, ... in each row */
    const int32_t *first_visible; /* first index of the row that this place may attend to. NULL: 0 */
    int64_t first_sequence;       /* number of row 0 in its step, over all ranks; dropout's numbers need it */
};

#endif
