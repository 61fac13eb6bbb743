/* How often each answer is right for each kind of question: what somebody could score who sees the kind of a
 * question only and always gives the kind's most frequent answer. */
#ifndef LLMPI_CORPUS_ANSWER_COUNTS_H
#define LLMPI_CORPUS_ANSWER_COUNTS_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/status.h"

#include <stddef.h>
#include <stdint.h>

struct answer_kind {
    char *name;
    int64_t questions, answers; /* how many, and how many different answers they have */
    int64_t best;               /* questions with the most frequent answer */
};

/* Start with {0}. */
struct answer_counts {
    struct answer_kind *kinds; /* in the order in which they came */
    int64_t kind_count;
    int64_t questions, best; /* over all kinds; best / questions is the baseline */
    struct answer_count *rows;
    int64_t capacity, used;
};

/* Counts one question and sets *kind, when it is not NULL, to the number of its kind. */
enum status answer_counts_add(struct answer_counts *counts, const char *kind, const char *answer,
                              size_t length, int64_t *number);
void answer_counts_free(struct answer_counts *counts);

#endif
