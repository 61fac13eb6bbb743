/* Bytes are gathered, compressed where the ending asks for it, and written to PATH.tmp, which is renamed at
 * the end. Something that is there and no ordinary file (a pipe, /dev/null) is written to as it is. */
#include "llmpi/corpus/writer.h"

#include "llmpi/base/buffer.h"
#include "llmpi/base/file.h"
#include "llmpi/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum { GATHERED = 1 << 18 }; /* bytes that wait for a write */

struct writer {
    char *path;
    struct buffer temporary; /* name of the file that is renamed at the end; empty: none */
    int descriptor;
    struct buffer gathered;
    bool failed; /* something is missing: the file must not appear */
    bool gzip;
    z_stream deflate;
    ZSTD_CCtx *zstd; /* NULL: not Zstandard */
};

/* Passes all gathered bytes to the file. */
static enum status flush(struct writer *writer)
{
    const char *next = writer->gathered.data;
    for (size_t left = writer->gathered.length; left > 0;) {
        ssize_t written = write(writer->descriptor, next, left);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return file_fail("write", writer->path);
        next += written;
        left -= (size_t)written;
    }
    buffer_clear(&writer->gathered);
    return STATUS_OK;
}

/* Room for compressed bytes: at least half of GATHERED. */
static enum status make_room(struct writer *writer)
{
    if (writer->gathered.length > GATHERED / 2)
        TRY(flush(writer));
    return buffer_reserve(&writer->gathered, GATHERED / 2);
}

static enum status add_gzip(struct writer *writer, const char *data, size_t length, bool last)
{
    z_stream *gzip = &writer->deflate;
    for (int result = Z_OK; length > 0 || (last && result != Z_STREAM_END);) {
        TRY(make_room(writer));
        uInt part = length < 1u << 30 ? (uInt)length : 1u << 30;
        gzip->next_in = (Bytef *)(uintptr_t)data; /* zlib has no const, and only reads */
        gzip->avail_in = part;
        gzip->next_out = (Bytef *)writer->gathered.data + writer->gathered.length;
        gzip->avail_out = GATHERED / 2;
        result = deflate(gzip, last && part == length ? Z_FINISH : Z_NO_FLUSH);
        writer->gathered.length += GATHERED / 2 - gzip->avail_out;
        data += part - gzip->avail_in;
        length -= part - gzip->avail_in;
    }
    return STATUS_OK;
}

static enum status add_zstd(struct writer *writer, const char *data, size_t length, bool last)
{
    ZSTD_inBuffer input = {data, length, 0};
    for (size_t left = 1; input.pos < length || (last && left != 0);) {
        TRY(make_room(writer));
        ZSTD_outBuffer output = {writer->gathered.data + writer->gathered.length, GATHERED / 2, 0};
        left = ZSTD_compressStream2(writer->zstd, &output, &input, last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left))
            return fail(STATUS_FAILED, "cannot compress %s: %s", writer->path, ZSTD_getErrorName(left));
        writer->gathered.length += output.pos;
    }
    return STATUS_OK;
}

static enum status add(struct writer *writer, const char *data, size_t length, bool last)
{
    if (writer->gzip)
        return add_gzip(writer, data, length, last);
    if (writer->zstd != NULL)
        return add_zstd(writer, data, length, last);
    TRY(buffer_append(&writer->gathered, data, length));
    return writer->gathered.length >= GATHERED ? flush(writer) : STATUS_OK;
}

static enum status prepare_encoder(struct writer *writer)
{
    bool ready = true;
    if (path_has_suffix(writer->path, ".gz")) {
        ready = deflateInit2(&writer->deflate, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8,
                             Z_DEFAULT_STRATEGY) == Z_OK; /* the largest window; gzip, not zlib */
        writer->gzip = ready;
    } else if (path_has_suffix(writer->path, ".zst")) {
        writer->zstd = ZSTD_createCCtx();
        ready = writer->zstd != NULL &&
                !ZSTD_isError(ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_checksumFlag, 1));
    }
    return ready ? STATUS_OK : fail(STATUS_FAILED, "out of memory: an encoder for %s", writer->path);
}

static enum status open_output(struct writer *writer)
{
    struct stat there;
    bool in_place = stat(writer->path, &there) == 0 && !S_ISREG(there.st_mode);
    if (!in_place)
        TRY(buffer_printf(&writer->temporary, "%s.tmp", writer->path));
    const char *name = in_place ? writer->path : writer->temporary.data;
    writer->descriptor = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (writer->descriptor < 0)
        return file_fail("write", writer->path);
    return STATUS_OK;
}

enum status writer_open(const char *path, struct writer **out)
{
    *out = NULL;
    struct writer *writer = memory_allocate(1, sizeof *writer, "a file to write");
    if (writer == NULL)
        return STATUS_FAILED;
    bool standard_output = strcmp(path, "-") == 0;
    writer->descriptor = standard_output ? STDOUT_FILENO : -1;
    writer->path =
        standard_output ? memory_copy_text("standard output", 15) : memory_copy_text(path, strlen(path));
    enum status status = writer->path != NULL ? STATUS_OK : STATUS_FAILED;
    if (status == STATUS_OK && !standard_output)
        status = open_output(writer);
    if (status == STATUS_OK)
        status = prepare_encoder(writer);
    if (status != STATUS_OK)
        writer_abandon(writer);
    else
        *out = writer;
    return status;
}

enum status writer_add(struct writer *writer, const char *data, size_t length)
{
    enum status status = length > 0 ? add(writer, data, length, false) : STATUS_OK;
    writer->failed = writer->failed || status != STATUS_OK;
    return status;
}

enum status writer_finish(struct writer *writer)
{
    enum status status = STATUS_OK;
    if (writer->failed)
        status = fail(STATUS_FAILED, "cannot write %s: an earlier write failed", writer->path);
    if (status == STATUS_OK)
        status = add(writer, "", 0, true);
    if (status == STATUS_OK)
        status = flush(writer);
    if (status == STATUS_OK && writer->temporary.length > 0) {
        status = file_publish(writer->descriptor, writer->temporary.data, writer->path);
        writer->descriptor = -1;
        buffer_clear(&writer->temporary);
    }
    writer_abandon(writer);
    return status;
}

void writer_abandon(struct writer *writer)
{
    if (writer == NULL)
        return;
    if (writer->descriptor >= 0 && writer->descriptor != STDOUT_FILENO)
        close(writer->descriptor);
    if (writer->temporary.length > 0 && writer->descriptor >= 0)
        unlink(writer->temporary.data);
    if (writer->gzip)
        deflateEnd(&writer->deflate);
    ZSTD_freeCCtx(writer->zstd);
    buffer_free(&writer->gathered);
    buffer_free(&writer->temporary);
    free(writer->path);
    memory_free(writer);
}
