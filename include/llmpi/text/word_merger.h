/* Byte-level BPE on one word: joins neighbours by the merge of lowest rank until none applies, leftmost first
 * (Sennrich et al. 2016). Time n log n in the length of the word, whatever it holds. */
#ifndef LLMPI_TEXT_WORD_MERGER_H
#define LLMPI_TEXT_WORD_MERGER_H

#include "llmpi/base/status.h"
#include "llmpi/text/vocabulary.h"

#include <stddef.h>
#include <stdint.h>

struct merger_symbol {
    uint32_t id, rank; /* its token, and the rank of the merge with the next symbol (PAIR_ABSENT: none) */
    uint32_t previous, next; /* neighbours; UINT32_MAX at the ends */
};

/* Memory that is used again for the next word. Start with {0}. */
struct word_merger {
    struct merger_symbol *symbols;
    uint64_t *heap; /* rank << 32 | symbol, smallest first */
    size_t capacity, heap_count;
};

void word_merger_free(struct word_merger *merger);

/* Replaces the `count` ids of a word's bytes by those of its tokens, in place; returns their number in
 * *count. */
enum status word_merger_run(struct word_merger *merger, const struct vocabulary *vocabulary, uint32_t *ids,
                            size_t *count);

#endif
