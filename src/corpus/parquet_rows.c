/* Rows of a Parquet file as documents. A reader goes from own segment of rows to own segment of rows; pages
 * in between are not decompressed. Damage costs the rest of its segment, whichever reader that belongs to, so
 * that what is read does not depend on the number of readers. */
#include "llmpi/corpus/formats.h"
#include "llmpi/corpus/parquet.h"

#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/base/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct parquet_rows {
    struct parquet_file *file;
    struct parquet_cursor **cursors; /* by column; NULL: not wanted */
    int64_t columns, text, score;    /* score: -1 where there is none */
    struct parquet_value score_here; /* in the row that was read last */
    int64_t rows;                    /* that count: all, or as many as max_documents leaves */
    int64_t per_segment;             /* rows */
    int64_t row, run_end;            /* the next row, and the end of the run of own segments that it is in */
    char told[4096];                 /* the last message about damage */
};

static const char *path_of(const struct reader *reader)
{
    return reader->corpus->files.items[reader->file];
}

/* --- opening --- */

static enum status list_columns(const struct parquet_file *file, struct buffer *out)
{
    enum { MOST = 20 };
    int64_t count = parquet_columns(file);
    for (int64_t column = 0; column < count && column < MOST; column++) {
        const char *name = parquet_column_name(file, column);
        TRY(buffer_printf(out, "%s", column > 0 ? ", " : ""));
        TRY(json_write_text(out, name, strlen(name)));
    }
    return count > MOST ? buffer_printf(out, ", ...") : STATUS_OK;
}

/* Where no column is the text, one that there is anyway, by which work is divided. */
static int64_t first_text_column(const struct parquet_file *file)
{
    for (int64_t column = 0; column < parquet_columns(file); column++)
        if (parquet_column_kind(file, column) == PARQUET_TEXT)
            return column;
    return -1;
}

static enum status find_text(const struct reader *reader, struct parquet_rows *rows)
{
    static const char *const kinds[] = {[PARQUET_TEXT] = "text",
                                        [PARQUET_INTEGER] = "integers",
                                        [PARQUET_REAL] = "real numbers",
                                        [PARQUET_BOOLEAN] = "booleans",
                                        [PARQUET_OTHER] = "nested or of a kind that cannot be read"};
    const char *field = reader->corpus->settings.text_field;
    rows->text = field != NULL ? parquet_find_column(rows->file, field) : first_text_column(rows->file);
    if (rows->text >= 0 && parquet_column_kind(rows->file, rows->text) == PARQUET_TEXT)
        return STATUS_OK;
    struct buffer names = {0};
    enum status status = list_columns(rows->file, &names);
    const char *found = names.length > 0 ? names.data : "none";
    if (status == STATUS_OK && rows->text < 0)
        status = field != NULL ? fail(STATUS_FAILED, "%s: no column \"%s\", the columns are %s",
                                      path_of(reader), field, found)
                               : fail(STATUS_FAILED, "%s: no column of text, the columns are %s",
                                      path_of(reader), found);
    else if (status == STATUS_OK)
        status = fail(STATUS_FAILED, "%s: column \"%s\" is %s, expected text; the columns are %s",
                      path_of(reader), field, kinds[parquet_column_kind(rows->file, rows->text)], found);
    buffer_free(&names);
    return status;
}

/* Records that lack something must not come as a surprise: told once, for the first such file. */
static enum status tell_left_out(struct reader *reader, const struct parquet_rows *rows)
{
    const struct corpus_settings *settings = &reader->corpus->settings;
    struct buffer names = {0};
    enum status status = STATUS_OK;
    if (!settings->whole_records || settings->quiet || reader->index != 0 || reader->told_left_out)
        return STATUS_OK;
    for (int64_t column = 0; column < rows->columns && status == STATUS_OK; column++) {
        const char *name = parquet_column_name(rows->file, column);
        if (parquet_column_kind(rows->file, column) != PARQUET_OTHER)
            continue;
        if (names.length > 0)
            status = buffer_append(&names, ", ", 2);
        if (status == STATUS_OK)
            status = json_write_text(&names, name, strlen(name));
    }
    if (status == STATUS_OK && names.length > 0) {
        reader->told_left_out = true;
        log_warning("%s: columns that are nested or of a kind that cannot be read are left out of the "
                    "records, here and in other files: %s",
                    path_of(reader), names.data);
    }
    buffer_free(&names);
    return status;
}

static bool is_number(enum parquet_kind kind)
{
    return kind == PARQUET_INTEGER || kind == PARQUET_REAL;
}

