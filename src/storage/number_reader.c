/* The tensors become a table in the order of their bytes; every bound is checked when it is complete, so that
 * reading a tensor needs none. */
#include "llmpi/storage/number_reader.h"

#include "llmpi/base/file.h"
#include "llmpi/base/memory.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 65536, SHOWN = 60 };

struct number_reader {
    char *path;
    int descriptor;
    int64_t size, start; /* of the file; where the bytes of tensors begin */
    struct stored_tensor *tensors;
    int64_t count, capacity;
};

/* --- the file --- */

enum status number_reader_open(const char *path, struct number_reader **out)
{
    struct number_reader *reader = memory_allocate(1, sizeof *reader, "a file of tensors");
    *out = NULL;
    if (reader == NULL)
        return STATUS_FAILED;
    reader->path = memory_copy_text(path, strlen(path));
    reader->descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not keep us waiting */
    reader->size = file_size(path);
    enum status status = reader->path != NULL ? STATUS_OK : STATUS_FAILED;
    if (status == STATUS_OK && reader->descriptor < 0)
        status = file_fail("read", path);
    if (status == STATUS_OK && !file_is_regular(path))
        status = fail(STATUS_FAILED, "cannot read %s: it is no regular file", path);
    if (status == STATUS_OK)
        *out = reader;
    else
        number_reader_close(reader);
    return status;
}

void number_reader_close(struct number_reader *reader)
{
    if (reader == NULL)
        return;
    for (int64_t i = 0; i < reader->count; i++)
        free(reader->tensors[i].name);
    free(reader->tensors);
    if (reader->descriptor >= 0)
        close(reader->descriptor);
    free(reader->path);
    memory_free(reader);
}

const char *number_reader_path(const struct number_reader *reader)
{
    return reader->path;
}

int64_t number_reader_size(const struct number_reader *reader)
{
    return reader->size;
}

enum status number_reader_header(struct number_reader *reader, int64_t offset, void *data, size_t length)
{
    return file_read_at(reader->descriptor, reader->path, offset, data, length);
}

/* --- the table --- */

/* Elements and bytes of a tensor; false where they are none or too many. */
static bool measure(struct stored_tensor *tensor)
{
    tensor->count = 1;
    for (int i = 0; i < tensor->dimensions; i++)
        if (tensor->sizes[i] < 0 || __builtin_mul_overflow(tensor->count, tensor->sizes[i], &tensor->count))
            return false;
    int64_t row = tensor->dimensions > 0 ? tensor->sizes[tensor->dimensions - 1] : 1;
    return row % tensor->storage->block == 0 &&
           !__builtin_mul_overflow(tensor->count / tensor->storage->block, tensor->storage->bytes,
                                   &tensor->bytes);
}

enum status number_reader_add(struct number_reader *reader, const char *name, size_t length,
                              const struct stored_tensor *tensor)
{
    struct stored_tensor added = *tensor;
    if (length == 0 || memchr(name, '\0', length) != NULL)
        return fail(STATUS_FAILED, "%s: the name of tensor %" PRId64 " %s", reader->path, reader->count,
                    length == 0 ? "is empty" : "has a NUL in it");
    for (int i = added.dimensions; i < STORED_DIMENSIONS; i++)
        added.sizes[i] = 1;
    if (!measure(&added))
        return fail(STATUS_FAILED, "%s: tensor %.*s has no shape that a tensor of %s can have", reader->path,
                    length < SHOWN ? (int)length : SHOWN, name, added.storage->name);
    struct stored_tensor *tensors =
        memory_grow(reader->tensors, reader->count, &reader->capacity, sizeof *tensors, "tensors of a file");
    if (tensors == NULL)
        return STATUS_FAILED;
    reader->tensors = tensors;
    added.name = memory_copy_text(name, length);
    if (added.name == NULL)
        return STATUS_FAILED;
    tensors[reader->count++] = added;
    return STATUS_OK;
}

