/* The values of one page in each encoding. Values are made when they are asked for: texts are pointers into
 * the uncompressed page or dictionary, and only DELTA_BYTE_ARRAY puts them together in memory of its own. */
#include "parquet_private.h"

#include "llmpi/base/memory.h"

#include <string.h>

static const char ends_early[] = "the values end too early";

static const char *name_of(int64_t encoding)
{
    static const char *const names[] = {[ENCODING_PLAIN] = "PLAIN",
                                        [ENCODING_PLAIN_DICTIONARY] = "PLAIN_DICTIONARY",
                                        [ENCODING_RLE] = "RLE",
                                        [ENCODING_BIT_PACKED] = "BIT_PACKED",
                                        [ENCODING_DELTA_BINARY_PACKED] = "DELTA_BINARY_PACKED",
                                        [ENCODING_DELTA_LENGTH_BYTE_ARRAY] = "DELTA_LENGTH_BYTE_ARRAY",
                                        [ENCODING_DELTA_BYTE_ARRAY] = "DELTA_BYTE_ARRAY",
                                        [ENCODING_RLE_DICTIONARY] = "RLE_DICTIONARY",
                                        [ENCODING_BYTE_STREAM_SPLIT] = "BYTE_STREAM_SPLIT"};
    bool known =
        encoding >= 0 && encoding < (int64_t)(sizeof names / sizeof *names) && names[encoding] != NULL;
    return known ? names[encoding] : "unknown";
}

/* Bytes of a number. */
static size_t width_of(int64_t type)
{
    return type == TYPE_INT32 || type == TYPE_FLOAT ? 4 : 8;
}

static int64_t integer_of(const struct page_values *values, uint64_t bits)
{
    if (values->type == TYPE_INT64)
        return (int64_t)bits;
    return values->is_unsigned ? (int64_t)(uint32_t)bits : (int32_t)(uint32_t)bits;
}

static void set_number(const struct page_values *values, uint64_t bits, struct parquet_value *out)
{
    if (values->type == TYPE_FLOAT) {
        uint32_t half = (uint32_t)bits;
        float real;
        memcpy(&real, &half, sizeof real);
        out->real = (double)real;
    } else if (values->type == TYPE_DOUBLE)
        memcpy(&out->real, &bits, sizeof out->real);
    else
        out->integer = integer_of(values, bits);
}

static void load_number(const struct page_values *values, const uint8_t *at, struct parquet_value *out)
{
    set_number(values, width_of(values->type) == 4 ? load_u32(at) : load_u64(at), out);
}

static void set_text(const uint8_t *at, size_t length, struct parquet_value *out)
{
    out->text = (const char *)at;
    out->length = length;
}

enum status values_index_dictionary(struct parquet_cursor *cursor, const struct page_body *body)
{
    struct parquet_dictionary *dictionary = &cursor->dictionary;
    const struct page_header *page = &cursor->dictionary_page;
    size_t size = (size_t)(body->end - body->values), at = 0;
    int64_t type = cursor->column->type, count = page->values;
    bool text = type == TYPE_BYTE_ARRAY;
    if (page->encoding != ENCODING_PLAIN && page->encoding != ENCODING_PLAIN_DICTIONARY)
        return cursor_fail(cursor, page->offset, "a dictionary with encoding %s cannot be read",
                           name_of(page->encoding));
    if (type == TYPE_BOOLEAN || (uint64_t)count > size / (text ? 4 : width_of(type)))
        return cursor_fail(cursor, page->offset, "a dictionary of %lld values does not fit in %zu bytes",
                           (long long)count, size);
    dictionary->page = body->values;
    dictionary->count = count;
    if (!text)
        return STATUS_OK;
    if (count > dictionary->capacity || dictionary->offsets == NULL) {
        uint32_t *offsets =
            memory_resize(dictionary->offsets, count, sizeof *offsets, "the dictionary of a Parquet file");
        if (offsets == NULL)
            return STATUS_FAILED;
        dictionary->offsets = offsets;
        dictionary->capacity = count;
    }
    for (int64_t i = 0; i < count; i++) {
        if (size - at < 4 || size - at - 4 < load_u32(body->values + at))
            return cursor_fail(cursor, page->offset,
                               "text %lld of %lld in the dictionary ends behind the page", (long long)i,
                               (long long)count);
        dictionary->offsets[i] = (uint32_t)at;
        at += 4 + load_u32(body->values + at);
    }
    return STATUS_OK;
}

