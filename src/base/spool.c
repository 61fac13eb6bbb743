/* The first `written` bytes are in the file, the rest in the buffer; the buffer goes to the file as a whole
 * when it is full. */
#include "llmpi/base/spool.h"

#include "llmpi/base/file.h"
#include "llmpi/base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct spool {
    char *folder;
    char *name; /* for messages */
    int descriptor;
    size_t memory;
    int64_t written;
    struct buffer rest;
};

enum status spool_create(const char *folder, size_t memory, struct spool **out)
{
    struct spool *spool = memory_allocate(1, sizeof *spool, "a temporary file");
    *out = spool;
    if (spool == NULL)
        return STATUS_FAILED;
    static const char prefix[] = "the temporary file in ";
    struct buffer name = {0};
    enum status status = buffer_printf(&name, "%s%s", prefix, folder);
    spool->name = name.data;
    spool->folder = status == STATUS_OK ? spool->name + sizeof prefix - 1 : NULL;
    spool->descriptor = -1;
    spool->memory = memory;
    if (status != STATUS_OK) {
        spool_destroy(spool);
        *out = NULL;
    }
    return status;
}

void spool_destroy(struct spool *spool)
{
    if (spool == NULL)
        return;
    if (spool->descriptor >= 0)
        close(spool->descriptor);
    buffer_free(&spool->rest);
    free(spool->name);
    memory_free(spool);
}

static enum status open_file(struct spool *spool)
{
    char *path = path_join(spool->folder, ".llmpi-XXXXXX");
    if (path == NULL)
        return STATUS_FAILED;
    spool->descriptor = mkstemp(path);
    enum status status = STATUS_OK;
    if (spool->descriptor < 0 || unlink(path) != 0)
        status = file_fail("make", spool->name);
    free(path);
    return status;
}

enum status spool_append(struct spool *spool, const void *data, size_t length)
{
    TRY(buffer_append(&spool->rest, data, length));
    if (spool->rest.length <= spool->memory)
        return STATUS_OK;
    if (spool->descriptor < 0)
        TRY(open_file(spool));
    TRY(file_write_at(spool->descriptor, spool->name, spool->written, spool->rest.data, spool->rest.length));
    spool->written += (int64_t)spool->rest.length;
    buffer_clear(&spool->rest);
    return STATUS_OK;
}

enum status spool_read(struct spool *spool, int64_t offset, size_t length, struct buffer *out)
{
    if (offset < 0 || (uint64_t)offset > (uint64_t)spool_length(spool) ||
        length > (uint64_t)spool_length(spool) - (uint64_t)offset)
        return fail(STATUS_FAILED, "%zu bytes at %lld of %s, which has %lld", length, (long long)offset,
                    spool->name, (long long)spool_length(spool));
    size_t in_file = 0;
    if (offset < spool->written)
        in_file = length < (uint64_t)(spool->written - offset) ? length : (size_t)(spool->written - offset);
    TRY(buffer_reserve(out, length));
    if (in_file > 0)
        TRY(file_read_at(spool->descriptor, spool->name, offset, out->data + out->length, in_file));
    out->length += in_file;
    out->data[out->length] = '\0';
    if (in_file == length)
        return STATUS_OK;
    size_t skipped = (size_t)(offset + (int64_t)in_file - spool->written);
    return buffer_append(out, spool->rest.data + skipped, length - in_file);
}

int64_t spool_length(const struct spool *spool)
{
    return spool->written + (int64_t)spool->rest.length;
}
