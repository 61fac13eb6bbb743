/* Reading a corpus: documents one after the other out of text files, JSON lines and Parquet files,
 * in memory bounded by the longest document (plain text: by a piece of a few MiB).
 *
 * The order of documents is that of the inputs (a folder or glob sorted by name). Work is divided by *parts*,
 * about equal numbers of bytes; which part a document is in depends on the inputs and the number of parts
 * alone (corpus/division.h), not on who reads it. */
#ifndef LLMPI_CORPUS_READER_H
#define LLMPI_CORPUS_READER_H

#include "llmpi/base/status.h"
#include "llmpi/base/string_list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct corpus_settings {
    const struct string_list *inputs; /* files, folders (searched for known endings, recursively), globs */
    const char *text_field;           /* member of each JSON line, or Parquet column, that holds the text;
                                         NULL: none does, and with whole_records the text of a document is its
                                         record (not for plain text) */
    int64_t max_documents;            /* 0: all; counted over all parts, in input order */
    const char *document_separator;   /* of .txt files; "" or NULL: one document per file */
    bool skip_errors;                 /* count and go on, instead of failing */
    bool whole_records;               /* fill document.record */
    const char *score_field;          /* member or column with a number, for document.score; NULL: none */
    bool quiet;                       /* readers log nothing: an earlier pass over the files did */
};

/* The resolved list of input files, in order. */
struct corpus {
    struct corpus_settings settings; /* borrowed pointers, must outlive the corpus */
    struct string_list files;
    bool *is_array;  /* by file: JSON, one array of objects instead of one object a line */
    int64_t *starts; /* bytes on disk of the files before each one; one more at the end */
    int64_t bytes;   /* sum of the sizes on disk, for progress */
};

/* Expands the inputs. An input that matches nothing, a pipe or device, or a file whose ending is unknown, is
 * an error; the last one names the known endings (.txt .jsonl .ndjson .json, the last three for JSON lines,
 * .json also for one array; each also with .gz or .zst; .parquet). */
enum status corpus_open(const struct corpus_settings *settings, struct corpus *out);
void corpus_close(struct corpus *corpus);

/* True when a reader reads about its own share of the bytes only, so that reading one part of `parts` costs
 * no more than its share. False when there are compressed files that every reader must decompress, or
 * max_documents is set. */
bool corpus_is_divisible(const struct corpus *corpus, int64_t parts);

/* A piece of a document. JSON documents come as one piece (begins and ends); long plain text in several, each
 * cut before a space or newline that follows an ASCII letter or digit, where neither the patterns gpt2 and
 * cl100k nor whole words join the two sides (a pattern of the user's own might). */
struct document {
    const char *text; /* valid UTF-8, not NUL-terminated, valid until the next call */
    size_t length;
    bool begins, ends; /* first and last piece of its document */
    int64_t file;      /* index in corpus.files */
    int64_t position; /* of the document in its file: byte of the uncompressed text, or row of a Parquet file.
                         (file, position) orders all documents of a corpus and names each one, whoever reads
                         it */
    int64_t part;
    /* With whole_records: a JSON object without a line end, valid as long as text: the line of JSON lines,
       trimmed; the piece of plain text as {text_field: piece}; the row of Parquet without columns that cannot
       be read, of which reader 0 warns once. Else NULL. */
    const char *record;
    size_t record_length; /* bytes */
    double score;         /* the number in score_field; NAN where there is none */
};

/* What could not be used, counted. */
struct corpus_report {
    int64_t documents, bytes; /* delivered */
    int64_t invalid_utf8, broken_json, missing_field, empty, truncated;
};

/* Sum of the five kinds of error. */
int64_t corpus_report_errors(const struct corpus_report *report);

/* Adds what another report counted. */
void corpus_report_add(struct corpus_report *sum, const struct corpus_report *more);

/* Logs what was skipped and why, in one line; nothing when nothing was. */
void corpus_report_log(const struct corpus_report *report);

/* Reads the documents whose part % readers == reader, in order. Reader r of R is usually rank r of R ranks.
 * It reads about its share of the bytes, except of files that corpus/division.h says every reader walks
 * through; reader 0 logs how many there are. */
struct reader;
enum status reader_open(const struct corpus *corpus, int64_t parts, int64_t reader, int64_t readers,
                        struct reader **out);

/* The next piece; *more is false at the end. With skip_errors each bad document is counted, and unless quiet
 * the first ten are logged as warnings "FILE:LINE: what is wrong"; else it fails with that message. A bad
 * document counts for max_documents.
 *
 * JSON lines: each line that is not blank is a document. Limits: 2 GiB per line, 512 levels of nesting.
 * A .json file that begins with [ is an array, each of whose elements, an object or a string, is a document;
 * all readers walk through it. Plain text: a document starts behind a separator, as does an empty one between
 * two; only at the end of the file nothing, or one line end, is no document. A long document with invalid
 * UTF-8 behind its first piece ends there. Compressed files that are cut off or damaged: what was decoded
 * before is delivered, a cut off line of JSON is not; one reader counts the damage. A file that cannot be
 * read is always a failure. */
enum status reader_next(struct reader *reader, struct document *out, bool *more);

/* How far in the input files (bytes on disk) this reader has come, for progress against corpus.bytes. */
int64_t reader_position(const struct reader *reader);
const struct corpus_report *reader_report(const struct reader *reader);
void reader_close(struct reader *reader);

#endif
