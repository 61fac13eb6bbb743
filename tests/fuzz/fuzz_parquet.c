/* libFuzzer on the Parquet reader: the bytes are a file, of which every column is read forwards and then at
 * some rows from the end to the beginning. Files may say that they have any number of rows; the first ones
 * are enough. */
#include "llmpi/corpus/parquet.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MOST_ROWS = 2000, MOST_COLUMNS = 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile long touched; /* so that texts are read in full */

static void touch(const struct parquet_value *value)
{
    for (size_t i = 0; i < value->length; i++)
        touched += value->text[i];
}

static void walk(struct parquet_cursor *cursor, int64_t rows)
{
    struct parquet_value value;
    int64_t limit = rows < MOST_ROWS ? rows : MOST_ROWS;
    for (int64_t row = 0; row < limit && parquet_cursor_next(cursor, &value) == STATUS_OK; row++)
        touch(&value);
    for (int64_t row = limit; row >= 0; row -= 1 + limit / 7)
        if (parquet_cursor_seek(cursor, row) == STATUS_OK && parquet_cursor_next(cursor, &value) == STATUS_OK)
            touch(&value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    struct parquet_file *file;
    int descriptor = memfd_create("parquet", MFD_CLOEXEC);
    if (descriptor < 0 || write(descriptor, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    if (parquet_open(path, &file) == STATUS_OK) {
        int64_t columns = parquet_columns(file);
        for (int64_t c = 0; c < columns && c < MOST_COLUMNS; c++) {
            struct parquet_cursor *cursor;
            if (parquet_cursor_open(file, c, &cursor) == STATUS_OK) {
                walk(cursor, parquet_rows(file));
                parquet_cursor_close(cursor);
            }
        }
        parquet_close(file);
    }
    close(descriptor);
    return 0;
}
