/* The header is read as far as it goes into one buffer, in pieces, so that a length which lies takes no
 * memory that the file does not fill; values are places in that buffer. */
#include "llmpi/storage/gguf_reader.h"

#include "llmpi/base/buffer.h"
#include "llmpi/base/memory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 65536, SHOWN = 60, LARGEST_HEADER = 1 << 28 };
enum { MOST_KEYS = 65536, MOST_TENSORS = 1000000, LONGEST_KEY = 65535, LONGEST_NAME = 128 };
enum { SMALLEST_KEY = 14, SMALLEST_TENSOR = 33 }; /* bytes in the header, with a name of one character */
enum { ALIGNMENT = 32, LARGEST_ALIGNMENT = 1 << 20 };

/* enum ggml_type and the sizes of its blocks, of ggml's gguf-py/gguf/constants.py. */
static const struct number_storage storages[] = {
    [0] = {"F32", 1, 4, true, NUMBER_F32},          [1] = {"F16", 1, 2, true, NUMBER_F16},
    [2] = {"Q4_0", 32, 18, false, NUMBER_F32},      [3] = {"Q4_1", 32, 20, false, NUMBER_F32},
    [6] = {"Q5_0", 32, 22, false, NUMBER_F32},      [7] = {"Q5_1", 32, 24, false, NUMBER_F32},
    [8] = {"Q8_0", 32, 34, false, NUMBER_F32},      [9] = {"Q8_1", 32, 36, false, NUMBER_F32},
    [10] = {"Q2_K", 256, 84, false, NUMBER_F32},    [11] = {"Q3_K", 256, 110, false, NUMBER_F32},
    [12] = {"Q4_K", 256, 144, false, NUMBER_F32},   [13] = {"Q5_K", 256, 176, false, NUMBER_F32},
    [14] = {"Q6_K", 256, 210, false, NUMBER_F32},   [15] = {"Q8_K", 256, 292, false, NUMBER_F32},
    [16] = {"IQ2_XXS", 256, 66, false, NUMBER_F32}, [17] = {"IQ2_XS", 256, 74, false, NUMBER_F32},
    [18] = {"IQ3_XXS", 256, 98, false, NUMBER_F32}, [19] = {"IQ1_S", 256, 50, false, NUMBER_F32},
    [20] = {"IQ4_NL", 32, 18, false, NUMBER_F32},   [21] = {"IQ3_S", 256, 110, false, NUMBER_F32},
    [22] = {"IQ2_S", 256, 82, false, NUMBER_F32},   [23] = {"IQ4_XS", 256, 136, false, NUMBER_F32},
    [24] = {"I8", 1, 1, false, NUMBER_F32},         [25] = {"I16", 1, 2, false, NUMBER_F32},
    [26] = {"I32", 1, 4, false, NUMBER_F32},        [27] = {"I64", 1, 8, false, NUMBER_F32},
    [28] = {"F64", 1, 8, false, NUMBER_F32},        [29] = {"IQ1_M", 256, 56, false, NUMBER_F32},
    [30] = {"BF16", 1, 2, true, NUMBER_BF16},       [34] = {"TQ1_0", 256, 54, false, NUMBER_F32},
    [35] = {"TQ2_0", 256, 66, false, NUMBER_F32},   [39] = {"MXFP4", 32, 17, false, NUMBER_F32},
    [40] = {"NVFP4", 64, 36, false, NUMBER_F32},    [41] = {"Q1_0", 128, 18, false, NUMBER_F32},
};

struct entry {
    struct gguf_value value;
    char *key;
    size_t place; /* of its bytes in the header */
};

struct gguf {
    struct number_reader *tensors;
    const char *path;
    int version;
    int64_t alignment;
    struct buffer header; /* as far as it was read */
    size_t at;            /* what of it was looked at */
    struct entry *entries;
    int64_t count, capacity;
};

/* --- bytes --- */

/* Bytes of the file behind what was looked at. */
static uint64_t left(const struct gguf *file)
{
    return (uint64_t)number_reader_size(file->tensors) - file->at;
}

