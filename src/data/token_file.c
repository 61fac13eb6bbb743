/* Reading by pread: a window is one call, and a shared disk is asked for no more than that. */
#include "token_file.h"

#include "llmpi/base/file.h"
#include "llmpi/base/memory.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAGIC = 20240520, MAGIC_LLAMA3 = 20240801, VERSION = 1, HEADER = 1024 /* bytes */ };
enum { PIECE = 4096 /* tokens read at once */ };

struct token_file {
    char *path;
    int descriptor;
    int64_t count;
};

void token_file_close(struct token_file *file)
{
    if (file == NULL)
        return;
    if (file->descriptor >= 0)
        close(file->descriptor);
    free(file->path);
    memory_free(file);
}

static int64_t header_number(const unsigned char *header, int index)
{
    const unsigned char *bytes = header + 4 * index;
    uint32_t number =
        (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
    return (int32_t)number;
}

static enum status check_header(struct token_file *file)
{
    unsigned char header[HEADER];
    int64_t size = file_size(file->path);
    if (size < HEADER)
        return fail(STATUS_FAILED, "%s is truncated: it has %" PRId64 " bytes, the header alone has %d",
                    file->path, size, HEADER);
    TRY(file_read_at(file->descriptor, file->path, 0, header, sizeof header));
    int64_t magic = header_number(header, 0), version = header_number(header, 1);
    file->count = header_number(header, 2);
    if (magic == MAGIC_LLAMA3)
        return fail(STATUS_FAILED,
                    "%s holds llm.c's tokens of Llama 3 (magic %d), only GPT-2's (%d) are read", file->path,
                    MAGIC_LLAMA3, MAGIC);
    if (magic != MAGIC)
        return fail(STATUS_FAILED, "%s is no token file of llm.c: it begins with %" PRId64 ", not %d",
                    file->path, magic, MAGIC);
    if (version != VERSION)
        return fail(STATUS_FAILED, "%s has version %" PRId64 " of llm.c's token files, version %d is read",
                    file->path, version, VERSION);
    if (file->count < 0 || size != HEADER + 2 * file->count)
        return fail(STATUS_FAILED,
                    "%s is %s: its header says %" PRId64 " tokens, which make %" PRId64
                    " bytes, but it has %" PRId64,
                    file->path, size < HEADER + 2 * file->count ? "truncated" : "damaged", file->count,
                    HEADER + 2 * file->count, size);
    return STATUS_OK;
}

enum status token_file_open(const char *path, struct token_file **out)
{
    *out = NULL;
    struct token_file *file = memory_allocate(1, sizeof *file, "a token file");
    if (file == NULL)
        return STATUS_FAILED;
    file->path = memory_copy_text(path, strlen(path));
    file->descriptor = open(path, O_RDONLY | O_CLOEXEC);
    enum status status = file->path == NULL ? STATUS_FAILED : STATUS_OK;
    if (status == STATUS_OK && file->descriptor < 0)
        status = file_fail("read", path);
    if (status == STATUS_OK)
        status = check_header(file);
    if (status != STATUS_OK)
        token_file_close(file);
    else
        *out = file;
    return status;
}

int64_t token_file_count(const struct token_file *file)
{
    return file->count;
}

enum status token_file_read(const struct token_file *file, int64_t first, int64_t count, uint32_t *out)
{
    unsigned char bytes[2 * PIECE];
    if (first < 0 || count < 0 || first > file->count - count)
        return fail(STATUS_FAILED, "%s has %" PRId64 " tokens, asked for %" PRId64 " from %" PRId64,
                    file->path, file->count, count, first);
    for (int64_t done = 0; done < count;) {
        int64_t piece = count - done < PIECE ? count - done : PIECE;
        TRY(file_read_at(file->descriptor, file->path, HEADER + 2 * (first + done), bytes,
                         2 * (size_t)piece));
        for (int64_t i = 0; i < piece; i++)
            out[done + i] = (uint32_t)bytes[2 * i] | (uint32_t)bytes[2 * i + 1] << 8;
        done += piece;
    }
    return STATUS_OK;
}