/* Whether values of a type can have an encoding. */
static bool is_readable(int64_t type, int64_t encoding)
{
    switch (encoding) {
    case ENCODING_PLAIN:
        return true;
    case ENCODING_PLAIN_DICTIONARY:
    case ENCODING_RLE_DICTIONARY:
        return type != TYPE_BOOLEAN;
    case ENCODING_RLE:
        return type == TYPE_BOOLEAN;
    case ENCODING_DELTA_BINARY_PACKED:
        return type == TYPE_INT32 || type == TYPE_INT64;
    case ENCODING_DELTA_LENGTH_BYTE_ARRAY:
    case ENCODING_DELTA_BYTE_ARRAY:
        return type == TYPE_BYTE_ARRAY;
    case ENCODING_BYTE_STREAM_SPLIT:
        return type != TYPE_BOOLEAN && type != TYPE_BYTE_ARRAY;
    default:
        return false;
    }
}

/* The packed numbers in front of the values, whose bytes follow them. */
static bool begin_deltas(struct page_values *values)
{
    const uint8_t *at = values->at, *end = values->end;
    if (values->encoding != ENCODING_DELTA_LENGTH_BYTE_ARRAY) {
        if (!delta_begin(&values->integers, at, end))
            return false;
        if (values->encoding == ENCODING_DELTA_BINARY_PACKED)
            return true;
        at = delta_finish(values->integers);
    }
    if (at == NULL || !delta_begin(&values->lengths, at, end))
        return false;
    values->at = delta_finish(values->lengths);
    return values->at != NULL;
}

/* RLE booleans have the number of their bytes in front, dictionary indices that of their bits. */
static bool begin_runs(struct page_values *values)
{
    size_t size = (size_t)(values->end - values->at);
    if (values->encoding == ENCODING_RLE) {
        if (size < 4 || size - 4 < load_u32(values->at))
            return false;
        hybrid_begin(&values->runs, values->at + 4, values->at + 4 + load_u32(values->at), 1);
        return true;
    }
    if (size > 0 && values->at[0] > 32)
        return false;
    hybrid_begin(&values->runs, values->at + (size > 0), values->end, size > 0 ? values->at[0] : 0);
    return true;
}

enum status values_begin(struct parquet_cursor *cursor, const uint8_t *at, const uint8_t *end)
{
    int64_t type = cursor->column->type, encoding = cursor->page.encoding;
    if (!is_readable(type, encoding))
        return cursor_fail(cursor, cursor->page.offset,
                           "encoding %s (%lld) cannot be read in this type of column", name_of(encoding),
                           (long long)encoding);
    struct page_values *values = &cursor->values;
    *values = (struct page_values){.type = type,
                                   .is_unsigned = cursor->column->is_unsigned,
                                   .encoding = (enum encoding)encoding,
                                   .at = at,
                                   .end = end,
                                   .dictionary = &cursor->dictionary};
    cursor->joined_length = 0;
    bool good = true;
    if (encoding == ENCODING_PLAIN_DICTIONARY || encoding == ENCODING_RLE_DICTIONARY ||
        encoding == ENCODING_RLE)
        good = begin_runs(values);
    else if (encoding == ENCODING_BYTE_STREAM_SPLIT)
        values->count = (int64_t)((size_t)(end - at) / width_of(type));
    else if (encoding != ENCODING_PLAIN && at < end) /* no values: some writers leave nothing at all */
        good = begin_deltas(values);
    return good ? STATUS_OK
                : cursor_fail(cursor, cursor->page.offset, "the values of the page (%s) are damaged",
                              name_of(encoding));
}

