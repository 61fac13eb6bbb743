/* Examples of a shard with a loss mask, as text that shows what is to be learnt. */
#ifndef LLMPI_SRC_PROGRAMS_EXAMPLE_VIEW_H
#define LLMPI_SRC_PROGRAMS_EXAMPLE_VIEW_H

#include "llmpi/base/status.h"
#include "llmpi/data/shard.h"
#include "llmpi/text/tokenizer.h"

#include <stdint.h>

/* Prints the first `count` examples. What is to be learnt is green on a terminal (and without NO_COLOR), else
 * it stands between the brackets U+27E6 and U+27E7. */
enum status example_view_print(struct shard *shard, const struct tokenizer *tokenizer, int64_t count);

#endif