/* Makes the next `length` bytes be there. */
static enum status need(struct gguf *file, uint64_t length)
{
    uint64_t there = file->header.length - file->at, behind = left(file) - there;
    if (length > left(file))
        return fail(STATUS_FAILED,
                    "%s ends inside of its header: at byte %zu %" PRIu64 " bytes are named, %" PRIu64
                    " are left",
                    file->path, file->at, length, left(file));
    if (length > LARGEST_HEADER || file->at + length > LARGEST_HEADER)
        return fail(STATUS_FAILED, "%s: its header has more than %d bytes, the most that is read", file->path,
                    LARGEST_HEADER);
    if (length <= there)
        return STATUS_OK;
    uint64_t more = length - there > PIECE ? length - there : PIECE;
    more = more < behind ? more : behind;
    TRY(buffer_reserve(&file->header, more));
    TRY(number_reader_header(file->tensors, (int64_t)file->header.length,
                             file->header.data + file->header.length, more));
    file->header.length += more;
    return STATUS_OK;
}

/* The next number of so many bytes. */
static enum status take(struct gguf *file, int bytes, uint64_t *out)
{
    TRY(need(file, (uint64_t)bytes));
    *out = number_decode(file->header.data + file->at, bytes);
    file->at += (size_t)bytes;
    return STATUS_OK;
}

/* The next text; *text is valid until more is taken. */
static enum status take_text(struct gguf *file, const char **text, size_t *length)
{
    uint64_t bytes = 0;
    TRY(take(file, 8, &bytes));
    TRY(need(file, bytes));
    *text = file->header.data + file->at;
    *length = (size_t)bytes;
    file->at += (size_t)bytes;
    return STATUS_OK;
}

/* --- metadata --- */

static enum status take_type(struct gguf *file, const char *key, enum gguf_type *out)
{
    uint64_t type = 0;
    TRY(take(file, 4, &type));
    if (type >= GGUF_TYPES)
        return fail(STATUS_FAILED, "%s: the value of %.*s is of type %" PRIu64 ", GGUF has 0 to %d",
                    file->path, SHOWN, key, type, GGUF_TYPES - 1);
    *out = (enum gguf_type)type;
    return STATUS_OK;
}

/* Passes over `count` values that are no arrays. */
static enum status pass_over(struct gguf *file, const char *key, enum gguf_type type, uint64_t count)
{
    uint64_t bytes = (uint64_t)gguf_type_size(type);
    if (count > left(file) / bytes)
        return fail(STATUS_FAILED,
                    "%s: %.*s has %" PRIu64 " values of type %s, for which the %" PRIu64
                    " bytes behind it are too few",
                    file->path, SHOWN, key, count, gguf_type_name(type), left(file));
    for (uint64_t i = 0; i < count && type == GGUF_TEXT; i++) {
        const char *text;
        size_t length;
        TRY(take_text(file, &text, &length));
    }
    if (type == GGUF_TEXT)
        return STATUS_OK;
    TRY(need(file, count * bytes));
    for (uint64_t i = 0; i < count && type == GGUF_BOOLEAN; i++)
        if ((unsigned char)file->header.data[file->at + i] > 1)
            return fail(STATUS_FAILED, "%s: %.*s holds a boolean of %d, allowed are 0 and 1", file->path,
                        SHOWN, key, (unsigned char)file->header.data[file->at + i]);
    file->at += (size_t)(count * bytes);
    return STATUS_OK;
}

static enum status read_value(struct gguf *file, struct entry *entry)
{
    struct gguf_value *value = &entry->value;
    uint64_t count = 1;
    TRY(take_type(file, entry->key, &value->type));
    enum gguf_type type = value->type;
    if (value->type == GGUF_ARRAY) {
        TRY(take_type(file, entry->key, &type));
        if (type == GGUF_ARRAY)
            return fail(STATUS_FAILED, "%s: %.*s is an array of arrays, which are not read", file->path,
                        SHOWN, entry->key);
        TRY(take(file, 8, &count));
        value->element = type;
    }
    entry->place = file->at;
    TRY(pass_over(file, entry->key, type, count));
    value->count = (int64_t)count;
    return STATUS_OK;
}

