/* Pages: a header in Thrift's compact protocol, whose length nobody knows beforehand, and a body that is
 * compressed as a whole (version 1) or but for the levels in front (version 2). */
#include "parquet_private.h"

#include "llmpi/base/file.h"
#include "llmpi/base/memory.h"

#include <stdlib.h>
#include <zlib.h>

#define LARGEST_PAGE ((int64_t)1 << 30)

enum {
    FIRST_LOOK = 1 << 12,
    LARGEST_HEADER = 1 << 24
}; /* bytes of a header, which may hold the longest value */

/* Codecs by their numbers in parquet.thrift. */
enum { UNCOMPRESSED = 0 };
static const struct {
    const char *name;
    bool readable;
    enum codec codec;
} codecs[] = {{"UNCOMPRESSED", true, 0},  {"SNAPPY", true, CODEC_SNAPPY},
              {"GZIP", true, CODEC_GZIP}, {"LZO", false, 0},
              {"BROTLI", false, 0},       {"LZ4 (of Hadoop, not LZ4_RAW)", false, 0},
              {"ZSTD", true, CODEC_ZSTD}, {"LZ4_RAW", true, CODEC_LZ4}};

const char *page_unreadable_codec(int64_t codec)
{
    if (codec < 0 || codec >= (int64_t)(sizeof codecs / sizeof *codecs))
        return "of an unknown number";
    return codecs[codec].readable ? NULL : codecs[codec].name;
}

enum status block_reserve(struct block *block, size_t size)
{
    if (size <= block->capacity && block->data != NULL)
        return STATUS_OK;
    size_t capacity = size + size / 8;
    free(block->data);
    block->capacity = 0;
    block->data = memory_resize(NULL, (int64_t)capacity, 1, "a page of a Parquet file");
    if (block->data == NULL)
        return STATUS_FAILED;
    block->capacity = capacity;
    return STATUS_OK;
}

/* The three kinds of page have the numbers of their fields in common, as far as they have them. */
static void read_data_header(struct thrift *thrift, struct page_header *out, bool second)
{
    struct thrift_field field = {0};
    out->values = out->encoding = -1;
    out->level_encoding = ENCODING_RLE;
    while (thrift_next_field(thrift, &field)) {
        if (field.id == 1)
            out->values = thrift_integer(thrift, field);
        else if (field.id == (second ? 4 : 2))
            out->encoding = thrift_integer(thrift, field);
        else if (!second && field.id == 3)
            out->level_encoding = thrift_integer(thrift, field);
        else if (second && field.id == 5)
            out->level_bytes = thrift_integer(thrift, field);
        else if (second && field.id == 6)
            out->repetition_bytes = thrift_integer(thrift, field);
        else if (second && field.id == 7)
            out->values_compressed = thrift_boolean(thrift, field);
        else
            thrift_skip(thrift, field);
    }
}

static void read_dictionary_header(struct thrift *thrift, struct page_header *out)
{
    struct thrift_field field = {0};
    out->values = out->encoding = -1;
    while (thrift_next_field(thrift, &field)) {
        if (field.id == 1)
            out->values = thrift_integer(thrift, field);
        else if (field.id == 2)
            out->encoding = thrift_integer(thrift, field);
        else
            thrift_skip(thrift, field);
    }
}

static void parse_header(struct thrift *thrift, struct page_header *out)
{
    struct thrift_field field = {0};
    *out = (struct page_header){
        .type = -1, .compressed = -1, .uncompressed = -1, .values = -1, .values_compressed = true};
    while (thrift_next_field(thrift, &field)) {
        if (field.id == 1)
            out->type = thrift_integer(thrift, field);
        else if (field.id == 2)
            out->uncompressed = thrift_integer(thrift, field);
        else if (field.id == 3)
            out->compressed = thrift_integer(thrift, field);
        else if (field.id == 4) {
            out->checksum = (uint32_t)thrift_integer(thrift, field);
            out->has_checksum = true;
        } else if ((field.id == 5 || field.id == 8) && thrift_struct(thrift, field))
            read_data_header(thrift, out, field.id == 8);
        else if (field.id == 7 && thrift_struct(thrift, field))
            read_dictionary_header(thrift, out);
        else
            thrift_skip(thrift, field);
    }
}

