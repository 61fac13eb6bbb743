/* Decompression. A decoder is a function that moves from the input buffer to the caller's bytes and says
 * where it stands: between two members, inside one, or before damage. The input buffer is refilled here only.
 */
#include "llmpi/corpus/stream.h"

#include "llmpi/base/file.h"
#include "llmpi/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

enum { INPUT_BYTES = 1 << 18 };
enum { ZSTD_STEP = 1 << 16 }; /* bytes decoded at once: what is lost where damage is found */

struct stream {
    char *path;
    int descriptor;
    struct file_kind kind;
    char *input;
    size_t begin, end; /* of the input not yet decoded */
    int64_t position;
    bool input_ended;
    bool inside;  /* a member or frame has begun and not ended */
    bool padding; /* zeros follow the last gzip member */
    bool out_of_memory;
    char damage[256];
    z_stream gzip;
    ZSTD_DCtx *zstd;
};

static enum status prepare_decoder(struct stream *stream)
{
    bool ready = true;
    if (stream->kind.compression == COMPRESSION_GZIP)
        ready = inflateInit2(&stream->gzip, 15 + 16) == Z_OK; /* the largest window; gzip, not zlib */
    if (stream->kind.compression == COMPRESSION_ZSTD) {
        stream->zstd = ZSTD_createDCtx();
        ready = stream->zstd != NULL &&
                !ZSTD_isError(ZSTD_DCtx_setParameter(stream->zstd, ZSTD_d_windowLogMax,
                                                     ZSTD_dParam_getBounds(ZSTD_d_windowLogMax).upperBound));
    }
    stream->inside =
        stream->kind.compression != COMPRESSION_NONE; /* a compressed file has at least one member */
    return ready ? STATUS_OK : fail(STATUS_FAILED, "out of memory: a decoder for %s", stream->path);
}

enum status stream_open(const char *path, struct file_kind kind, struct stream **out)
{
    struct stream *stream = memory_allocate(1, sizeof *stream, "a file to read");
    if (stream == NULL)
        return STATUS_FAILED;
    stream->kind = kind;
    stream->path = memory_copy_text(path, strlen(path));
    stream->input = memory_resize(NULL, INPUT_BYTES, 1, "a file to read");
    stream->descriptor = open(path, O_RDONLY | O_CLOEXEC);
    enum status status = STATUS_FAILED;
    if (stream->descriptor < 0)
        file_fail("read", path);
    else if (stream->path != NULL && stream->input != NULL)
        status = prepare_decoder(stream);
    if (status != STATUS_OK)
        stream_close(stream);
    *out = status == STATUS_OK ? stream : NULL;
    return status;
}

/* What one call of read gives; *got is 0 only at the end of the file. */
static enum status read_some(struct stream *stream, char *data, size_t capacity, size_t *got)
{
    ssize_t length;
    do
        length = read(stream->descriptor, data, capacity);
    while (length < 0 && errno == EINTR);
    if (length < 0)
        return file_fail("read", stream->path);
    *got = (size_t)length;
    stream->position += length;
    stream->input_ended = length == 0;
    return STATUS_OK;
}

/* Reads more input. Only called when all of it is decoded. */
static enum status refill(struct stream *stream)
{
    stream->begin = 0;
    stream->end = 0;
    return read_some(stream, stream->input, INPUT_BYTES, &stream->end);
}

static enum status read_plain(struct stream *stream, char *data, size_t capacity, size_t *got)
{
    stream->input_ended = false;
    while (*got < capacity && !stream->input_ended) {
        size_t length = 0;
        TRY(read_some(stream, data + *got, capacity - *got, &length));
        *got += length;
    }
    return STATUS_OK;
}

enum status stream_seek(struct stream *stream, int64_t offset)
{
    if (stream->kind.compression != COMPRESSION_NONE || lseek(stream->descriptor, offset, SEEK_SET) < 0)
        return fail(STATUS_FAILED, "cannot go to byte %lld of %s: %s", (long long)offset, stream->path,
                    stream->kind.compression != COMPRESSION_NONE ? "it is compressed" : strerror(errno));
    stream->position = offset;
    return STATUS_OK;
}

/* Between members: another member may follow, or zeros up to the end, which tapes and some tools leave
 * (gzip(1) ignores them too). */
