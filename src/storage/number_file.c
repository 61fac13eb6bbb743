/* Numbers are rounded in pieces, so that a tensor of any size needs little memory. */
#include "llmpi/storage/number_file.h"

#include "llmpi/base/file.h"
#include "llmpi/base/memory.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 65536 };

struct number_file {
    char *path, *temporary;
    int descriptor;
    int64_t header;
    const struct number_tensor *tensors;
    char piece[PIECE * 4];
};

static int64_t tensor_bytes(const struct number_tensor *tensor)
{
    return tensor->sizes[0] * tensor->sizes[1] * (int64_t)number_size(tensor->type);
}

int64_t number_file_place(struct number_tensor *tensors, int64_t count, int64_t alignment)
{
    int64_t at = 0;
    for (int64_t i = 0; i < count; i++) {
        at = (at + alignment - 1) / alignment * alignment;
        tensors[i].offset = at;
        at += tensor_bytes(&tensors[i]);
    }
    return (at + alignment - 1) / alignment * alignment;
}

enum status number_file_create(const char *path, const struct buffer *header,
                               const struct number_tensor *tensors, int64_t bytes, struct number_file **out)
{
    struct number_file *file = memory_allocate(1, sizeof *file, "a file of tensors");
    struct buffer temporary = {0};
    *out = NULL;
    if (file == NULL)
        return STATUS_FAILED;
    file->descriptor = -1;
    file->header = (int64_t)header->length;
    file->tensors = tensors;
    file->path = memory_copy_text(path, strlen(path));
    enum status status = file->path != NULL ? buffer_printf(&temporary, "%s.tmp", path) : STATUS_FAILED;
    file->temporary = temporary.data;
    if (status == STATUS_OK) {
        file->descriptor = open(file->temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (file->descriptor < 0)
            status = file_fail("write", path);
    }
    if (status == STATUS_OK)
        status = file_write_at(file->descriptor, path, 0, header->data, header->length);
    if (status == STATUS_OK && ftruncate(file->descriptor, (off_t)(file->header + bytes)) != 0)
        status = file_fail("write", path);
    if (status == STATUS_OK)
        *out = file;
    else
        number_file_abandon(file);
    return status;
}

enum status number_file_write(struct number_file *file, int64_t index, int64_t first, const float *values,
                              int64_t count)
{
    const struct number_tensor *tensor = &file->tensors[index];
    int64_t size = (int64_t)number_size(tensor->type), start = file->header + tensor->offset;
    for (int64_t done = 0; done < count; done += PIECE) {
        int64_t piece = count - done < PIECE ? count - done : PIECE;
        if (number_write(tensor->type, file->piece, values + done, piece) > 0)
            return fail(STATUS_FAILED, "tensor %s holds a number that is too large for %s: use f32 or bf16",
                        tensor->name, number_name(tensor->type));
        TRY(file_write_at(file->descriptor, file->path, start + (first + done) * size, file->piece,
                          (size_t)(piece * size)));
    }
    return STATUS_OK;
}

static void release(struct number_file *file)
{
    free(file->path);
    free(file->temporary);
    memory_free(file);
}

enum status number_file_publish(struct number_file *file)
{
    enum status status = file_publish(file->descriptor, file->temporary, file->path);
    release(file);
    return status;
}

void number_file_abandon(struct number_file *file)
{
    if (file == NULL)
        return;
    if (file->descriptor >= 0) {
        close(file->descriptor);
        unlink(file->temporary);
    }
    release(file);
}
