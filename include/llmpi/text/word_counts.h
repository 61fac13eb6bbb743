/* How often each pre-token (a "word" of the splitting pattern) occurs. */
#ifndef LLMPI_TEXT_WORD_COUNTS_H
#define LLMPI_TEXT_WORD_COUNTS_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/status.h"

#include <stddef.h>
#include <stdint.h>

struct word_counts;

enum status word_counts_create(struct word_counts **out);
void word_counts_destroy(struct word_counts *words);

/* Adds `count` to a word. */
enum status word_counts_add(struct word_counts *words, const char *word, size_t length, int64_t count);

/* Splits text with GPT-2's pattern and counts each piece once. */
enum status word_counts_add_text(struct word_counts *words, const char *text, size_t length);

int64_t word_counts_size(const struct word_counts *words); /* distinct words */

/* Word `index` (0 <= index < size, in order of first occurrence); returns its bytes. */
const char *word_counts_get(const struct word_counts *words, int64_t index, size_t *length, int64_t *count);

/* Appends the words whose digest % parts == part, as bytes that word_counts_unpack adds again; to hand words
 * to the rank that owns them. */
enum status word_counts_pack(const struct word_counts *words, int64_t part, int64_t parts,
                             struct buffer *out);
enum status word_counts_unpack(struct word_counts *words, const char *packed, size_t length);

#endif