static enum status check_header(const struct parquet_cursor *cursor, const struct page_header *page)
{
    int64_t room = cursor->chunk_end - page->offset - page->header_size;
    if (page->compressed < 0 || page->compressed > room)
        return cursor_fail(cursor, page->offset,
                           "the page should have %lld bytes, its column chunk has %lld left",
                           (long long)page->compressed, (long long)room);
    if (page->uncompressed < 0 || page->uncompressed > LARGEST_PAGE)
        return cursor_fail(cursor, page->offset,
                           "the page should have %lld bytes uncompressed, expected at most %lld",
                           (long long)page->uncompressed, (long long)LARGEST_PAGE);
    bool used = page->type == PAGE_DATA || page->type == PAGE_DATA_V2 || page->type == PAGE_DICTIONARY;
    if (used && (page->values < 0 || page->values > INT32_MAX))
        return cursor_fail(cursor, page->offset, "the page should have %lld values", (long long)page->values);
    if (page->type == PAGE_DATA_V2 && page->repetition_bytes != 0)
        return cursor_fail(cursor, page->offset,
                           "the page has repetition levels, which only nested columns have");
    if (page->type == PAGE_DATA_V2 && (page->level_bytes < 0 || page->level_bytes > page->compressed ||
                                       page->level_bytes > page->uncompressed))
        return cursor_fail(cursor, page->offset,
                           "the page of %lld bytes should have %lld bytes of definition levels",
                           (long long)page->compressed, (long long)page->level_bytes);
    return STATUS_OK;
}

enum status page_read_header(struct parquet_cursor *cursor, struct page_header *out)
{
    int64_t offset = cursor->position, room = cursor->chunk_end - offset;
    for (int64_t length = FIRST_LOOK;; length *= 2) {
        int64_t size = length < room ? length : room;
        TRY(block_reserve(&cursor->header_bytes, (size_t)size));
        const uint8_t *data = cursor->header_bytes.data;
        TRY(file_read_at(cursor->file->descriptor, cursor->file->path, offset, cursor->header_bytes.data,
                         (size_t)size));
        struct thrift thrift = {.at = data, .end = data + size};
        parse_header(&thrift, out);
        out->offset = offset;
        out->header_size = thrift.at - data;
        if (thrift.problem == NULL)
            break;
        if (!thrift.ended_early || size == room || length >= LARGEST_HEADER)
            return cursor_fail(cursor, offset, "the page header is damaged: %s", thrift.problem);
    }
    TRY(check_header(cursor, out));
    cursor->bytes += out->header_size;
    cursor->position = offset + out->header_size + out->compressed;
    return STATUS_OK;
}

static enum status check_sum(const struct parquet_cursor *cursor, const struct page_header *page,
                             const uint8_t *data)
{
    if (!page->has_checksum)
        return STATUS_OK;
    uint32_t found = (uint32_t)crc32_z(0, data, (size_t)page->compressed);
    if (found != page->checksum)
        return cursor_fail(cursor, page->offset,
                           "the page is damaged: its checksum is %08x, the header says %08x", found,
                           page->checksum);
    return STATUS_OK;
}

/* Uncompresses what follows the levels. */
static enum status expand(struct parquet_cursor *cursor, const struct page_header *page, const uint8_t *data,
                          struct block *target, size_t expected)
{
    enum codec codec = codecs[cursor->chunk->codec].codec;
    size_t length = (size_t)(page->compressed - page->level_bytes);
    const char *problem = "so few compressed bytes cannot become so many";
    if (decompress_is_possible(codec, length, expected)) {
        TRY(block_reserve(target, expected));
        problem = decompress_block(cursor->decompressor, codec, data, length, target->data, expected);
    }
    if (problem != NULL)
        return cursor_fail(cursor, page->offset,
                           "the page (%s, %lld bytes, uncompressed %lld) cannot be used: %s",
                           codecs[cursor->chunk->codec].name, (long long)page->compressed,
                           (long long)page->uncompressed, problem);
    return STATUS_OK;
}

enum status page_read_body(struct parquet_cursor *cursor, const struct page_header *page,
                           struct block *target, struct page_body *out)
{
    bool plain = cursor->chunk->codec == UNCOMPRESSED || !page->values_compressed ||
                 page->uncompressed == page->level_bytes;
    size_t size = (size_t)page->compressed, levels = (size_t)page->level_bytes;
    size_t expected = (size_t)page->uncompressed - levels;
    struct block *raw = plain ? target : &cursor->compressed;
    if (plain && page->uncompressed > page->compressed)
        return cursor_fail(cursor, page->offset,
                           "the page is not compressed, but has %lld bytes instead of %lld",
                           (long long)page->compressed, (long long)page->uncompressed);
    TRY(block_reserve(raw, size));
    TRY(file_read_at(cursor->file->descriptor, cursor->file->path, page->offset + page->header_size,
                     raw->data, size));
    cursor->bytes += page->compressed;
    TRY(check_sum(cursor, page, raw->data));
    out->levels = raw->data;
    out->levels_end = out->values = raw->data + levels;
    if (!plain) {
        TRY(expand(cursor, page, out->values, target, expected));
        out->values = target->data;
    }
    out->end = out->values + expected;
    return STATUS_OK;
}
