/* The words of a text, counted: runs of letters in lower case, with apostrophes and hyphens inside. For
 * people who look at a corpus; the tokenizer counts its own pieces (llmpi/text/word_counts.h). */
#ifndef LLMPI_PROGRAMS_WORD_TABLE_H
#define LLMPI_PROGRAMS_WORD_TABLE_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORD_TABLE_LARGEST ((int64_t)16 << 20) /* distinct words: about a GB */
#define WORD_LONGEST       64                  /* bytes of a word that count */

struct word_table_row {
    size_t text; /* offset in `letters`; NUL-terminated there */
    uint64_t digest;
    int64_t count; /* 0: free */
};

/* Start with {0}. */
struct word_table {
    struct word_table_row *rows;
    int64_t capacity, distinct, total;
    bool full; /* words beyond WORD_TABLE_LARGEST were left out of `distinct` */
    struct buffer letters;
};

/* Counts the words of a text. A word that is cut at its end counts as it stands. */
enum status word_table_add(struct word_table *table, const char *text, size_t length);

/* The `count` most frequent words (fewer if there are not so many), ties by the alphabet, into `out`; returns
 * how many. */
int word_table_most_frequent(const struct word_table *table, int count, const struct word_table_row **out);

/* Appends the words whose digest falls into this part of so many, or the most frequent ones, as bytes (of
 * this machine) that word_table_unpack adds to another table. */
enum status word_table_pack(const struct word_table *table, int64_t part, int64_t parts, struct buffer *out);
enum status word_table_pack_frequent(const struct word_table *table, int count, struct buffer *out);
enum status word_table_unpack(struct word_table *table, const char *packed, size_t length);

void word_table_free(struct word_table *table);

#endif
