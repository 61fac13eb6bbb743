/* Learning a byte-level BPE vocabulary from counted words. */
#ifndef LLMPI_TEXT_BPE_TRAINER_H
#define LLMPI_TEXT_BPE_TRAINER_H

#include "llmpi/base/status.h"
#include "llmpi/base/string_list.h"
#include "llmpi/text/tokenizer.h"
#include "llmpi/text/word_counts.h"

#include <stdint.h>

struct bpe_settings {
    int64_t vocab_size;    /* specials + 256 bytes + merges; fewer where the text has no more pairs */
    int64_t min_frequency; /* pairs that occur less often are not merged */
    const struct string_list *special_tokens; /* ids 0, 1, ... in this order */
    int64_t max_token_length; /* bytes; 0: no limit. As pair_counts_settings in pair_counts.h */
    const char *pattern;      /* that the words were split with, kept in the vocabulary; NULL: GPT-2's */
    double *bytes_per_token;  /* gets the bytes per token of the counted text; NULL: not wanted */
    enum status (*check)(
        void *context); /* NULL, or asked before each merge; learning ends unless STATUS_OK */
    void *context;
};

/* Refuses (STATUS_USAGE) what bpe_train would refuse of the settings, before there is anything to learn from.
 */
enum status bpe_settings_check(const struct bpe_settings *settings);

/* Learns merges: the pair with the highest count first, ties by the smaller (left id, right id). Ids: special
 * tokens, the 256 bytes sorted by the character that stands for each in GPT-2's mapping, merges in order. A
 * function of the counts and the settings alone. `quiet` leaves out the progress line. */
enum status bpe_train(const struct word_counts *words, const struct bpe_settings *settings, bool quiet,
                      struct tokenizer **out);

#endif
