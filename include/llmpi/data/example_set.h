/* The examples of a split, packed into sequences: each sequence of context_length + 1 tokens holds whole
 * examples, one behind the other, so that short ones do not waste a sequence each. */
#ifndef LLMPI_DATA_EXAMPLE_SET_H
#define LLMPI_DATA_EXAMPLE_SET_H

#include "llmpi/base/status.h"
#include "llmpi/data/dataset.h"

#include <stdint.h>

struct example_set;

/* Packs the examples of shards with a loss mask (dataset_masked), which must stay open: in their order, each
 * into the fullest of the sequences in work that has room for it. The same for everyone who opens the same
 * shards. An example longer than a sequence is an error; one without a token to be learnt is left out. */
enum status example_set_create(struct dataset *dataset, int64_t context_length, struct example_set **out);
void example_set_destroy(struct example_set *set);

int64_t example_set_sequences(const struct example_set *set);

/* Reads sequence `index`: tokens (context_length + 1); and for each of its context_length inputs how much its
 * target counts (1 where the next token is of the same example and to be learnt, else 0), its place in its
 * example, and the index of the first input of its example. Behind the last example tokens are 0 and nothing
 * counts. */
enum status example_set_read(struct example_set *set, int64_t index, uint32_t *tokens, float *target_weight,
                             int32_t *position, int32_t *first_visible);

#endif
