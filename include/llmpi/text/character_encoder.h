/* Tokens that are single characters (Unicode code points), as in character-level language models. */
#ifndef LLMPI_TEXT_CHARACTER_ENCODER_H
#define LLMPI_TEXT_CHARACTER_ENCODER_H

#include "llmpi/base/status.h"
#include "llmpi/text/token_list.h"
#include "llmpi/text/vocabulary.h"

#include <stdbool.h>
#include <stddef.h>

/* Finds the character at *at and moves *at behind it; false at the end. Each byte that is not part of valid
 * UTF-8 counts as a character. */
bool character_next(const char **at, const char *end, const char **character, size_t *length);

/* Appends the id of each character of a text, vocabulary->unknown for those that are not in the vocabulary.
 */
enum status character_encoder_run(const struct vocabulary *vocabulary, const char *text, size_t length,
                                  struct token_list *out);

#endif
