/* How often each pair of neighbouring tokens occurs in a text that is given as counted words, while pairs are
 * merged one after another: what learning a byte-level BPE vocabulary spends its time on. */
#ifndef LLMPI_TEXT_PAIR_COUNTS_H
#define LLMPI_TEXT_PAIR_COUNTS_H

#include "llmpi/base/status.h"
#include "llmpi/text/word_counts.h"

#include <stdbool.h>
#include <stdint.h>

struct pair_counts;

struct pair_counts_settings {
    uint32_t byte_ids[256]; /* the token of each byte */
    int64_t min_count;      /* pairs that occur less often are not offered; at least 1 */

    /* In bytes; 0: no limit. As in Hugging Face's BpeTrainer a pair with a token of more than one byte is
     * offered only when both together are shorter than this. */
    int64_t max_token_length;
};

/* Memory that learning from so many distinct words of so many bytes together may take, generously. */
double pair_counts_memory(double words, double bytes);

/* Most bytes that all distinct words may have together. */
#define PAIR_COUNTS_BYTES_MAX ((int64_t)UINT32_MAX - 1)

/* Cuts the words into bytes and counts their pairs. `words` is used during this call only. */
enum status pair_counts_create(const struct word_counts *words, const struct pair_counts_settings *settings,
                               struct pair_counts **out);
void pair_counts_destroy(struct pair_counts *counts);

/* The pair with the highest count, ties by the smaller (left, right); false when there is none. It is taken
 * out: the caller merges it, or it is never offered again. */
bool pair_counts_take_best(struct pair_counts *counts, uint32_t *left, uint32_t *right);

/* Makes the token `result` of the pair that was taken last, wherever it occurs, from left to right. `result`
 * must be an id that was not used before. */
enum status pair_counts_merge(struct pair_counts *counts, uint32_t result);

/* Bytes of the text, and tokens that it has now; repeated words count each time. */
int64_t pair_counts_bytes(const struct pair_counts *counts);
int64_t pair_counts_tokens(const struct pair_counts *counts);

#endif
