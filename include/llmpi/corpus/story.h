/* A corpus by rule: short stories of a small world, in plain English, so that everything can be tried without
 * a download. A story is decided by (seed, number) alone. */
#ifndef LLMPI_CORPUS_STORY_H
#define LLMPI_CORPUS_STORY_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/status.h"

#include <stdint.h>

/* Appends the text of story `number` to `out` and adds the bits (log2 of the inverse probability) of all
 * choices that it took to *bits: the entropy of the text as generated, an upper bound where two ways lead to
 * one text. */
enum status story_write(uint64_t seed, int64_t number, struct buffer *out, double *bits);

/* Appends the text of story `number` as one JSON line with FineWeb's nine columns; the second half of
 * story_write_json, for callers that look at the text in between. */
enum status story_write_line(uint64_t seed, int64_t number, const char *text, size_t length,
                             struct buffer *out);

/* Appends the document as one JSON line with FineWeb's nine columns (text, id, dump, url, date, file_path,
 * language, language_score, token_count) and a newline. token_count is the number of words and punctuation
 * marks. *text_bytes grows by the length of the text. */
enum status story_write_json(uint64_t seed, int64_t number, struct buffer *out, double *bits,
                             int64_t *text_bytes);

#endif
