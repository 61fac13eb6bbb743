/* Parquet files with one column and one page, made by hand from the numbers that a test wants to be in them.
 * For cmocka tests, after its header. */
#ifndef TESTS_UNIT_PARQUET_MAKING_H
#define TESTS_UNIT_PARQUET_MAKING_H

#include "llmpi/base/buffer.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

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
    const char *page;
    size_t length;
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

#endif