static int by_name(const void *a, const void *b)
{
    const struct stored_tensor *left = a, *right = b;
    return strcmp(left->name, right->name);
}

static int by_place(const void *a, const void *b)
{
    const struct stored_tensor *left = a, *right = b;
    if (left->offset != right->offset)
        return left->offset < right->offset ? -1 : 1;
    return left->bytes < right->bytes ? -1 : left->bytes > right->bytes;
}

static void sort(struct number_reader *reader, int (*compare)(const void *, const void *))
{
    if (reader->count > 0)
        qsort(reader->tensors, (size_t)reader->count, sizeof *reader->tensors, compare);
}

static enum status check_names(struct number_reader *reader)
{
    sort(reader, by_name);
    for (int64_t i = 1; i < reader->count; i++)
        if (strcmp(reader->tensors[i - 1].name, reader->tensors[i].name) == 0)
            return fail(STATUS_FAILED, "%s: two tensors are called %.*s", reader->path, SHOWN,
                        reader->tensors[i].name);
    return STATUS_OK;
}

/* Of sorted tensors; `room` is what the file has behind its header. */
static enum status check_places(const struct number_reader *reader, int64_t room, bool dense)
{
    int64_t at = 0;
    for (int64_t i = 0; i < reader->count; i++) {
        const struct stored_tensor *tensor = &reader->tensors[i];
        if (tensor->offset < 0 || tensor->offset > room || tensor->bytes > room - tensor->offset)
            return fail(STATUS_FAILED,
                        "%s: tensor %.*s begins at byte %" PRId64 " and has %" PRId64 ", of %" PRId64
                        " behind the header",
                        reader->path, SHOWN, tensor->name, tensor->offset, tensor->bytes, room);
        if (tensor->offset < at || (dense && tensor->offset > at))
            return fail(STATUS_FAILED,
                        "%s: tensor %.*s begins at byte %" PRId64
                        ", where the tensor before it ends at %" PRId64 ": they %s",
                        reader->path, SHOWN, tensor->name, tensor->offset, at,
                        tensor->offset < at ? "overlap" : "leave a gap");
        at = tensor->offset + tensor->bytes;
    }
    if (dense && at != room)
        return fail(STATUS_FAILED, "%s: its tensors end at byte %" PRId64 " of %" PRId64, reader->path, at,
                    room);
    return STATUS_OK;
}

enum status number_reader_finish(struct number_reader *reader, int64_t start, bool dense)
{
    int64_t room = reader->size > start ? reader->size - start : 0;
    reader->start = start;
    TRY(check_names(reader));
    sort(reader, by_place);
    return check_places(reader, room, dense);
}

/* --- tensors --- */

int64_t number_reader_count(const struct number_reader *reader)
{
    return reader->count;
}

const struct stored_tensor *number_reader_tensor(const struct number_reader *reader, int64_t index)
{
    return &reader->tensors[index];
}

int64_t number_reader_find(const struct number_reader *reader, const char *name)
{
    for (int64_t i = 0; i < reader->count; i++)
        if (strcmp(reader->tensors[i].name, name) == 0)
            return i;
    return -1;
}

enum status number_reader_read(struct number_reader *reader, int64_t index, int64_t first, int64_t count,
                               float *out)
{
    const struct stored_tensor *tensor = &reader->tensors[index];
    int64_t size = tensor->storage->bytes, start = reader->start + tensor->offset;
    char *piece = memory_allocate(count < PIECE ? count : PIECE, (size_t)size, "a piece of a tensor");
    enum status status = piece != NULL ? STATUS_OK : STATUS_FAILED;
    for (int64_t done = 0; done < count && status == STATUS_OK; done += PIECE) {
        int64_t here = count - done < PIECE ? count - done : PIECE;
        status = file_read_at(reader->descriptor, reader->path, start + (first + done) * size, piece,
                              (size_t)(here * size));
        if (status == STATUS_OK)
            number_read(tensor->storage->type, out + done, piece, here);
    }
    memory_free(piece);
    return status;
}