static const char *next_plain(struct page_values *values, struct parquet_value *out)
{
    size_t size = (size_t)(values->end - values->at);
    if (values->type == TYPE_BOOLEAN) {
        if (size == 0)
            return ends_early;
        out->integer = values->at[0] >> values->bit & 1;
        values->bit = (values->bit + 1) % 8;
        values->at += values->bit == 0;
        return NULL;
    }
    if (values->type == TYPE_BYTE_ARRAY) {
        if (size < 4 || size - 4 < load_u32(values->at))
            return ends_early;
        set_text(values->at + 4, load_u32(values->at), out);
        values->at += 4 + out->length;
        return NULL;
    }
    size_t width = width_of(values->type);
    if (size < width)
        return ends_early;
    load_number(values, values->at, out);
    values->at += width;
    return NULL;
}

static const char *next_index(struct page_values *values, struct parquet_value *out)
{
    const struct parquet_dictionary *dictionary = values->dictionary;
    uint32_t index;
    if (!hybrid_next(&values->runs, &index))
        return ends_early;
    if (index >= dictionary->count)
        return "an index is larger than the dictionary";
    if (values->type != TYPE_BYTE_ARRAY) {
        load_number(values, dictionary->page + index * width_of(values->type), out);
        return NULL;
    }
    const uint8_t *at = dictionary->page + dictionary->offsets[index];
    set_text(at + 4, load_u32(at), out);
    return NULL;
}

static const char *next_length_and_text(struct page_values *values, struct parquet_value *out)
{
    int64_t length;
    if (!delta_next(&values->lengths, &length))
        return ends_early;
    if (length < 0 || length > values->end - values->at)
        return "a text has a length outside its page";
    set_text(values->at, (size_t)length, out);
    values->at += length;
    return NULL;
}

/* The beginning is that of the text before. */
static const char *next_joined(struct parquet_cursor *cursor, struct parquet_value *out)
{
    int64_t prefix;
    if (!delta_next(&cursor->values.integers, &prefix))
        return ends_early;
    if (prefix < 0 || (uint64_t)prefix > cursor->joined_length)
        return "a text begins with more of the text before than that has";
    const char *problem = next_length_and_text(&cursor->values, out);
    if (problem != NULL)
        return problem;
    size_t wanted = (size_t)prefix + out->length; /* no more than the page */
    struct block *joined = &cursor->joined;
    if (wanted > joined->capacity || joined->data == NULL) {
        uint8_t *data = memory_resize(joined->data, (int64_t)wanted * 2, 1, "a text of a Parquet file");
        if (data == NULL)
            return "there is no memory for a text";
        joined->data = data;
        joined->capacity = wanted * 2;
    }
    memcpy(joined->data + prefix, out->text, out->length);
    cursor->joined_length = wanted;
    set_text(joined->data, wanted, out);
    return NULL;
}

/* All first bytes, then all second bytes, and so on. */
static const char *next_split(struct page_values *values, struct parquet_value *out)
{
    if (values->index >= values->count)
        return ends_early;
    uint64_t bits = 0;
    for (size_t i = 0; i < width_of(values->type); i++)
        bits |= (uint64_t)values->at[(int64_t)i * values->count + values->index] << 8 * i;
    values->index++;
    set_number(values, bits, out);
    return NULL;
}

const char *values_next(struct parquet_cursor *cursor, struct parquet_value *out)
{
    struct page_values *values = &cursor->values;
    uint32_t truth;
    int64_t integer;
    switch (values->encoding) {
    case ENCODING_PLAIN:
        return next_plain(values, out);
    case ENCODING_DELTA_LENGTH_BYTE_ARRAY:
        return next_length_and_text(values, out);
    case ENCODING_DELTA_BYTE_ARRAY:
        return next_joined(cursor, out);
    case ENCODING_BYTE_STREAM_SPLIT:
        return next_split(values, out);
    case ENCODING_RLE:
        if (!hybrid_next(&values->runs, &truth))
            return ends_early;
        out->integer = (int64_t)truth;
        return NULL;
    case ENCODING_DELTA_BINARY_PACKED:
        if (!delta_next(&values->integers, &integer))
            return ends_early;
        out->integer = integer_of(values, (uint64_t)integer);
        return NULL;
    default:
        return next_index(values, out);
    }
}
