/* Counted words outside the hash table: a rank whose table is full writes its words away as a run, ordered by
 * buckets of their digests, and later reads single buckets of all runs together. */
#ifndef LLMPI_TEXT_WORD_RUNS_H
#define LLMPI_TEXT_WORD_RUNS_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/status.h"
#include "llmpi/text/word_counts.h"

#include <stddef.h>
#include <stdint.h>

#define WORD_BUCKETS 4096 /* the upper 12 bits of a word's digest */

struct word_runs;

/* As spool_create: `folder` of the temporary file, bytes that may stay in memory. */
enum status word_runs_create(const char *folder, size_t memory, struct word_runs **out);
void word_runs_destroy(struct word_runs *runs); /* NULL is fine */

/* Writes all words as one more run, and clears them. Takes another 4 bytes of memory per word meanwhile. */
enum status word_runs_add(struct word_runs *runs, struct word_counts *words);

/* Appends the records (word_counts.h) of the buckets begin .. end-1 of all runs; a word may come once per
 * run. */
enum status word_runs_read(struct word_runs *runs, int64_t begin, int64_t end, struct buffer *out);

int64_t word_runs_records(const struct word_runs *runs); /* words in all runs together */
int64_t word_runs_bytes(const struct word_runs *runs);   /* of all runs together */

#endif
