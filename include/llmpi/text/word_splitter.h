/* The named patterns of pretokenize.h as hand-written code, which finds the same words as the regular
 * expressions many times faster. */
#ifndef LLMPI_TEXT_WORD_SPLITTER_H
#define LLMPI_TEXT_WORD_SPLITTER_H

#include "llmpi/base/status.h"
#include "llmpi/text/character_class.h"

#include <stddef.h>

#define SPLITTER_BATCH 512 /* words that one call finds at most */

/* Splits [text, end): writes up to SPLITTER_BATCH ends of words to `ends` and their number to *count; the
 * first word starts at `text`, each other one where the one before it ends. Fewer come only at the end of the
 * text. Any bytes: one that is not part of valid UTF-8 is a word, and the text ends before it. */
typedef enum status splitter_function(struct character_classes *classes, const char *text, const char *end,
                                      const char *ends[SPLITTER_BATCH], size_t *count);

splitter_function splitter_run_gpt2;
splitter_function splitter_run_cl100k;

#endif
