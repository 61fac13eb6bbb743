/* Splitting text into pre-tokens ("words") with GPT-2's pattern (encoder.py in openai/gpt-2):
 *
 *     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 *
 * Every byte of the text is in exactly one word. A byte that is not part of valid UTF-8 is a word of its own
 * and ends the text before it. Time is linear in the text, whatever it holds. */
#ifndef LLMPI_TEXT_PRETOKENIZE_H
#define LLMPI_TEXT_PRETOKENIZE_H

#include "llmpi/base/status.h"

#include <stdbool.h>
#include <stddef.h>

/* The compiled pattern and the place in one text; not shared between threads. */
struct pretokenizer;

/* Compiles a pattern: "gpt2", or NULL for it. Where PCRE2 has no working just-in-time compiler, one warning
 * says so and words are found by its slower interpreter. */
enum status pretokenizer_create(const char *pattern, struct pretokenizer **out);
void pretokenizer_destroy(struct pretokenizer *pretokenizer);

/* Starts with a text, which must outlive the calls of pretokenizer_next. */
void pretokenizer_begin(struct pretokenizer *pretokenizer, const char *text, size_t length);

/* The next word; *more is false at the end of the text. */
enum status pretokenizer_next(struct pretokenizer *pretokenizer, const char **word, size_t *length,
                              bool *more);

#endif
