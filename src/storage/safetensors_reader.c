/* The header is JSON, which says of every tensor where it lies. */
#include "llmpi/storage/safetensors.h"

#include "llmpi/base/json.h"

#include <inttypes.h>
#include <string.h>

enum { LARGEST_HEADER = 100000000, SHOWN = 60 };

static const struct number_storage types[] = {
    {"F32", 1, 4, true, NUMBER_F32},     {"F16", 1, 2, true, NUMBER_F16},
    {"BF16", 1, 2, true, NUMBER_BF16},   {"F64", 1, 8, false, NUMBER_F32},
    {"I64", 1, 8, false, NUMBER_F32},    {"U64", 1, 8, false, NUMBER_F32},
    {"I32", 1, 4, false, NUMBER_F32},    {"U32", 1, 4, false, NUMBER_F32},
    {"I16", 1, 2, false, NUMBER_F32},    {"U16", 1, 2, false, NUMBER_F32},
    {"I8", 1, 1, false, NUMBER_F32},     {"U8", 1, 1, false, NUMBER_F32},
    {"BOOL", 1, 1, false, NUMBER_F32},   {"F8_E5M2", 1, 1, false, NUMBER_F32},
    {"F8_E4M3", 1, 1, false, NUMBER_F32}};

struct header {
    struct number_reader *reader;
    struct string_list *metadata; /* or NULL */
    const char *path;
};

static const struct number_storage *find_type(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strlen(types[i].name) == length && memcmp(types[i].name, name, length) == 0)
            return &types[i];
    return NULL;
}

static bool read_shape(const struct json *shape, struct stored_tensor *out)
{
    int64_t dimensions = json_get_count(shape);
    if (json_kind(shape) != KIND_ARRAY || dimensions > 8)
        return false;
    out->dimensions = dimensions < STORED_DIMENSIONS ? (int)dimensions : STORED_DIMENSIONS;
    for (int i = 0; i < STORED_DIMENSIONS; i++)
        out->sizes[i] = 1;
    for (int64_t i = 0; i < dimensions; i++) {
        int64_t size = 0, *last = &out->sizes[i < STORED_DIMENSIONS ? i : STORED_DIMENSIONS - 1];
        if (!json_get_integer(json_get_element(shape, i), &size) || size < 0 ||
            __builtin_mul_overflow(*last, size, last))
            return false;
    }
    return true;
}

static bool read_offsets(const struct json *offsets, int64_t *begin, int64_t *end)
{
    return json_get_count(offsets) == 2 && json_get_integer(json_get_element(offsets, 0), begin) &&
           json_get_integer(json_get_element(offsets, 1), end) && *begin >= 0 && *end >= *begin;
}

static enum status read_tensor(const struct header *header, const char *name, size_t name_length,
                               const struct json *value)
{
    struct stored_tensor tensor = {0};
    size_t length = 0;
    int64_t end = 0;
    int shown = name_length < SHOWN ? (int)name_length : SHOWN;
    const char *dtype = json_get_text(json_get_member(value, "dtype"), &length);
    tensor.storage = dtype != NULL ? find_type(dtype, length) : NULL;
    if (tensor.storage == NULL)
        return fail(STATUS_FAILED, "%s: tensor %.*s has dtype '%.*s', which safetensors does not know",
                    header->path, shown, name, dtype != NULL && length < 20 ? (int)length : 0,
                    dtype != NULL ? dtype : "");
    if (!read_shape(json_get_member(value, "shape"), &tensor))
        return fail(STATUS_FAILED, "%s: tensor %.*s has no shape that a tensor can have", header->path, shown,
                    name);
    if (!read_offsets(json_get_member(value, "data_offsets"), &tensor.offset, &end))
        return fail(STATUS_FAILED, "%s: tensor %.*s has no data_offsets that a tensor can have", header->path,
                    shown, name);
    TRY(number_reader_add(header->reader, name, name_length, &tensor));
    int64_t bytes = number_reader_tensor(header->reader, number_reader_count(header->reader) - 1)->bytes;
    if (end - tensor.offset != bytes)
        return fail(STATUS_FAILED, "%s: tensor %.*s has %" PRId64 " bytes, its shape and dtype need %" PRId64,
                    header->path, shown, name, end - tensor.offset, bytes);
    return STATUS_OK;
}

static enum status read_metadata(void *context, const char *name, size_t length, const struct json *value)
{
    const struct header *header = context;
    size_t used = 0;
    const char *text = json_get_text(value, &used);
    if (text == NULL || memchr(name, '\0', length) != NULL || memchr(text, '\0', used) != NULL)
        return fail(STATUS_FAILED, "%s: a member of its __metadata__ is no plain text", header->path);
    if (header->metadata == NULL)
        return STATUS_OK;
    TRY(string_list_add(header->metadata, name));
    return string_list_add(header->metadata, text);
}

static enum status visit(void *context, const char *name, size_t length, const struct json *value)
{
    if (length == strlen("__metadata__") && memcmp(name, "__metadata__", length) == 0)
        return json_each(value, read_metadata, context);
    return read_tensor(context, name, length, value);
}

/* A name that comes twice is one tensor for the JSON library, and leaves a gap. */
static enum status parse_header(struct header *header, const char *text, size_t length)
{
    struct json *root = NULL;
    enum status status = json_parse(text, length, &root);
    if (status != STATUS_OK)
        return fail(STATUS_FAILED, "%s: its header is no JSON: %.200s", header->path, status_message());
    if (json_kind(root) != KIND_OBJECT)
        status = fail(STATUS_FAILED, "%s: its header is no JSON object", header->path);
    if (status == STATUS_OK)
        status = json_each(root, visit, header);
    if (status == STATUS_OK)
        status = number_reader_finish(header->reader, 8 + (int64_t)length, true);
    json_free(root);
    return status;
}

static enum status read_header(struct header *header)
{
    char bytes[8];
    struct buffer text = {0};
    int64_t size = number_reader_size(header->reader);
    if (size < 8)
        return fail(STATUS_FAILED, "%s has %" PRId64 " bytes, a safetensors file has 8 at least",
                    header->path, size);
    TRY(number_reader_header(header->reader, 0, bytes, sizeof bytes));
    uint64_t length = number_decode(bytes, sizeof bytes);
    if (length > LARGEST_HEADER || (int64_t)length > size - 8)
        return fail(STATUS_FAILED,
                    "%s: its header has %" PRIu64 " bytes, the file %" PRId64 " and a header may have %d",
                    header->path, length, size, LARGEST_HEADER);
    enum status status = buffer_reserve(&text, (size_t)length);
    if (status == STATUS_OK)
        status = number_reader_header(header->reader, 8, text.data, (size_t)length);
    if (status == STATUS_OK)
        status = parse_header(header, text.data, (size_t)length);
    buffer_free(&text);
    return status;
}

enum status safetensors_open(const char *path, struct string_list *metadata, struct number_reader **out)
{
    struct header header = {.metadata = metadata, .path = path};
    *out = NULL;
    TRY(number_reader_open(path, &header.reader));
    enum status status = read_header(&header);
    if (status != STATUS_OK) {
        number_reader_close(header.reader);
        header.reader = NULL;
    }
    *out = header.reader;
    return status;
}
