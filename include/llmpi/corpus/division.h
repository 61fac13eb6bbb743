/* Which part of a corpus a document belongs to: a function of the inputs and the number of parts alone.
 *
 * The files stand one behind the other, as long as they are on disk. A file that can be entered in the middle
 * is cut into segments: a document that starts at byte b of the (uncompressed) text of a file that starts at
 * byte s of the corpus is in part (s + b) / segment % parts. The segments of a Parquet file are rows instead,
 * as many as have about `segment` bytes of text. Files that can only be read from their beginning
 * go whole to one part each where that leaves every part within 10 % of the mean (compressed bytes count four
 * times); else they are cut into segments as well, and every reader walks through all of them. A file that is
 * one document always goes whole. */
#ifndef LLMPI_CORPUS_DIVISION_H
#define LLMPI_CORPUS_DIVISION_H

#include "llmpi/corpus/reader.h"

struct division {
    int64_t parts;
    int64_t segment;        /* bytes: a power of two, 64 KiB to 4 MiB, near corpus.bytes / (32 * parts) */
    int64_t *whole;         /* by file: the part that it goes to; -1: it is cut into segments */
    int64_t walked;         /* files that are cut, but read from their beginning by every reader */
    int64_t walked_example; /* one of them */
};

/* Fails only without memory. */
enum status division_make(const struct corpus *corpus, int64_t parts, struct division *out);
void division_free(struct division *division);

/* The part of a document that begins at `position` of a file. */
int64_t division_part(const struct division *division, const struct corpus *corpus, int64_t file,
                      int64_t position);

/* The part of the documents in the segment with that index in a Parquet file. */
int64_t division_part_of_segment(const struct division *division, const struct corpus *corpus, int64_t file,
                                 int64_t index);

/* True when the documents of a file can be found from any place in it. */
bool division_can_seek(const struct corpus *corpus, int64_t file);

#endif
