/* Splitting text into pre-tokens ("words") with a regular expression. Every byte of the text is in exactly
 * one word. A byte that is not part of valid UTF-8 is a word of its own; the text before it and the text
 * behind it are split as if each were alone.
 *
 * gpt2 (encoder.py in openai/gpt-2):
 *
 *     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 *
 * cl100k (cl100k_base in openai/tiktoken):
 *
 *     (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*
 *         |\s*[\r\n]+|\s+(?!\S)|\s+
 *
 * where \s is Unicode's White_Space, as in the libraries that these were written for. Any other pattern is
 * the user's own, in PCRE2's syntax (pcre2pattern(3)). Its matches are words, and so is the text between two
 * matches (Hugging Face's Split with behavior "isolated"); an empty match is a border between words. */
#ifndef LLMPI_TEXT_PRETOKENIZE_H
#define LLMPI_TEXT_PRETOKENIZE_H

#include "llmpi/base/status.h"

#include <stdbool.h>
#include <stddef.h>

/* A pattern and the place in one text; not shared between threads. */
struct pretokenizer;

/* `pattern` is "gpt2" (or NULL for it), "cl100k", or a regular expression; one that does not compile is
 * STATUS_USAGE with PCRE2's message and the place. */
enum status pretokenizer_create(const char *pattern, struct pretokenizer **out);
void pretokenizer_destroy(struct pretokenizer *pretokenizer);

/* Starts with a text, which must outlive the calls of pretokenizer_next. */
void pretokenizer_begin(struct pretokenizer *pretokenizer, const char *text, size_t length);

/* Finds words ahead: *ends points to the ends of the next *count words, which follow each other from *word
 * on, until the next call. *count is 0 at the end of the text only. For pretokenizer_next, these words have
 * been passed. Time and errors are those of pretokenizer_next. */
enum status pretokenizer_next_words(struct pretokenizer *pretokenizer, const char **word,
                                    const char *const **ends, size_t *count);

/* The next word; *more is false at the end of the text. Time is linear in the text for the named patterns. A
 * regular expression that backtracks without end is an error. */
enum status pretokenizer_next(struct pretokenizer *pretokenizer, const char **word, size_t *length,
                              bool *more);

#endif