static void begin_member(struct stream *stream)
{
    while (stream->begin < stream->end && stream->input[stream->begin] == '\0') {
        stream->begin++;
        stream->padding = true;
    }
    if (stream->begin == stream->end)
        return;
    if (stream->padding || inflateReset(&stream->gzip) != Z_OK)
        snprintf(stream->damage, sizeof stream->damage, "the gzip data are followed by something else");
    stream->inside = true;
}

static size_t decode_gzip(struct stream *stream, char *data, size_t capacity)
{
    if (!stream->inside)
        begin_member(stream);
    if (!stream->inside || stream->damage[0] != '\0')
        return 0;
    z_stream *gzip = &stream->gzip;
    uInt room = capacity < 1u << 30 ? (uInt)capacity : 1u << 30;
    gzip->next_in = (Bytef *)stream->input + stream->begin;
    gzip->avail_in = (uInt)(stream->end - stream->begin);
    gzip->next_out = (Bytef *)data;
    gzip->avail_out = room;
    int result = inflate(gzip, Z_NO_FLUSH);
    stream->begin = stream->end - gzip->avail_in;
    if (result == Z_STREAM_END)
        stream->inside = false;
    else if (result == Z_MEM_ERROR)
        stream->out_of_memory = true;
    else if (result != Z_OK && result != Z_BUF_ERROR)
        snprintf(stream->damage, sizeof stream->damage, "the gzip data are damaged (%s)",
                 gzip->msg != NULL ? gzip->msg : zError(result));
    return room - gzip->avail_out;
}

static size_t decode_zstd(struct stream *stream, char *data, size_t capacity)
{
    ZSTD_inBuffer input = {stream->input, stream->end, stream->begin};
    ZSTD_outBuffer output = {data, capacity < ZSTD_STEP ? capacity : ZSTD_STEP, 0};
    size_t result = ZSTD_decompressStream(stream->zstd, &output, &input);
    stream->begin = input.pos;
    if (ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation)
        stream->out_of_memory = true;
    else if (ZSTD_isError(result))
        snprintf(stream->damage, sizeof stream->damage, "the Zstandard data are damaged (%s)",
                 ZSTD_getErrorName(result));
    stream->inside = result != 0;
    return output.pos;
}

static size_t decode(struct stream *stream, char *data, size_t capacity)
{
    return stream->kind.compression == COMPRESSION_GZIP ? decode_gzip(stream, data, capacity)
                                                        : decode_zstd(stream, data, capacity);
}

enum status stream_read(struct stream *stream, char *data, size_t capacity, size_t *got)
{
    *got = 0;
    if (stream->kind.compression == COMPRESSION_NONE)
        return read_plain(stream, data, capacity, got);
    while (*got < capacity && stream->damage[0] == '\0') {
        /* A decoder may hold back output when the caller's bytes are full, so it is asked before the input.
         */
        size_t length =
            stream->inside || stream->begin < stream->end ? decode(stream, data + *got, capacity - *got) : 0;
        *got += length;
        if (stream->out_of_memory)
            return fail(STATUS_FAILED, "out of memory: decompressing %s", stream->path);
        if (length > 0 || stream->begin < stream->end)
            continue;
        if (stream->input_ended)
            break;
        TRY(refill(stream));
    }
    if (stream->input_ended && stream->inside && *got < capacity && stream->damage[0] == '\0')
        snprintf(stream->damage, sizeof stream->damage, "the %s data end too early, the file is cut off",
                 stream->kind.compression == COMPRESSION_GZIP ? "gzip" : "Zstandard");
    return STATUS_OK;
}

const char *stream_damage(const struct stream *stream)
{
    return stream->damage[0] != '\0' ? stream->damage : NULL;
}

int64_t stream_position(const struct stream *stream)
{
    return stream->position;
}

void stream_close(struct stream *stream)
{
    if (stream == NULL)
        return;
    if (stream->descriptor >= 0)
        close(stream->descriptor);
    if (stream->kind.compression == COMPRESSION_GZIP)
        inflateEnd(&stream->gzip);
    ZSTD_freeDCtx(stream->zstd);
    free(stream->input);
    free(stream->path);
    memory_free(stream);
}
