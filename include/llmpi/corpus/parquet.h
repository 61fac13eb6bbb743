/* Reading Apache Parquet files (https://parquet.apache.org/docs/file-format/, parquet-format 2.11): flat
 * columns, one page in memory at a time. Read: types BOOLEAN, INT32, INT64, FLOAT, DOUBLE, BYTE_ARRAY,
 * FIXED_LEN_BYTE_ARRAY, INT96 (passed over); required and optional columns; encodings PLAIN,
 * PLAIN_DICTIONARY, RLE_DICTIONARY, RLE, DELTA_BINARY_PACKED, DELTA_LENGTH_BYTE_ARRAY, DELTA_BYTE_ARRAY,
 * BYTE_STREAM_SPLIT; data pages v1 and v2; codecs UNCOMPRESSED, SNAPPY, GZIP, ZSTD, LZ4_RAW. Page checksums
 * are checked where a file has them. Anything else is named in the error. */
#ifndef LLMPI_CORPUS_PARQUET_H
#define LLMPI_CORPUS_PARQUET_H

#include "llmpi/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct parquet_file;

/* What a program may want of a column; how it is stored does not matter. */
enum parquet_kind {
    PARQUET_TEXT,    /* BYTE_ARRAY annotated as string/JSON/enum, or not annotated at all */
    PARQUET_INTEGER, /* INT32, INT64 (any integer, date or time annotation; unsigned 64 bit wraps) */
    PARQUET_REAL,    /* FLOAT, DOUBLE */
    PARQUET_BOOLEAN,
    PARQUET_OTHER /* nested, repeated, decimal, INT96, FIXED_LEN_BYTE_ARRAY, ...: cannot be read */
};

/* Reads the footer. Errors name the file, the place and what was found: no Parquet file, encrypted footer,
 * cut off, ... */
enum status parquet_open(const char *path, struct parquet_file **out);
void parquet_close(struct parquet_file *file); /* NULL is fine */

int64_t parquet_rows(const struct parquet_file *file);
int64_t parquet_row_groups(const struct parquet_file *file);

/* Top-level columns in the order of the schema. A nested one counts as one column of kind PARQUET_OTHER. */
int64_t parquet_columns(const struct parquet_file *file);
const char *parquet_column_name(const struct parquet_file *file, int64_t column);
enum parquet_kind parquet_column_kind(const struct parquet_file *file, int64_t column);
bool parquet_column_is_unsigned(const struct parquet_file *file, int64_t column); /* of integers */
int64_t parquet_find_column(const struct parquet_file *file, const char *name);   /* or -1 */

/* Uncompressed bytes of a column over all row groups, as the footer says. */
int64_t parquet_column_bytes(const struct parquet_file *file, int64_t column);

/* A place in one column. Several cursors may walk over one file. */
struct parquet_cursor;
struct parquet_value {
    bool null;
    const char *text; /* PARQUET_TEXT: not NUL-terminated, valid until the next call on this cursor */
    size_t length;
    int64_t integer; /* PARQUET_INTEGER (of an unsigned column: its bits), PARQUET_BOOLEAN (0 or 1) */
    double real;     /* PARQUET_REAL */
};

/* A column of kind PARQUET_OTHER is an error that says what the column is. Memory: the dictionary of a row
 * group and one page, compressed and uncompressed. */
enum status parquet_cursor_open(struct parquet_file *file, int64_t column, struct parquet_cursor **out);
void parquet_cursor_close(struct parquet_cursor *cursor); /* NULL is fine */

/* Goes to a row (0 <= row <= rows; forwards is cheap): row groups in between are not read at all, pages in
 * between only by their headers, and only the page that holds the row is decompressed when its value is asked
 * for. */
enum status parquet_cursor_seek(struct parquet_cursor *cursor, int64_t row);

/* The value of the row where the cursor stands, then moves on. Past the last row is an error. */
enum status parquet_cursor_next(struct parquet_cursor *cursor, struct parquet_value *out);

/* Bytes of the file read through this cursor so far, for progress. */
int64_t parquet_cursor_bytes(const struct parquet_cursor *cursor);

#endif