static enum status open_columns(const struct reader *reader, struct parquet_rows *rows)
{
    const struct corpus_settings *settings = &reader->corpus->settings;
    rows->columns = parquet_columns(rows->file);
    rows->score = settings->score_field != NULL ? parquet_find_column(rows->file, settings->score_field) : -1;
    if (rows->score >= 0 && !is_number(parquet_column_kind(rows->file, rows->score)))
        rows->score = -1;
    rows->cursors = memory_allocate(rows->columns, sizeof *rows->cursors, "the columns of a Parquet file");
    if (rows->cursors == NULL)
        return STATUS_FAILED;
    for (int64_t column = 0; column < rows->columns; column++) {
        bool readable = parquet_column_kind(rows->file, column) != PARQUET_OTHER;
        if (column == rows->text || column == rows->score || (settings->whole_records && readable))
            TRY(parquet_cursor_open(rows->file, column, &rows->cursors[column]));
    }
    return STATUS_OK;
}

/* As many rows as have about the bytes of a segment. */
static int64_t rows_per_segment(const struct parquet_rows *rows, int64_t segment)
{
    double all = (double)parquet_rows(rows->file),
           bytes = (double)parquet_column_bytes(rows->file, rows->text);
    double share = bytes > 0 ? all * (double)segment / bytes : all;
    share = share < all ? share : all;
    return share > 1 ? (int64_t)share : 1;
}

/* Messages about what is in a file begin with its path; others (no memory, a disk that fails) are no matter
 * of one file. */
static bool is_damage(const struct reader *reader)
{
    const char *path = path_of(reader);
    return strncmp(status_message(), path, strlen(path)) == 0;
}

/* A file that cannot be used at all. Every reader finds that out; the one that has its start counts it. */
static enum status reject_file(struct reader *reader, int64_t *count)
{
    if (!reader->corpus->settings.skip_errors || !is_damage(reader))
        return STATUS_FAILED;
    bool counts = reader_owns(reader, division_part(&reader->division, reader->corpus, reader->file, 0));
    return counts ? reader_skip(reader, count) : STATUS_OK;
}

enum status parquet_rows_open(struct reader *reader)
{
    struct parquet_rows *rows = memory_allocate(1, sizeof *rows, "a Parquet file");
    if (rows == NULL)
        return STATUS_FAILED;
    reader->rows = rows;
    if (parquet_open(path_of(reader), &rows->file) != STATUS_OK)
        return reject_file(reader, &reader->report.truncated);
    if (find_text(reader, rows) != STATUS_OK)
        return reject_file(reader, &reader->report.missing_field);
    TRY(open_columns(reader, rows));
    TRY(tell_left_out(reader, rows));
    int64_t limit = reader->corpus->settings.max_documents;
    rows->rows = parquet_rows(rows->file);
    if (limit > 0 && rows->rows > limit - reader->seen)
        rows->rows = limit - reader->seen;
    reader->seen += rows->rows;
    rows->per_segment = rows_per_segment(rows, reader->division.segment);
    return STATUS_OK;
}

void parquet_rows_close(struct reader *reader)
{
    struct parquet_rows *rows = reader->rows;
    if (rows == NULL)
        return;
    for (int64_t column = 0; column < rows->columns && rows->cursors != NULL; column++)
        parquet_cursor_close(rows->cursors[column]);
    memory_free(rows->cursors);
    parquet_close(rows->file);
    memory_free(rows);
    reader->rows = NULL;
}

double parquet_rows_done(const struct reader *reader)
{
    return reader->rows->rows > 0 ? (double)reader->rows->row / (double)reader->rows->rows : 1.0;
}

int64_t parquet_rows_at(const struct reader *reader)
{
    return reader->rows->row;
}

/* --- records --- */

/* The shortest decimal number that reads back as the same; JSON has none for what is not finite. */
static enum status write_real(struct buffer *out, double value)
{
    char text[40];
    if (!isfinite(value))
        return buffer_append(out, "null", 4);
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    return buffer_append(out, text, strlen(text));
}

static enum status write_value(struct buffer *out, const struct parquet_file *file, int64_t column,
                               const struct parquet_value *value)
{
    if (value->null)
        return buffer_append(out, "null", 4);
    switch (parquet_column_kind(file, column)) {
    case PARQUET_TEXT:
        return json_write_text(out, value->text, value->length);
    case PARQUET_REAL:
        return write_real(out, value->real);
    case PARQUET_BOOLEAN:
        return buffer_printf(out, "%s", value->integer != 0 ? "true" : "false");
    default:
        return parquet_column_is_unsigned(file, column)
                   ? buffer_printf(out, "%" PRIu64, (uint64_t)value->integer)
                   : buffer_printf(out, "%" PRId64, value->integer);
    }
}

/* The value of a column in the row where reading stands. */
static enum status read_value(const struct parquet_rows *rows, int64_t column, struct parquet_value *out)
{
    TRY(parquet_cursor_seek(rows->cursors[column], rows->row));
    return parquet_cursor_next(rows->cursors[column], out);
}

