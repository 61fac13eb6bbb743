/* Parquet files with one column and one page, made by hand from the numbers that a test wants to be in them,
 * and what the reader says to them. For cmocka tests, after its header. */
#ifndef TESTS_UNIT_PARQUET_MAKING_H
#define TESTS_UNIT_PARQUET_MAKING_H

#include "llmpi/base/buffer.h"
#include "llmpi/corpus/parquet.h"
#include "scratch.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Numbers as in parquet.thrift; `made_page` gives a file of one required text. */
struct made {
    int64_t type, repetition, converted, codec;          /* of the column; converted -1: none */
    int64_t page_type, encoding, level_encoding, values; /* of the page */
    int64_t level_bytes;
    int64_t rows, chunk_values, chunk_size, data_offset; /* -1: what is right */
    int64_t compressed, uncompressed;                    /* -1: the bytes that are there */
    int64_t checksum;                                    /* -1: none */
    const char *dictionary;                              /* NULL, or the bytes of a dictionary page */
    size_t dictionary_length;
    int64_t dictionary_values;
    bool encrypted, elsewhere; /* the column says so */
    const char *page;
    size_t length;
};

enum { REQUIRED, OPTIONAL, REPEATED };
enum { BOOLEAN, INT32, INT64, INT96, FLOAT, DOUBLE, BYTE_ARRAY, FIXED };
enum {
    PLAIN = 0,
    DICTIONARY = 2,
    RLE = 3,
    BIT_PACKED = 4,
    DELTAS = 5,
    DELTA_LENGTHS = 6,
    DELTA_TEXTS = 7,
    SPLIT = 9
};
#define MADE(bytes)                                                                                          \
    {                                                                                                        \
        .type = 6, .converted = -1, .level_encoding = 3, .values = 1, .rows = -1, .chunk_values = -1,        \
        .chunk_size = -1, .data_offset = -1, .compressed = -1, .uncompressed = -1, .checksum = -1,           \
        .page = (bytes), .length = sizeof(bytes) - 1                                                         \
    }

static inline void put_byte(struct buffer *out, unsigned value)
{
    assert_int_equal(buffer_append(out, &(uint8_t){(uint8_t)value}, 1), STATUS_OK);
}

static inline void put_varint(struct buffer *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        put_byte(out, (unsigned)(value & 0x7F) | 0x80);
    put_byte(out, (unsigned)value);
}

/* Field number `id` of type I64, for which Thrift's readers of I32 do not care here. */
static inline void put_integer(struct buffer *out, unsigned *last, unsigned id, int64_t value)
{
    put_byte(out, (id - *last) << 4 | 6);
    put_varint(out, (uint64_t)value << 1 ^ (uint64_t)(value >> 63));
    *last = id;
}

static inline void put_header(struct buffer *out, unsigned *last, unsigned id, unsigned type)
{
    put_byte(out, (id - *last) << 4 | type);
    *last = id;
}

static inline void put_text(struct buffer *out, unsigned *last, unsigned id, const char *text)
{
    put_header(out, last, id, 8);
    put_varint(out, strlen(text));
    assert_int_equal(buffer_append(out, text, strlen(text)), STATUS_OK);
}

static inline void put_page(struct buffer *out, const struct made *made)
{
    unsigned last = 0, inner = 0;
    put_integer(out, &last, 1, made->page_type);
    put_integer(out, &last, 2, made->uncompressed >= 0 ? made->uncompressed : (int64_t)made->length);
    put_integer(out, &last, 3, made->compressed >= 0 ? made->compressed : (int64_t)made->length);
    if (made->checksum >= 0)
        put_integer(out, &last, 4, (int32_t)(uint32_t)made->checksum);
    put_header(out, &last, made->page_type == 3 ? 8 : 5, 12);
    put_integer(out, &inner, 1, made->values);
    if (made->page_type == 3) {
        put_integer(out, &inner, 2, 0);
        put_integer(out, &inner, 3, made->values);
        put_integer(out, &inner, 4, made->encoding);
        put_integer(out, &inner, 5, made->level_bytes);
        put_integer(out, &inner, 6, 0);
    } else {
        put_integer(out, &inner, 2, made->encoding);
        put_integer(out, &inner, 3, made->level_encoding);
        put_integer(out, &inner, 4, 3);
    }
    put_byte(out, 0);
    put_byte(out, 0);
    assert_int_equal(buffer_append(out, made->page, made->length), STATUS_OK);
}

static inline void put_dictionary(struct buffer *out, const struct made *made)
{
    unsigned last = 0, inner = 0;
    put_integer(out, &last, 1, 2);
    put_integer(out, &last, 2, (int64_t)made->dictionary_length);
    put_integer(out, &last, 3, (int64_t)made->dictionary_length);
    put_header(out, &last, 7, 12);
    put_integer(out, &inner, 1, made->dictionary_values);
    put_integer(out, &inner, 2, 0);
    put_byte(out, 0);
    put_byte(out, 0);
    assert_int_equal(buffer_append(out, made->dictionary, made->dictionary_length), STATUS_OK);
}

