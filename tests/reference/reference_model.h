/* A whole GPT-2 in double precision with plain loops, forward and backward, written from the formulas
 * (Radford et al. 2019; layer normalisation, attention and GELU as in the kernels' headers) and sharing no
 * code with the program. Finite differences prove it, it proves the model. For shapes of a few thousand
 * parameters. */
#ifndef LLMPI_REFERENCE_MODEL_H
#define LLMPI_REFERENCE_MODEL_H

#include "llmpi/base/batch.h"
#include "llmpi/model/parameters.h"

#include <stdint.h>

/* The factor, 0 or 1 / (1 - probability), of element `index` in dropout `place` for row `sequence` of the
 * batch. Places are 4 * block + 0: embedding (block 0), 1: attention probabilities, 2: attention branch, 3:
 * MLP branch. In attention, element (head, query, key) has the index head * 2^48 + query * 2^24 + key. */
typedef double (*reference_mask)(const void *context, uint64_t place, int64_t sequence, int64_t index);

struct reference_model {
    const struct model_shape *shape;
    const struct parameter_table *table; /* layout of parameters and gradients */
    const double *parameters;
    reference_mask mask; /* NULL: no dropout */
    const void *context;
};

/* Returns sum(weight * loss) over the batch. `losses` gets each target's loss and `gradients` (table->total)
 * is overwritten by the gradient of that sum; both may be NULL. Ends the process when there is no memory. */
double reference_model_run(const struct reference_model *model, const struct batch *batch, double *losses,
                           double *gradients);

#endif