static enum status make_record(struct reader *reader, struct document *out)
{
    const struct parquet_rows *rows = reader->rows;
    struct buffer *record = &reader->record;
    buffer_clear(record);
    for (int64_t column = 0; column < rows->columns; column++) {
        struct parquet_value value = {.text = out->text, .length = out->length};
        const char *name = parquet_column_name(rows->file, column);
        if (rows->cursors[column] == NULL)
            continue;
        if (column == rows->score)
            value = rows->score_here; /* not read again: a cursor goes back by decoding its page anew */
        else if (column != rows->text)
            TRY(read_value(rows, column, &value));
        TRY(buffer_append(record, record->length > 0 ? ", " : "{", record->length > 0 ? 2 : 1));
        TRY(json_write_text(record, name, strlen(name)));
        TRY(buffer_append(record, ": ", 2));
        TRY(write_value(record, rows->file, column, &value));
    }
    TRY(buffer_append(record, "}", 1));
    out->record = record->data;
    out->record_length = record->length;
    return STATUS_OK;
}

/* --- rows --- */

static int64_t part_of(const struct reader *reader, int64_t row)
{
    return division_part_of_segment(&reader->division, reader->corpus, reader->file,
                                    row / reader->rows->per_segment);
}

/* Goes to the next row in an own segment; false where there is none. */
static bool find_own_row(struct reader *reader)
{
    struct parquet_rows *rows = reader->rows;
    while (rows->row >= rows->run_end && rows->row < rows->rows) {
        int64_t left = rows->per_segment - rows->row % rows->per_segment;
        int64_t end = left < rows->rows - rows->row ? rows->row + left : rows->rows;
        rows->run_end = end;
        if (!reader_owns(reader, part_of(reader, rows->row)))
            rows->row = end;
    }
    return rows->row < rows->rows;
}

static enum status check_text(struct reader *reader, const struct parquet_value *value, bool *good)
{
    const char *field = reader->corpus->settings.text_field;
    *good = field == NULL;
    if (*good)
        return STATUS_OK;
    if (value->null || value->length == 0)
        return reader_reject(reader, &reader->report.empty, 0, "empty document: column \"%s\" %s", field,
                             value->null ? "is null" : "has no text");
    int64_t invalid = utf8_find_invalid(value->text, value->length);
    if (invalid >= 0)
        return reader_reject(reader, &reader->report.invalid_utf8, 0,
                             "invalid UTF-8: byte 0x%02X at byte %lld of column \"%s\"",
                             (unsigned char)value->text[invalid], (long long)invalid, field);
    *good = true;
    return STATUS_OK;
}

/* Reads what is wanted of a row. Failure is damage of the file, or a rejected row without skip_errors. */
static enum status read_row(struct reader *reader, struct document *out, bool *good)
{
    struct parquet_rows *rows = reader->rows;
    struct parquet_value text;
    const struct parquet_value *score = &rows->score_here;
    TRY(read_value(rows, rows->text, &text));
    TRY(check_text(reader, &text, good));
    if (!*good)
        return STATUS_OK;
    out->text = text.null ? "" : text.text;
    out->length = text.null ? 0 : text.length;
    if (rows->score >= 0) {
        TRY(read_value(rows, rows->score, &rows->score_here));
        if (!score->null)
            out->score = parquet_column_kind(rows->file, rows->score) == PARQUET_REAL
                             ? score->real
                             : (double)score->integer;
    }
    if (reader->corpus->settings.whole_records)
        TRY(make_record(reader, out));
    if (reader->corpus->settings.text_field == NULL) {
        out->text = out->record;
        out->length = out->record_length;
    }
    return STATUS_OK;
}

/* A damaged page or dictionary costs several segments, and is told once. */
static enum status skip_damage(struct reader *reader)
{
    struct parquet_rows *rows = reader->rows;
    rows->row = rows->run_end;
    if (strcmp(rows->told, status_message()) == 0) {
        reader->report.truncated++;
        return STATUS_OK;
    }
    snprintf(rows->told, sizeof rows->told, "%s", status_message());
    return reader_skip(reader, &reader->report.truncated);
}

enum status parquet_rows_next(struct reader *reader, struct document *out, bool *found)
{
    struct parquet_rows *rows = reader->rows;
    for (*found = false; !*found && find_own_row(reader);) {
        *out = reader_document(reader, rows->row, part_of(reader, rows->row));
        enum status status = read_row(reader, out, found);
        if (status == STATUS_OK) {
            rows->row++;
            continue;
        }
        if (!reader->corpus->settings.skip_errors || !is_damage(reader))
            return status;
        *found = false;
        TRY(skip_damage(reader));
    }
    return STATUS_OK;
}
