/* Rules that judge one text: Gopher's (Rae et al. 2021, "Scaling Language Models", arXiv:2112.11446, section
 * A.1.1 and table A1), C4's (Raffel et al. 2020, JMLR 21(140), section 2.2) and FineWeb's (Penedo et al.
 * 2024, "The FineWeb Datasets", arXiv:2406.17557, section 3.6). Where a paper leaves something open,
 * datatrove (https://github.com/huggingface/datatrove, which made FineWeb) decides, except that words are
 * what white space separates (text_shape.h) where datatrove asks a tokenizer with tables for each language;
 * so figures differ a little.
 *
 * Each rule compares a figure of the text with a threshold of the configuration. The first rule that the text
 * fails is its verdict; order and names are those of the options. The rules are made for English and
 * languages that are written like it. */
#ifndef LLMPI_PREPARE_QUALITY_H
#define LLMPI_PREPARE_QUALITY_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/status.h"
#include "llmpi/config/config.h"
#include "llmpi/prepare/text_shape.h"

#include <stdbool.h>
#include <stdint.h>

/* In the order in which they are applied. */
enum rule {
    RULE_KEPT, /* no rule rejects the document */
    RULE_LANGUAGE_SCORE,
    RULE_MIN_WORDS,
    RULE_MAX_WORDS,
    RULE_MIN_WORD_LENGTH,
    RULE_MAX_WORD_LENGTH,
    RULE_ALPHABETIC_WORDS,
    RULE_STOP_WORDS,
    RULE_HASHES,
    RULE_ELLIPSES,
    RULE_BULLET_LINES,
    RULE_ELLIPSIS_LINES,
    RULE_DUPLICATE_LINES,
    RULE_DUPLICATE_LINE_CHARACTERS,
    RULE_DUPLICATE_PARAGRAPHS,
    RULE_DUPLICATE_PARAGRAPH_CHARACTERS,
    RULE_TOP_2_GRAM,
    RULE_TOP_3_GRAM,
    RULE_TOP_4_GRAM,
    RULE_DUPLICATE_5_GRAMS,
    RULE_DUPLICATE_6_GRAMS,
    RULE_DUPLICATE_7_GRAMS,
    RULE_DUPLICATE_8_GRAMS,
    RULE_DUPLICATE_9_GRAMS,
    RULE_DUPLICATE_10_GRAMS,
    RULE_LOREM_IPSUM,
    RULE_CURLY_BRACKET,
    RULE_SENTENCES,
    RULE_REMOVED_LINES,
    RULE_PUNCTUATED_LINES,
    RULE_SHORT_LINES,
    RULE_FINEWEB_DUPLICATES,
    RULE_NEWLINES,
    RULE_EXACT_DUPLICATES,
    RULE_NEAR_DUPLICATES,
    RULES
};

/* The name of a rule's option without its section. */
const char *rule_name(enum rule rule);
bool rule_is_on(enum rule rule, const struct clean_options *options);

struct verdict {
    enum rule rule;
    double figure; /* what the rule compared; 0 where it compares nothing */
};

/* Appends why a rule rejected, such as "37 < 50": the figure and the threshold that it should have kept. Not
 * for the rules of duplicates. */
enum status verdict_explain(const struct verdict *verdict, const struct clean_options *options,
                            struct buffer *out);

/* Working memory that goes from one text to the next. Start with {0}. */
struct quality {
    const struct clean_options *options;
    struct text_shape shape;
    uint64_t *word_hashes; /* of single words */
    uint64_t *hashes;      /* of word runs, by first word */
    int64_t *positions;    /* of the word runs that occur more than once */
    int64_t capacity;      /* of these three */
    struct gram_slot *table;
    int64_t table_capacity;
    struct buffer lower, cleaned;
};
void quality_free(struct quality *quality);

/* Judges a text, with its language score (NAN: it has none) and every rule but those of duplicates. With
 * options->c4_remove_lines *text and *length become what the C4 rules leave of the text, which lies in
 * quality->cleaned until the next call; a rejected text stays as it is. */
enum status quality_judge(struct quality *quality, double language_score, const char **text, size_t *length,
                          struct verdict *out);

/* What C4 leaves of the text, as quality_judge does, without judging. */
enum status quality_remove_lines(struct quality *quality, const char **text, size_t *length);

/* The chapters of quality_judge: whether a rule of theirs rejects the text that was measured into
 * quality->shape. */
bool gopher_quality_rejects(const struct quality *quality, struct verdict *out);
enum status gopher_repetition_judge(struct quality *quality, struct verdict *out);
enum status c4_quality_judge(struct quality *quality, struct verdict *out);
enum status fineweb_quality_judge(struct quality *quality, struct verdict *out);

/* For the chapters: compares the figure of a rule with its threshold. True, and *out is the verdict, when the
 * rule is on and rejects it. */
bool rule_rejects(enum rule rule, double figure, const struct clean_options *options, struct verdict *out);

/* Repeated spans (lines or paragraphs): how many have the text of an earlier one, and their characters. */
enum status quality_count_repeats(struct quality *quality, const struct text_span *spans, int64_t count,
                                  int64_t *repeats, int64_t *characters);

#endif
