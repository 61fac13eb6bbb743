/* Learning a vocabulary of whole words or of characters ("units") from a text. */
#ifndef LLMPI_TEXT_UNIT_TRAINER_H
#define LLMPI_TEXT_UNIT_TRAINER_H

#include "llmpi/base/status.h"
#include "llmpi/base/string_list.h"
#include "llmpi/text/tokenizer.h"
#include "llmpi/text/vocabulary.h"
#include "llmpi/text/word_counts.h"

#include <stdint.h>

#define UNKNOWN_TOKEN "<|unk|>"

struct unit_settings {
    enum vocabulary_kind kind;                /* VOCABULARY_WORD or VOCABULARY_CHARACTER */
    int64_t vocab_size;                       /* at most, special tokens included */
    int64_t min_frequency;                    /* units that occur less often are unknown */
    const struct string_list *special_tokens; /* valid names without repetition (special_tokens.h) */
};

/* What has no place in the vocabulary. */
struct unit_report {
    int64_t units, occurrences;                 /* counted */
    int64_t unknown_units, unknown_occurrences; /* of them unknown */
};

/* Counts the units of [*text, end), at most `maximum` of them, and moves *text behind the last; so that the
 * caller may look after the memory of the counts before it goes on. Bytes that are no valid UTF-8 are not
 * counted, nor is NUL: they are always unknown. */
enum status unit_count_text(struct word_counts *counts, enum vocabulary_kind kind, const char **text,
                            const char *end, int64_t maximum);

/* Refuses (STATUS_USAGE) a vocabulary too small for the special tokens and one more, or too large. */
enum status unit_settings_check(const struct unit_settings *settings);

/* Makes the tokenizer. Kept are the most frequent units, ties in the order of their bytes. Ids of kind word:
 * words in the order of their bytes (which is that of their code points), "<|unk|>", special tokens; of kind
 * character: "<|unk|>" is 0, then characters in order, then special tokens. A function of the counts and the
 * settings alone. `report` may be NULL. */
enum status unit_train(const struct word_counts *counts, const struct unit_settings *settings,
                       struct unit_report *report, struct tokenizer **out);

#endif
