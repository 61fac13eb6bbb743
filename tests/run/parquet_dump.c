/* parquet_dump FILE [--seek=N]: prints the rows of a Parquet file as JSON lines, every N-th one with --seek,
 * for tests that compare them with what other programs read. Columns that cannot be read are left out;
 * numbers that JSON does not have, or not exactly, are strings. parquet_dump --time FILE COLUMN walks over a
 * column of texts and says how fast. */
#include "llmpi/base/json.h"
#include "llmpi/base/memory.h"
#include "llmpi/corpus/parquet.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static enum status write_value(struct buffer *out, enum parquet_kind kind, const struct parquet_value *value)
{
    if (value->null)
        return buffer_printf(out, "null");
    if (kind == PARQUET_TEXT)
        return json_write_text(out, value->text, value->length);
    if (kind == PARQUET_INTEGER && llabs(value->integer / 2) >= (long long)1 << 52)
        return buffer_printf(out, "\"%lld\"", (long long)value->integer);
    if (kind == PARQUET_INTEGER)
        return buffer_printf(out, "%lld", (long long)value->integer);
    if (kind == PARQUET_BOOLEAN)
        return buffer_printf(out, "%s", value->integer != 0 ? "true" : "false");
    if (isnan(value->real))
        return buffer_printf(out, "\"NaN\"");
    if (isinf(value->real))
        return buffer_printf(out, value->real > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    return buffer_printf(out, "%.17g", value->real);
}

/* One row; a column's cursor is opened when it is first needed. */
static enum status write_row(struct parquet_file *file, struct parquet_cursor **cursors, int64_t row,
                             bool seek, struct buffer *out)
{
    const char *separator = "{";
    for (int64_t c = 0; c < parquet_columns(file); c++) {
        struct parquet_value value;
        if (parquet_column_kind(file, c) == PARQUET_OTHER)
            continue;
        if (cursors[c] == NULL)
            TRY(parquet_cursor_open(file, c, &cursors[c]));
        if (seek)
            TRY(parquet_cursor_seek(cursors[c], row));
        TRY(parquet_cursor_next(cursors[c], &value));
        const char *name = parquet_column_name(file, c);
        TRY(buffer_printf(out, "%s", separator));
        TRY(json_write_text(out, name, strlen(name)));
        TRY(buffer_printf(out, ":"));
        TRY(write_value(out, parquet_column_kind(file, c), &value));
        separator = ",";
    }
    return buffer_printf(out, "%s\n", separator[0] == '{' ? "{}" : "}");
}

static enum status dump(const char *path, int64_t step)
{
    struct parquet_file *file;
    struct buffer line = {0};
    TRY(parquet_open(path, &file));
    int64_t columns = parquet_columns(file);
    struct parquet_cursor **cursors = memory_allocate(columns, sizeof(struct parquet_cursor *), "cursors");
    enum status status = cursors != NULL ? STATUS_OK : STATUS_FAILED;
    for (int64_t row = 0; status == STATUS_OK && row<parquet_rows(file); row += step> 0 ? step : 1) {
        buffer_clear(&line);
        status = write_row(file, cursors, row, step > 0, &line);
        if (status == STATUS_OK)
            fwrite(line.data, 1, line.length, stdout);
    }
    for (int64_t c = 0; cursors != NULL && c < columns; c++)
        parquet_cursor_close(cursors[c]);
    memory_free(cursors);
    buffer_free(&line);
    parquet_close(file);
    return status;
}

static enum status measure(const char *path, const char *name)
{
    struct parquet_file *file;
    struct parquet_cursor *cursor;
    struct parquet_value value;
    int64_t bytes = 0;
    TRY(parquet_open(path, &file));
    int64_t column = parquet_find_column(file, name);
    if (column < 0)
        return fail(STATUS_FAILED, "%s: no column %s", path, name);
    TRY(parquet_cursor_open(file, column, &cursor));
    for (int64_t row = 0; row < parquet_rows(file); row++) {
        TRY(parquet_cursor_next(cursor, &value));
        bytes += (int64_t)value.length;
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double seconds = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                     1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    printf("%lld rows, %lld bytes of text in %.3f s of processor time: %.0f MB/s, peak memory %ld KiB\n",
           (long long)parquet_rows(file), (long long)bytes, seconds, (double)bytes / seconds / 1e6,
           usage.ru_maxrss);
    parquet_cursor_close(cursor);
    parquet_close(file);
    return STATUS_OK;
}

int main(int argc, char **argv)
{
    enum status status = STATUS_USAGE;
    if (argc == 4 && strcmp(argv[1], "--time") == 0)
        status = measure(argv[2], argv[3]);
    else if (argc == 2 || (argc == 3 && strncmp(argv[2], "--seek=", 7) == 0))
        status = dump(argv[1], argc == 3 ? atoll(argv[2] + 7) : 0);
    else
        fail(STATUS_USAGE, "usage: parquet_dump FILE [--seek=N] | parquet_dump --time FILE COLUMN");
    if (status != STATUS_OK)
        fprintf(stderr, "%s\n", status_message());
    return (int)status;
}
