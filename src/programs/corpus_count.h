/* What `llmpi corpus stats` counts. Each rank counts the documents of its part; the sums are exact and the
 * same for any number of ranks, as long as no rank meets more than WORD_TABLE_LARGEST distinct words. */
#ifndef LLMPI_PROGRAMS_CORPUS_COUNT_H
#define LLMPI_PROGRAMS_CORPUS_COUNT_H

#include "llmpi/comm/comm.h"
#include "llmpi/corpus/reader.h"
#include "llmpi/text/tokenizer.h"
#include "word_table.h"

enum { LENGTH_CLASSES = 63 };

/* Sums over documents, and nothing else: ranks add them as an array. */
struct corpus_sums {
    int64_t documents, bytes, characters, lines, words, tokens;
    int64_t invalid_utf8, broken_json, missing_field, empty, truncated; /* skipped */
    int64_t distinct_words,
        words_left_out;                /* words_left_out: ranks with more distinct words than they count */
    int64_t of_length[LENGTH_CLASSES]; /* documents of 2^i to 2^(i+1) - 1 bytes */
};

/* Start with {0}; free `words` with word_table_free. */
struct corpus_counts {
    struct corpus_sums sums;
    int64_t longest; /* document, in bytes */
    struct word_table words;
};

/* Counts this rank's part of a corpus into `counts`. The tokenizer may be NULL: no tokens. */
enum status corpus_count(const struct corpus *corpus, struct tokenizer *tokenizer, const struct comm *comm,
                         struct corpus_counts *counts);

/* Makes the counts of each rank those of all; `words` has the `frequent` most frequent ones on rank 0, none
 * elsewhere. **Collective** */
enum status corpus_counts_sum(struct comm *comm, int frequent, struct corpus_counts *counts);

#endif