static enum status read_entry(struct gguf *file)
{
    const char *key = NULL;
    size_t length = 0;
    struct entry *entries =
        memory_grow(file->entries, file->count, &file->capacity, sizeof *entries, "the metadata of a file");
    if (entries == NULL)
        return STATUS_FAILED;
    file->entries = entries;
    TRY(take_text(file, &key, &length));
    if (length == 0 || length > LONGEST_KEY || memchr(key, '\0', length) != NULL)
        return fail(STATUS_FAILED, "%s: key %" PRId64 " of its metadata has %zu bytes%s, allowed are 1 to %d",
                    file->path, file->count, length,
                    length > 0 && length <= LONGEST_KEY ? " with a NUL among them" : "", LONGEST_KEY);
    struct entry entry = {.key = memory_copy_text(key, length)};
    if (entry.key == NULL)
        return STATUS_FAILED;
    entry.value.key = entry.key;
    enum status status = read_value(file, &entry);
    if (status == STATUS_OK)
        entries[file->count++] = entry;
    else
        free(entry.key);
    return status;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum status check_keys(const struct gguf *file)
{
    const char **keys = memory_allocate(file->count, sizeof *keys, "keys");
    if (keys == NULL)
        return STATUS_FAILED;
    enum status status = STATUS_OK;
    for (int64_t i = 0; i < file->count; i++)
        keys[i] = file->entries[i].key;
    qsort(keys, (size_t)file->count, sizeof *keys, by_text);
    for (int64_t i = 1; i < file->count && status == STATUS_OK; i++)
        if (strcmp(keys[i - 1], keys[i]) == 0)
            status =
                fail(STATUS_FAILED, "%s: key %.*s of its metadata comes twice", file->path, SHOWN, keys[i]);
    memory_free(keys);
    return status;
}

/* Again whenever the header grew, which may have moved it. */
static void place_values(struct gguf *file)
{
    for (int64_t i = 0; i < file->count; i++)
        file->entries[i].value.bytes = file->header.data + file->entries[i].place;
}

static enum status read_metadata(struct gguf *file, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        TRY(read_entry(file));
    place_values(file);
    TRY(check_keys(file));
    const struct gguf_value *alignment = gguf_find(file, "general.alignment");
    file->alignment = ALIGNMENT;
    if (alignment == NULL)
        return STATUS_OK;
    if (alignment->type != GGUF_UINT32 || !gguf_get_integer(alignment, &file->alignment) ||
        file->alignment < 8 || file->alignment > LARGEST_ALIGNMENT ||
        (file->alignment & (file->alignment - 1)) != 0)
        return fail(STATUS_FAILED, "%s: general.alignment is no uint32 that is a power of two from 8 to %d",
                    file->path, LARGEST_ALIGNMENT);
    return STATUS_OK;
}

/* --- tensors --- */

/* ggml names the length of a row first. */
static enum status take_sizes(struct gguf *file, struct stored_tensor *tensor)
{
    for (int i = tensor->dimensions - 1; i >= 0; i--) {
        uint64_t size = 0;
        TRY(take(file, 8, &size));
        tensor->sizes[i] = size <= INT64_MAX ? (int64_t)size : -1;
    }
    return STATUS_OK;
}

static enum status read_tensor(struct gguf *file)
{
    struct stored_tensor tensor = {0};
    uint64_t dimensions = 0, type = 0, offset = 0;
    const char *text = NULL;
    size_t length = 0;
    char name[LONGEST_NAME];
    TRY(take_text(file, &text, &length));
    if (length > LONGEST_NAME)
        return fail(STATUS_FAILED, "%s: the name of tensor %" PRId64 " has %zu bytes, allowed are %d",
                    file->path, number_reader_count(file->tensors), length, LONGEST_NAME);
    memcpy(name, text, length);
    int shown = (int)length < SHOWN ? (int)length : SHOWN;
    TRY(take(file, 4, &dimensions));
    if (dimensions < 1 || dimensions > STORED_DIMENSIONS)
        return fail(STATUS_FAILED, "%s: tensor %.*s has %" PRIu64 " dimensions, allowed are 1 to %d",
                    file->path, shown, name, dimensions, STORED_DIMENSIONS);
    tensor.dimensions = (int)dimensions;
    TRY(take_sizes(file, &tensor));
    TRY(take(file, 4, &type));
    if (type >= sizeof storages / sizeof *storages || storages[type].name == NULL)
        return fail(STATUS_FAILED, "%s: tensor %.*s is of type %" PRIu64 ", which ggml does not have",
                    file->path, shown, name, type);
    tensor.storage = &storages[type];
    TRY(take(file, 8, &offset));
    if (offset > INT64_MAX || offset % (uint64_t)file->alignment != 0)
        return fail(STATUS_FAILED,
                    "%s: tensor %.*s begins at byte %" PRIu64 ", allowed are multiples of %" PRId64
                    " in the file",
                    file->path, shown, name, offset, file->alignment);
    tensor.offset = (int64_t)offset;
    return number_reader_add(file->tensors, name, length, &tensor);
}

/* --- the file --- */

static enum status read_counts(struct gguf *file, uint64_t *tensors, uint64_t *keys)
{
    uint64_t magic = 0, version = 0;
    int64_t size = number_reader_size(file->tensors);
    TRY(need(file, 4));
    TRY(take(file, 4, &magic));
    if (magic != 0x46554747) /* "GGUF" */
        return fail(STATUS_FAILED, "%s is no GGUF file: it does not begin with these letters", file->path);
    TRY(take(file, 4, &version));
    if (version != 0 && (version & 0xffff) == 0)
        return fail(STATUS_FAILED, "%s is a big-endian GGUF file: little-endian ones are read", file->path);
    if (version != 2 && version != 3)
        return fail(STATUS_FAILED, "%s is of GGUF version %" PRIu64 ": 2 and 3 are read", file->path,
                    version);
    file->version = (int)version;
    TRY(take(file, 8, tensors));
    TRY(take(file, 8, keys));
    if (*tensors > MOST_TENSORS || *keys > MOST_KEYS ||
        *tensors * SMALLEST_TENSOR + *keys * SMALLEST_KEY > left(file))
        return fail(STATUS_FAILED,
                    "%s: its header names %" PRIu64 " tensors and %" PRIu64 " keys; a file of %" PRId64
                    " bytes may have fewer, and any %d and %d",
                    file->path, *tensors, *keys, size, MOST_TENSORS, MOST_KEYS);
    return STATUS_OK;
}

static enum status read_header(struct gguf *file)
{
    uint64_t tensors = 0, keys = 0;
    TRY(read_counts(file, &tensors, &keys));
    TRY(read_metadata(file, keys));
    for (uint64_t i = 0; i < tensors; i++)
        TRY(read_tensor(file));
    place_values(file);
    int64_t end = (int64_t)file->at;
    return number_reader_finish(file->tensors,
                                (end + file->alignment - 1) / file->alignment * file->alignment, false);
}

enum status gguf_open(const char *path, struct gguf **out)
{
    struct gguf *file = memory_allocate(1, sizeof *file, "a file of tensors");
    *out = NULL;
    if (file == NULL)
        return STATUS_FAILED;
    enum status status = number_reader_open(path, &file->tensors);
    if (status == STATUS_OK) {
        file->path = number_reader_path(file->tensors);
        status = read_header(file);
    }
    if (status == STATUS_OK)
        *out = file;
    else
        gguf_close(file);
    return status;
}

void gguf_close(struct gguf *file)
{
    if (file == NULL)
        return;
    for (int64_t i = 0; i < file->count; i++)
        free(file->entries[i].key);
    free(file->entries);
    buffer_free(&file->header);
    number_reader_close(file->tensors);
    memory_free(file);
}

int gguf_version(const struct gguf *file)
{
    return file->version;
}

struct number_reader *gguf_tensors(const struct gguf *file)
{
    return file->tensors;
}

int64_t gguf_count(const struct gguf *file)
{
    return file->count;
}

const struct gguf_value *gguf_value(const struct gguf *file, int64_t index)
{
    return &file->entries[index].value;
}

const struct gguf_value *gguf_find(const struct gguf *file, const char *key)
{
    for (int64_t i = 0; i < file->count; i++)
        if (strcmp(file->entries[i].key, key) == 0)
            return &file->entries[i].value;
    return NULL;
}