static inline void put_schema(struct buffer *out, unsigned *last, const struct made *made)
{
    unsigned root = 0, column = 0;
    put_header(out, last, 2, 9);
    put_byte(out, 2 << 4 | 12);
    put_text(out, &root, 4, "schema");
    put_integer(out, &root, 5, 1);
    put_byte(out, 0);
    put_integer(out, &column, 1, made->type);
    put_integer(out, &column, 3, made->repetition);
    put_text(out, &column, 4, "text");
    if (made->converted >= 0)
        put_integer(out, &column, 6, made->converted);
    put_byte(out, 0);
}

/* The only row group: a list of one structure in which is a list of one structure. */
static inline void put_row_group(struct buffer *out, unsigned *last, const struct made *made,
                                 int64_t data_offset, int64_t size)
{
    unsigned group = 0, chunk = 0, inner = 0;
    put_header(out, last, 4, 9);
    put_byte(out, 1 << 4 | 12);
    put_header(out, &group, 1, 9);
    put_byte(out, 1 << 4 | 12);
    if (made->elsewhere)
        put_text(out, &chunk, 1, "other.parquet");
    put_header(out, &chunk, 3, 12);
    put_integer(out, &inner, 1, made->type);
    put_integer(out, &inner, 4, made->codec);
    put_integer(out, &inner, 5, made->chunk_values >= 0 ? made->chunk_values : made->values);
    put_integer(out, &inner, 6, size);
    put_integer(out, &inner, 7, made->chunk_size != -1 ? made->chunk_size : size);
    put_integer(out, &inner, 9, made->data_offset != -1 ? made->data_offset : data_offset);
    if (made->dictionary != NULL)
        put_integer(out, &inner, 11, 4);
    put_byte(out, 0);
    if (made->encrypted) {
        put_header(out, &chunk, 8, 12);
        put_byte(out, 0);
    }
    put_byte(out, 0);
    put_integer(out, &group, 3, made->values);
    put_byte(out, 0);
}

static inline void put_tail(struct buffer *out, size_t footer_length)
{
    for (unsigned shift = 0; shift < 32; shift += 8)
        put_byte(out, (unsigned)(footer_length >> shift) & 0xFF);
    assert_int_equal(buffer_append(out, "PAR1", 4), STATUS_OK);
}

/* The whole file; returns where its footer begins. */
static inline size_t put_file(struct buffer *out, const struct made *made)
{
    unsigned last = 0;
    assert_int_equal(buffer_append(out, "PAR1", 4), STATUS_OK);
    if (made->dictionary != NULL)
        put_dictionary(out, made);
    int64_t data_offset = (int64_t)out->length;
    put_page(out, made);
    size_t footer = out->length;
    put_schema(out, &last, made);
    put_integer(out, &last, 3, made->rows >= 0 ? made->rows : made->values);
    put_row_group(out, &last, made, data_offset, (int64_t)footer - 4);
    put_byte(out, 0);
    put_tail(out, out->length - footer);
    return footer;
}

/* Appends what a column holds: "a|null|12|0.5|", or the message of the failure. */
static inline enum status read_column(struct parquet_file *file, int64_t column, struct buffer *out)
{
    struct parquet_cursor *cursor;
    enum status status = parquet_cursor_open(file, column, &cursor);
    enum parquet_kind kind = parquet_column_kind(file, column);
    for (int64_t row = 0; status == STATUS_OK && row < parquet_rows(file); row++) {
        struct parquet_value value;
        status = parquet_cursor_next(cursor, &value);
        if (status != STATUS_OK)
            break;
        if (value.null)
            buffer_printf(out, "null|");
        else if (kind == PARQUET_TEXT)
            buffer_printf(out, "%.*s|", (int)value.length, value.text);
        else if (kind == PARQUET_REAL)
            buffer_printf(out, "%g|", value.real);
        else
            buffer_printf(out, "%lld|", (long long)value.integer);
    }
    if (status != STATUS_OK)
        buffer_printf(out, "%s", status_message());
    parquet_cursor_close(cursor);
    return status;
}

/* A file without a disk, for tests that make thousands; the next call overwrites it. */
static inline const char *write_memory(const void *data, size_t length)
{
    static char path[64];
    static int descriptor = -1;
    if (descriptor < 0)
        descriptor = memfd_create("parquet", MFD_CLOEXEC);
    assert_true(descriptor >= 0);
    assert_int_equal(ftruncate(descriptor, 0), 0);
    assert_int_equal(pwrite(descriptor, data, length, 0), length);
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    return path;
}

/* The only column of a file, or the message with which opening or reading fails. The result stays until the
 * next call. */
static inline const char *read_made(const struct made *made)
{
    static struct buffer out;
    struct buffer bytes = {0};
    struct parquet_file *file;
    put_file(&bytes, made);
    const char *path = write_memory(bytes.data, bytes.length);
    buffer_free(&bytes);
    buffer_clear(&out);
    assert_int_equal(buffer_reserve(&out, 1), STATUS_OK);
    if (parquet_open(path, &file) != STATUS_OK)
        buffer_printf(&out, "%s", status_message());
    else {
        assert_int_equal(parquet_find_column(file, "text"), 0);
        assert_int_equal(parquet_find_column(file, "tex"), -1);
        read_column(file, 0, &out);
    }
    parquet_close(file);
    return out.data;
}

static inline void assert_message(const char *found, const char *wanted)
{
    if (strstr(found, wanted) == NULL)
        fail_msg("'%s' is not in '%s'", wanted, found);
}

#endif
