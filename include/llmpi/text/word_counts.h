/* How often each pre-token (a "word" of the splitting pattern) occurs. */
#ifndef LLMPI_TEXT_WORD_COUNTS_H
#define LLMPI_TEXT_WORD_COUNTS_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct word_counts;

enum status word_counts_create(struct word_counts **out);
void word_counts_destroy(struct word_counts *words);

/* Adds `count` to a word. */
enum status word_counts_add(struct word_counts *words, const char *word, size_t length, int64_t count);

/* Splits texts with this pattern from now on (see pretokenizer_create); without this call with GPT-2's. */
enum status word_counts_use_pattern(struct word_counts *words, const char *pattern);

/* Splits text and counts each piece once. */
enum status word_counts_add_text(struct word_counts *words, const char *text, size_t length);

/* The same in steps: word_counts_continue stops when the text is at its end (*more is false), or soon after
 * the word with which the table takes `memory` bytes or more. The text must outlive the steps. */
enum status word_counts_begin_text(struct word_counts *words, const char *text, size_t length);
enum status word_counts_continue(struct word_counts *words, size_t memory, bool *more);

int64_t word_counts_size(const struct word_counts *words);  /* distinct words */
size_t word_counts_memory(const struct word_counts *words); /* bytes that they take, with the table */

/* Word `index` (0 <= index < size, in order of first occurrence); returns its bytes. */
const char *word_counts_get(const struct word_counts *words, int64_t index, size_t *length, int64_t *count);

/* The digest_bytes of word `index`. */
uint64_t word_counts_digest(const struct word_counts *words, int64_t index);

/* Forgets all words; the memory is given back. */
void word_counts_clear(struct word_counts *words);

/* Gives back the memory of the hash table, for when words are only read; adding makes it again. */
void word_counts_trim(struct word_counts *words);

/* A word on its way to another rank or a file: length and count as base-128 numbers (least significant first,
 * the high bit says that more follow), then its bytes. */
struct word_record {
    const char *word; /* inside the packed bytes */
    size_t length;
    int64_t count;
};

enum status word_record_append(struct buffer *packed, const char *word, size_t length, int64_t count);

/* Reads the record at *at and moves *at behind it; "damaged" when there is none. */
enum status word_record_read(const struct buffer *packed, size_t *at, struct word_record *record);

/* Adds all words of packed records. */
enum status word_counts_unpack(struct word_counts *words, const struct buffer *packed);

#endif
