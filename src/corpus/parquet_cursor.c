/* A place in a column. A seek only notes the row; the next value is then found in three steps, each of which
 * is left out where the cursor stands right already: the row group (from the footer), the page (by page
 * headers), and the value (by decoding the page from where it stands). Levels say which values are null: 1 is
 * a value, 0 is none. */
#include "parquet_private.h"

#include "llmpi/base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum status cursor_fail(const struct parquet_cursor *cursor, int64_t offset, const char *format, ...)
{
    char problem[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(problem, sizeof problem, format, arguments);
    va_end(arguments);
    return fail(STATUS_FAILED, "%s: row group %lld, column \"%.100s\", byte %lld: %s", cursor->file->path,
                (long long)cursor->group, cursor->column->name, (long long)offset, problem);
}

enum status parquet_cursor_open(struct parquet_file *file, int64_t column, struct parquet_cursor **out)
{
    *out = NULL;
    const struct parquet_column *wanted = &file->columns[column];
    if (wanted->kind == PARQUET_OTHER)
        return fail(
            STATUS_FAILED,
            "%s: column \"%.100s\" is %s, expected a flat column of strings, integers, real numbers or "
            "booleans",
            file->path, wanted->name, wanted->what);
    struct parquet_cursor *cursor = memory_allocate(1, sizeof *cursor, "a cursor on a Parquet file");
    if (cursor == NULL)
        return STATUS_FAILED;
    cursor->file = file;
    cursor->column = wanted;
    cursor->group = cursor->dictionary_group = -1;
    enum status status = decompressor_open(&cursor->decompressor);
    if (status == STATUS_OK)
        *out = cursor;
    else
        parquet_cursor_close(cursor);
    return status;
}

void parquet_cursor_close(struct parquet_cursor *cursor)
{
    if (cursor == NULL)
        return;
    decompressor_close(cursor->decompressor);
    free(cursor->header_bytes.data);
    free(cursor->compressed.data);
    free(cursor->uncompressed.data);
    free(cursor->dictionary_bytes.data);
    free(cursor->joined.data);
    free(cursor->dictionary.offsets);
    memory_free(cursor);
}

int64_t parquet_cursor_bytes(const struct parquet_cursor *cursor)
{
    return cursor->bytes;
}

enum status parquet_cursor_seek(struct parquet_cursor *cursor, int64_t row)
{
    if (row < 0 || row > cursor->file->rows)
        return fail(STATUS_FAILED, "%s: no row %lld, the file has %lld", cursor->file->path, (long long)row,
                    (long long)cursor->file->rows);
    cursor->row = row;
    return STATUS_OK;
}

/* The row group with the cursor's row: the last one that begins at or before it (empty ones begin where the
 * next one does). */
static int64_t find_group(const struct parquet_cursor *cursor)
{
    int64_t low = 0, high = cursor->file->group_count;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (cursor->file->groups[middle].first_row <= cursor->row)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static enum status check_chunk(const struct parquet_cursor *cursor, int64_t begin)
{
    const struct parquet_chunk *chunk = cursor->chunk;
    int64_t end;
    if (chunk->encrypted || (chunk->type < 0 && cursor->file->encrypted_columns))
        return cursor_fail(cursor, begin, "the column is encrypted, which cannot be read");
    if (chunk->elsewhere)
        return cursor_fail(cursor, begin, "the column is in another file, which cannot be read");
    if (page_unreadable_codec(chunk->codec) != NULL)
        return cursor_fail(
            cursor, begin,
            "codec %lld, %s, cannot be read, expected UNCOMPRESSED, SNAPPY, GZIP, ZSTD or LZ4_RAW",
            (long long)chunk->codec, page_unreadable_codec(chunk->codec));
    if (chunk->type != cursor->column->type)
        return cursor_fail(cursor, begin, "the column has type %lld here, the schema says %lld",
                           (long long)chunk->type, (long long)cursor->column->type);
    if (chunk->values != cursor->file->groups[cursor->group].rows)
        return cursor_fail(cursor, begin, "the column has %lld values, the row group has %lld rows",
                           (long long)chunk->values, (long long)cursor->file->groups[cursor->group].rows);
    if (begin < 4 || chunk->compressed < 0 || __builtin_add_overflow(begin, chunk->compressed, &end) ||
        end > cursor->file->data_end)
        return cursor_fail(
            cursor, begin,
            "the column should have %lld bytes here, but the data are bytes 4 to %lld of the file",
            (long long)chunk->compressed, (long long)cursor->file->data_end);
    return STATUS_OK;
}

/* Goes in front of the first page of a row group. */
static enum status enter_group(struct parquet_cursor *cursor, int64_t group)
{
    const struct row_group *entered = &cursor->file->groups[group];
    const struct parquet_chunk *chunk = &cursor->file->chunks[entered->first_chunk + cursor->column->leaf];
    bool dictionary_first = chunk->dictionary_offset > 0 && chunk->dictionary_offset < chunk->data_offset;
    int64_t begin = dictionary_first ? chunk->dictionary_offset : chunk->data_offset;
    cursor->group = group;
    cursor->chunk = chunk;
    cursor->loaded = cursor->has_dictionary_page = false;
    cursor->first_row = entered->first_row;
    cursor->page.values = 0;
    TRY(check_chunk(cursor, begin));
    cursor->position = begin;
    cursor->chunk_end = begin + chunk->compressed;
    return STATUS_OK;
}

/* Moves on to the next page with rows. */
static enum status next_page(struct parquet_cursor *cursor)
{
    const struct row_group *group = &cursor->file->groups[cursor->group];
    int64_t behind = cursor->first_row + cursor->page.values;
    struct page_header page;
    if (cursor->position >= cursor->chunk_end)
        return cursor_fail(cursor, cursor->position, "the column ends after %lld of %lld rows",
                           (long long)(behind - group->first_row), (long long)group->rows);
    TRY(page_read_header(cursor, &page));
    if (page.type == PAGE_DICTIONARY) {
        cursor->dictionary_page = page;
        cursor->has_dictionary_page = true;
    }
    if (page.type != PAGE_DATA && page.type != PAGE_DATA_V2)
        return STATUS_OK;
    cursor->first_row = behind;
    cursor->page = page;
    cursor->loaded = false;
    if (page.values > group->first_row + group->rows - behind)
        return cursor_fail(cursor, page.offset, "the page has %lld rows, its row group has %lld left",
                           (long long)page.values, (long long)(group->first_row + group->rows - behind));
    return STATUS_OK;
}

static enum status load_dictionary(struct parquet_cursor *cursor)
{
    struct page_body body;
    if (cursor->dictionary_group == cursor->group)
        return STATUS_OK;
    if (!cursor->has_dictionary_page)
        return cursor_fail(cursor, cursor->page.offset,
                           "the page needs a dictionary, which does not come before it");
    cursor->dictionary_group = -1;
    TRY(page_read_body(cursor, &cursor->dictionary_page, &cursor->dictionary_bytes, &body));
    TRY(values_index_dictionary(cursor, &body));
    cursor->dictionary_group = cursor->group;
    return STATUS_OK;
}

/* Version 1 has the number of their bytes before the levels. */
static enum status split_levels(struct parquet_cursor *cursor, struct page_body *body)
{
    size_t size = (size_t)(body->end - body->values);
    if (cursor->page.type == PAGE_DATA_V2 || !cursor->column->optional)
        return STATUS_OK;
    if (cursor->page.level_encoding != ENCODING_RLE)
        return cursor_fail(cursor, cursor->page.offset,
                           "definition levels with encoding %lld cannot be read, expected RLE (%d)",
                           (long long)cursor->page.level_encoding, ENCODING_RLE);
    if (size < 4 || size - 4 < load_u32(body->values))
        return cursor_fail(cursor, cursor->page.offset, "the definition levels are longer than their page");
    body->levels = body->values + 4;
    body->levels_end = body->values = body->levels + load_u32(body->values);
    return STATUS_OK;
}

/* Begins to decode the page in memory. */
static enum status begin_page(struct parquet_cursor *cursor)
{
    hybrid_begin(&cursor->levels, cursor->body.levels, cursor->body.levels_end, 1);
    cursor->decoded_row = cursor->first_row;
    return values_begin(cursor, cursor->body.values, cursor->body.end);
}

static enum status load_page(struct parquet_cursor *cursor)
{
    int64_t encoding = cursor->page.encoding;
    if (encoding == ENCODING_PLAIN_DICTIONARY || encoding == ENCODING_RLE_DICTIONARY)
        TRY(load_dictionary(cursor));
    TRY(page_read_body(cursor, &cursor->page, &cursor->uncompressed, &cursor->body));
    TRY(split_levels(cursor, &cursor->body));
    TRY(begin_page(cursor));
    cursor->loaded = true;
    return STATUS_OK;
}

static enum status decode(struct parquet_cursor *cursor, struct parquet_value *out)
{
    uint32_t level = 1;
    const char *problem = NULL;
    *out = (struct parquet_value){0};
    if (cursor->column->optional && !hybrid_next(&cursor->levels, &level))
        problem = "the definition levels end too early";
    else if (level == 0)
        out->null = true;
    else
        problem = values_next(cursor, out);
    if (problem != NULL)
        return cursor_fail(cursor, cursor->page.offset, "row %lld of the file: %s",
                           (long long)cursor->decoded_row, problem);
    cursor->decoded_row++;
    return STATUS_OK;
}

/* Makes the cursor's row the next to be decoded. */
static enum status find_row(struct parquet_cursor *cursor)
{
    int64_t group = find_group(cursor);
    struct parquet_value passed;
    if (group != cursor->group || cursor->row < cursor->first_row)
        TRY(enter_group(cursor, group));
    while (cursor->row >= cursor->first_row + cursor->page.values)
        TRY(next_page(cursor));
    if (!cursor->loaded)
        TRY(load_page(cursor));
    else if (cursor->row < cursor->decoded_row)
        TRY(begin_page(cursor));
    while (cursor->decoded_row < cursor->row)
        TRY(decode(cursor, &passed));
    return STATUS_OK;
}

enum status parquet_cursor_next(struct parquet_cursor *cursor, struct parquet_value *out)
{
    enum status status = STATUS_OK;
    if (cursor->row >= cursor->file->rows)
        return fail(STATUS_FAILED, "%s: no row %lld, the file has %lld", cursor->file->path,
                    (long long)cursor->row, (long long)cursor->file->rows);
    if (!cursor->loaded || cursor->row != cursor->decoded_row ||
        cursor->row >= cursor->first_row + cursor->page.values)
        status = find_row(cursor);
    if (status == STATUS_OK)
        status = decode(cursor, out);
    if (status == STATUS_OK)
        cursor->row++;
    else
        cursor->group = -1; /* where decoding failed, it begins anew */
    return status;
}
