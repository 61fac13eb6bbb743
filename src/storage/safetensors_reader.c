/* The header is parsed once into a table sorted by offset; every bound is checked there, so that reading a
 * tensor needs none. */
#include "llmpi/storage/safetensors.h"

#include "llmpi/base/file.h"
#include "llmpi/base/json.h"
#include "llmpi/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LARGEST_HEADER = 100000000, PIECE = 65536, SHOWN = 60 };

struct safetensors {
    char *path;
    int descriptor;
    int64_t start, end; /* bytes of the file in which tensors lie */
    struct safetensors_tensor *tensors;
    int64_t count, capacity;
};

static const struct {
    const char *name;
    int bytes;
    bool readable;
    enum number type;
} types[] = {
    {"F32", 4, true, NUMBER_F32},   {"F16", 2, true, NUMBER_F16},      {"BF16", 2, true, NUMBER_BF16},
    {"F64", 8, false, NUMBER_F32},  {"I64", 8, false, NUMBER_F32},     {"U64", 8, false, NUMBER_F32},
    {"I32", 4, false, NUMBER_F32},  {"U32", 4, false, NUMBER_F32},     {"I16", 2, false, NUMBER_F32},
    {"U16", 2, false, NUMBER_F32},  {"I8", 1, false, NUMBER_F32},      {"U8", 1, false, NUMBER_F32},
    {"BOOL", 1, false, NUMBER_F32}, {"F8_E5M2", 1, false, NUMBER_F32}, {"F8_E4M3", 1, false, NUMBER_F32}};

static int find_type(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strlen(types[i].name) == length && memcmp(types[i].name, name, length) == 0)
            return (int)i;
    return -1;
}

/* --- the header --- */

/* Elements of a shape, or -1 where it is no shape or too large. */
static int64_t read_shape(const struct json *shape, struct safetensors_tensor *out)
{
    int64_t count = 1;
    if (json_kind(shape) != KIND_ARRAY || json_get_count(shape) > 8)
        return -1;
    for (int i = 0; i < 4; i++)
        out->sizes[i] = 1;
    for (int64_t i = 0; i < json_get_count(shape); i++) {
        int64_t size = 0;
        if (!json_get_integer(json_get_element(shape, i), &size) || size < 0 ||
            __builtin_mul_overflow(count, size, &count))
            return -1;
        out->sizes[i < 4 ? i : 3] *= size;
    }
    out->dimensions = json_get_count(shape) < 4 ? (int)json_get_count(shape) : 4;
    return count;
}

static enum status read_entry(const struct safetensors *file, const char *name, const struct json *value,
                              struct safetensors_tensor *out)
{
    size_t length = 0;
    int64_t end = 0, bytes = 0, room = file->end - file->start;
    const char *dtype = json_get_text(json_get_member(value, "dtype"), &length);
    const struct json *offsets = json_get_member(value, "data_offsets");
    int type = dtype != NULL ? find_type(dtype, length) : -1;
    if (type < 0)
        return fail(STATUS_FAILED, "%s: tensor %.*s has dtype '%.*s', which safetensors does not know",
                    file->path, SHOWN, name, dtype != NULL && length < 20 ? (int)length : 0,
                    dtype != NULL ? dtype : "");
    out->count = read_shape(json_get_member(value, "shape"), out);
    if (out->count < 0 || __builtin_mul_overflow(out->count, types[type].bytes, &bytes))
        return fail(STATUS_FAILED, "%s: tensor %.*s has no shape that a tensor can have", file->path, SHOWN,
                    name);
    if (json_get_count(offsets) != 2 || !json_get_integer(json_get_element(offsets, 0), &out->offset) ||
        !json_get_integer(json_get_element(offsets, 1), &end) || out->offset < 0 || end < out->offset ||
        end > room)
        return fail(STATUS_FAILED,
                    "%s: tensor %.*s lies at bytes %" PRId64 " to %" PRId64 " of %" PRId64
                    " behind the header",
                    file->path, SHOWN, name, out->offset, end, room);
    if (end - out->offset != bytes)
        return fail(STATUS_FAILED, "%s: tensor %.*s has %" PRId64 " bytes, its shape and dtype need %" PRId64,
                    file->path, SHOWN, name, end - out->offset, bytes);
    out->bytes = bytes;
    out->readable = types[type].readable;
    out->type = types[type].type;
    return STATUS_OK;
}

static enum status visit(void *context, const char *name, size_t length, const struct json *value)
{
    struct safetensors *file = context;
    struct safetensors_tensor tensor = {0};
    if (length == strlen("__metadata__") && memcmp(name, "__metadata__", length) == 0)
        return STATUS_OK;
    if (memchr(name, '\0', length) != NULL)
        return fail(STATUS_FAILED, "%s: the name of a tensor has a NUL in it", file->path);
    tensor.name = memory_copy_text(name, length);
    if (tensor.name == NULL)
        return STATUS_FAILED;
    enum status status = read_entry(file, tensor.name, value, &tensor);
    struct safetensors_tensor *tensors =
        status == STATUS_OK
            ? memory_grow(file->tensors, file->count, &file->capacity, sizeof *tensors, "tensors of a file")
            : NULL;
    if (tensors == NULL) {
        free(tensor.name);
        return STATUS_FAILED;
    }
    file->tensors = tensors;
    tensors[file->count++] = tensor;
    return STATUS_OK;
}

static int by_place(const void *a, const void *b)
{
    const struct safetensors_tensor *left = a, *right = b;
    if (left->offset != right->offset)
        return left->offset < right->offset ? -1 : 1;
    return left->bytes < right->bytes ? -1 : left->bytes > right->bytes;
}

