/* Words that all ranks counted, added up and brought to rank 0, with bounded memory on every rank. */
#ifndef LLMPI_PREPARE_WORD_GATHERING_H
#define LLMPI_PREPARE_WORD_GATHERING_H

#include "llmpi/base/status.h"
#include "llmpi/comm/comm.h"
#include "llmpi/text/word_counts.h"
#include "llmpi/text/word_runs.h"

#include <stdint.h>

struct word_gathering {
    const char *folder;                       /* of temporary files */
    int64_t max_memory;                       /* bytes per rank */
    int64_t smallest_kept;                    /* result: words that occur less often were dropped; 1: none */
    int64_t distinct, dropped;                /* result: words */
    int64_t occurrences, dropped_occurrences; /* result: words of the text, repeated ones each time */
};

/* Bytes that a rank's own table may take while it counts. */
int64_t word_gathering_table_memory(int64_t max_memory);

/* Adds up the runs of all ranks. Rank 0 gets the words in `words`, the others none. Where learning from all
 * words would take more than max_memory, the rarest are dropped: all words that occur less often than the
 * smallest number with which the rest fits (above 65,536 the next power of two), so that what is kept depends
 * on the text and max_memory alone. That nothing fits is an error. `runs` is used up. **Collective** */
enum status word_gathering_run(struct comm *comm, struct word_runs **runs, struct word_gathering *gathering,
                               struct word_counts *words);

#endif
