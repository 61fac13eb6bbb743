/* What stands between the reader of a corpus and the formats of its files: the state of a reader, which
 * reader.c owns, and one function per format that finds the next document of the open file. */
#ifndef LLMPI_CORPUS_FORMATS_H
#define LLMPI_CORPUS_FORMATS_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/json.h"
#include "llmpi/corpus/division.h"
#include "llmpi/corpus/reader.h"
#include "llmpi/corpus/window.h"

struct reader {
    const struct corpus *corpus;
    struct division division;
    int64_t index, readers;
    int64_t file;              /* index of the open file, or of the next one */
    bool is_open;              /* a file */
    struct parquet_rows *rows; /* on the open file, if that is Parquet */
    struct stream *stream;     /* else */
    struct window window;      /* on the open file, where reading stands */
    bool walks;                /* through the open file from its beginning, whosever the documents are */
    int64_t first; /* byte of the open file at which its first document begins: behind a byte order mark */
    int64_t line;  /* at line_offset of the open file, from 1 */
    int64_t line_offset; /* of the uncompressed text: the start of the window, or a place before it */
    int64_t seen;        /* documents, for max_documents */
    struct corpus_report report;
    struct json *json;    /* holds the text of the last document of JSON lines */
    struct buffer record; /* of the last piece of plain text or row of Parquet */
    bool told_left_out;   /* that records lack columns of Parquet */
    struct {
        bool begun, ended;
    } array;
    struct { /* the document of plain text that reading stands in */
        bool open, rejected;
        bool any; /* a document has begun in this file */
        int64_t position, part;
        int64_t delivered; /* pieces */
    } text;
};

/* The part of a document that starts here, and whether this reader reads that part. */
int64_t reader_part_here(const struct reader *reader);
bool reader_owns(const struct reader *reader, int64_t part);

/* A whole document of the open file, without its text yet. */
struct document reader_document(const struct reader *reader, int64_t position, int64_t part);

/* True when max_documents have been seen. */
bool reader_reached_limit(const struct reader *reader);

/* The next run of own segments in the open file at or behind `position`, [*begin, *end), or false. */
bool reader_find_run(const struct reader *reader, int64_t position, int64_t *begin, int64_t *end);

/* For files that can be entered in the middle: moves the window from the start of a document on to that of
 * the next one in an own segment, or to the end. Where the reader walks, it does nothing. */
enum status reader_find_own(struct reader *reader, const char *separator);

/* Counts line ends up to the start of the window. */
void reader_count_lines(struct reader *reader, int64_t lines);

/* Says that something `lines` behind the start of the window cannot be used: fails with "FILE:LINE: ..."
 * ("FILE: row N: ..." for Parquet), or with skip_errors counts it in *count (a field of reader->report) and
 * goes on. */
enum status reader_reject(struct reader *reader, int64_t *count, int64_t lines, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The same for a problem that fail() has described with its place. */
enum status reader_skip(struct reader *reader, int64_t *count);

/* Makes piece->record of its text alone. */
enum status reader_make_record(struct reader *reader, struct document *piece);

/* A Parquet file: opens reader->rows on the file, closes it, tells how much of it is done (0 to 1) and the
 * row where reading stands. */
enum status parquet_rows_open(struct reader *reader);
void parquet_rows_close(struct reader *reader);
double parquet_rows_done(const struct reader *reader);
int64_t parquet_rows_at(const struct reader *reader);

/* Whether the text of a .json file begins with an array. */
enum status json_array_detect(const char *path, bool *is_array);

/* Parses one line, or one element of an array; *good says whether it is a document, else it was rejected. */
enum status json_lines_parse(struct reader *reader, const char *text, size_t length, struct document *out,
                             bool *good);

/* The next document (or piece) of this reader in the open file; *found is false at the end of the file. */
enum status json_lines_next(struct reader *reader, struct document *out, bool *found);
enum status json_array_next(struct reader *reader, struct document *out, bool *found);
enum status plain_text_next(struct reader *reader, struct document *out, bool *found);
enum status parquet_rows_next(struct reader *reader, struct document *out, bool *found);

#endif