/* A name that comes twice is one tensor for the JSON library, and leaves a gap. */
static enum status check_places(struct safetensors *file)
{
    int64_t at = 0;
    qsort(file->tensors, (size_t)file->count, sizeof *file->tensors, by_place);
    for (int64_t i = 0; i < file->count; i++) {
        const struct safetensors_tensor *tensor = &file->tensors[i];
        if (tensor->offset != at)
            return fail(STATUS_FAILED,
                        "%s: tensor %.*s begins at byte %" PRId64 ", where the tensor before "
                        "it ends at %" PRId64 ": they %s",
                        file->path, SHOWN, tensor->name, tensor->offset, at,
                        tensor->offset < at ? "overlap" : "leave a gap");
        at += tensor->bytes;
    }
    if (at != file->end - file->start)
        return fail(STATUS_FAILED, "%s: its tensors end at byte %" PRId64 " of %" PRId64, file->path, at,
                    file->end - file->start);
    return STATUS_OK;
}

static enum status parse_header(struct safetensors *file, const char *text, size_t length)
{
    struct json *root = NULL;
    enum status status = json_parse(text, length, &root);
    if (status != STATUS_OK) {
        char message[200];
        strncpy(message, status_message(), sizeof message - 1);
        message[sizeof message - 1] = '\0';
        return fail(STATUS_FAILED, "%s: its header is no JSON: %s", file->path, message);
    }
    if (json_kind(root) != KIND_OBJECT)
        status = fail(STATUS_FAILED, "%s: its header is no JSON object", file->path);
    if (status == STATUS_OK)
        status = json_each(root, visit, file);
    if (status == STATUS_OK)
        status = check_places(file);
    json_free(root);
    return status;
}

/* --- the file --- */

static enum status read_header(struct safetensors *file)
{
    unsigned char bytes[8];
    uint64_t length = 0;
    struct buffer header = {0};
    file->end = file_size(file->path);
    if (file->end < 8)
        return fail(STATUS_FAILED, "%s has %" PRId64 " bytes, a safetensors file has 8 at least", file->path,
                    file->end);
    TRY(file_read_at(file->descriptor, file->path, 0, bytes, sizeof bytes));
    for (int i = 7; i >= 0; i--)
        length = length << 8 | bytes[i];
    if (length > LARGEST_HEADER || (int64_t)length > file->end - 8)
        return fail(STATUS_FAILED,
                    "%s: its header has %" PRIu64 " bytes, the file %" PRId64 " and a header "
                    "may have %d",
                    file->path, length, file->end, LARGEST_HEADER);
    file->start = 8 + (int64_t)length;
    enum status status = buffer_reserve(&header, (size_t)length);
    if (status == STATUS_OK)
        status = file_read_at(file->descriptor, file->path, 8, header.data, (size_t)length);
    if (status == STATUS_OK)
        status = parse_header(file, header.data, (size_t)length);
    buffer_free(&header);
    return status;
}

enum status safetensors_open(const char *path, struct safetensors **out)
{
    struct safetensors *file = memory_allocate(1, sizeof *file, "a file of tensors");
    *out = NULL;
    if (file == NULL)
        return STATUS_FAILED;
    file->path = memory_copy_text(path, strlen(path));
    file->descriptor = open(path, O_RDONLY | O_CLOEXEC);
    enum status status = file->path != NULL ? STATUS_OK : STATUS_FAILED;
    if (status == STATUS_OK && file->descriptor < 0)
        status = fail(STATUS_FAILED, "cannot read %s: %s", path, strerror(errno));
    if (status == STATUS_OK && !file_is_regular(path))
        status = fail(STATUS_FAILED, "cannot read %s: it is no regular file", path);
    if (status == STATUS_OK)
        status = read_header(file);
    if (status == STATUS_OK)
        *out = file;
    else
        safetensors_close(file);
    return status;
}

void safetensors_close(struct safetensors *file)
{
    if (file == NULL)
        return;
    for (int64_t i = 0; i < file->count; i++)
        free(file->tensors[i].name);
    free(file->tensors);
    if (file->descriptor >= 0)
        close(file->descriptor);
    free(file->path);
    memory_free(file);
}

int64_t safetensors_count(const struct safetensors *file)
{
    return file->count;
}

const struct safetensors_tensor *safetensors_tensor(const struct safetensors *file, int64_t index)
{
    return &file->tensors[index];
}

int64_t safetensors_find(const struct safetensors *file, const char *name)
{
    for (int64_t i = 0; i < file->count; i++)
        if (strcmp(file->tensors[i].name, name) == 0)
            return i;
    return -1;
}

enum status safetensors_read(struct safetensors *file, int64_t index, int64_t first, int64_t count,
                             float *out)
{
    const struct safetensors_tensor *tensor = &file->tensors[index];
    int64_t size = (int64_t)number_size(tensor->type);
    char *piece = memory_allocate(PIECE, (size_t)size, "a piece of a tensor");
    enum status status = piece != NULL ? STATUS_OK : STATUS_FAILED;
    for (int64_t done = 0; done < count && status == STATUS_OK; done += PIECE) {
        int64_t here = count - done < PIECE ? count - done : PIECE;
        status =
            file_read_at(file->descriptor, file->path, file->start + tensor->offset + (first + done) * size,
                         piece, (size_t)(here * size));
        if (status == STATUS_OK)
            number_read(tensor->type, out + done, piece, here);
    }
    memory_free(piece);
    return status;
}
