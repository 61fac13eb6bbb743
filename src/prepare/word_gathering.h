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
    int64_t most_dropped;                     /* result: how often a word occurs at most that was dropped */
    int64_t distinct, dropped;                /* result: words; the latter on rank 0 */
    int64_t occurrences, dropped_occurrences; /* result: words of the text, repeated ones each time */
};

/* Bytes that a rank's own table may take while it counts. */
int64_t word_gathering_table_memory(int64_t max_memory);

/* Adds up the runs of all ranks. Rank 0 gets the words in `words`, the others none. Where learning from all
 * words would take more than max_memory, the rarest are dropped: those that occur less often than some
 * number, and of those that occur just so often (above 65,536: up to twice as often) all but as many as fit,
 * chosen by their digests. So what is kept depends on the text and max_memory alone. That nothing fits is an
 * error. `runs` is used up. **Collective** */
enum status word_gathering_run(struct comm *comm, struct word_runs **runs, struct word_gathering *gathering,
                               struct word_counts *words);

#endif
