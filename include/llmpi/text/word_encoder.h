/* Tokens that are whole words: text is split by the regular expression `([,.:;?_!"()']|--|\s)`, separators
 * are words too, white space is dropped, and each word is looked up (SimpleTokenizerV2 of S. Raschka, Build a
 * Large Language Model (From Scratch), 2024, chapter 2). White space is what Python's str.isspace says:
 * Unicode's White_Space and U+001C to U+001F. */
#ifndef LLMPI_TEXT_WORD_ENCODER_H
#define LLMPI_TEXT_WORD_ENCODER_H

#include "llmpi/base/status.h"
#include "llmpi/text/token_list.h"
#include "llmpi/text/vocabulary.h"

#include <stdbool.h>
#include <stddef.h>

/* Finds the next word in [*at, end) and moves *at behind it; false when there is none. A NUL, and each byte
 * that is not part of valid UTF-8, is a word of its own. */
bool word_next(const char **at, const char *end, const char **word, size_t *length);

/* Appends the ids of a text, vocabulary->unknown for words that are not in the vocabulary. Time is linear. */
enum status word_encoder_run(const struct vocabulary *vocabulary, const char *text, size_t length,
                             struct token_list *out);

/* Whether decoding puts no space before a word: one of , . ? ! " ( ) ' begins it. */
bool word_joins(const char *word, size_t length);

/* Whether a text is empty or ends with white space, so that a word may follow it without a space. */
bool word_may_follow(const char *text, size_t length);

#endif
