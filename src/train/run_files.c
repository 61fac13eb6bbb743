/* Two append-only files with known lengths. */
#include "llmpi/train/run_files.h"

#include "llmpi/base/file.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct growing {
    char *path;
    int descriptor;
    int64_t bytes;
};

struct run_files {
    struct growing metrics, samples;
};

static enum status cut(struct growing *file, int64_t bytes)
{
    int64_t size = file_size(file->path);
    if (size < bytes)
        log_warning("%s has %lld bytes, the checkpoint saw %lld: earlier steps are missing from it",
                    file->path, (long long)size, (long long)bytes);
    else if (ftruncate(file->descriptor, (off_t)bytes) != 0)
        return fail(STATUS_FAILED, "cannot cut %s back: %s", file->path, strerror(errno));
    file->bytes = size < bytes ? size : bytes;
    return STATUS_OK;
}

static enum status open_growing(const char *directory, const char *name, int64_t bytes, struct growing *out)
{
    out->descriptor = -1;
    out->path = path_join(directory, name);
    if (out->path == NULL)
        return STATUS_FAILED;
    out->descriptor = open(out->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (out->descriptor < 0)
        return file_fail("write", out->path);
    return cut(out, bytes);
}

static enum status add(struct growing *file, const struct buffer *text)
{
    TRY(file_write_at(file->descriptor, file->path, file->bytes, text->data, text->length));
    file->bytes += (int64_t)text->length;
    return STATUS_OK;
}

static void close_growing(struct growing *file)
{
    if (file->path != NULL && file->descriptor >= 0)
        close(file->descriptor);
    free(file->path);
}

enum status run_files_open(const char *directory, int64_t metrics_bytes, int64_t samples_bytes,
                           struct run_files **out)
{
    struct run_files *files = memory_allocate(1, sizeof *files, "the files of the run");
    if (files == NULL)
        return STATUS_FAILED;
    enum status status = open_growing(directory, "metrics.jsonl", metrics_bytes, &files->metrics);
    if (status == STATUS_OK)
        status = open_growing(directory, "samples.txt", samples_bytes, &files->samples);
    if (status != STATUS_OK)
        run_files_close(files);
    else
        *out = files;
    return status;
}

enum status run_files_cut(struct run_files *files, int64_t metrics_bytes, int64_t samples_bytes)
{
    TRY(cut(&files->metrics, metrics_bytes));
    return cut(&files->samples, samples_bytes);
}

enum status run_files_add_metrics(struct run_files *files, const struct buffer *lines)
{
    return add(&files->metrics, lines);
}

enum status run_files_add_sample(struct run_files *files, const struct buffer *text)
{
    return add(&files->samples, text);
}

int64_t run_files_metrics_bytes(const struct run_files *files)
{
    return files->metrics.bytes;
}

int64_t run_files_samples_bytes(const struct run_files *files)
{
    return files->samples.bytes;
}

enum status run_files_sync(struct run_files *files)
{
    if (fsync(files->metrics.descriptor) != 0)
        return file_fail("write", files->metrics.path);
    if (fsync(files->samples.descriptor) != 0)
        return file_fail("write", files->samples.path);
    return STATUS_OK;
}

void run_files_close(struct run_files *files)
{
    if (files == NULL)
        return;
    close_growing(&files->metrics);
    close_growing(&files->samples);
    memory_free(files);
}
