/* POSIX files, with errno turned into a sentence where it happens. */
#include "llmpi/base/file.h"

#include "llmpi/base/activity.h"
#include "llmpi/base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 1 << 24 }; /* bytes of one call, after which the thread has got on */

enum status file_fail(const char *verb, const char *path)
{
    return fail(STATUS_FAILED, "cannot %s %s: %s", verb, path, strerror(errno));
}

enum status file_read(const char *path, struct buffer *out)
{
    bool standard_input = strcmp(path, "-") == 0;
    int descriptor = standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return file_fail("read", path);
    enum status status = STATUS_OK;
    for (;;) {
        status = buffer_reserve(out, 1 << 16);
        if (status != STATUS_OK)
            break;
        ssize_t got = read(descriptor, out->data + out->length, out->capacity - out->length - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            status = file_fail("read", standard_input ? "standard input" : path);
        if (got <= 0)
            break;
        out->length += (size_t)got;
        out->data[out->length] = '\0';
    }
    if (out->data != NULL)
        out->data[out->length] = '\0';
    if (!standard_input)
        close(descriptor);
    return status;
}

enum status file_read_text(const char *path, struct buffer *out)
{
    size_t first = out->length;
    TRY(file_read(path, out));
    if (out->length - first >= 3 && memcmp(out->data + first, "\xEF\xBB\xBF", 3) == 0) {
        out->length -= 3;
        memmove(out->data + first, out->data + first + 3, out->length - first + 1);
    }
    return STATUS_OK;
}

enum status file_write_at(int descriptor, const char *path, int64_t offset, const void *data, size_t length)
{
    const char *next = data;
    while (length > 0) {
        ssize_t written = pwrite(descriptor, next, length < PIECE ? length : PIECE, (off_t)offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return file_fail("write", path);
        next += written;
        offset += written;
        length -= (size_t)written;
        activity_advance();
    }
    return STATUS_OK;
}

enum status file_read_at(int descriptor, const char *path, int64_t offset, void *data, size_t length)
{
    char *next = data;
    while (length > 0) {
        ssize_t got = pread(descriptor, next, length < PIECE ? length : PIECE, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return file_fail("read", path);
        if (got == 0)
            return fail(STATUS_FAILED, "cannot read %s: it ends at byte %lld, %zu bytes too early", path,
                        (long long)offset, length);
        next += got;
        offset += got;
        length -= (size_t)got;
        activity_advance();
    }
    return STATUS_OK;
}

/* Makes a rename survive a power failure. File systems that cannot fsync a folder say EINVAL: nothing to do.
 */
static enum status sync_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL   ? memory_copy_text(".", 1)
                   : slash == path ? memory_copy_text("/", 1)
                                   : memory_copy_text(path, (size_t)(slash - path));
    if (folder == NULL)
        return STATUS_FAILED;
    enum status status = STATUS_OK;
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0 || (fsync(descriptor) != 0 && errno != EINVAL))
        status = file_fail("write to folder", folder);
    if (descriptor >= 0)
        close(descriptor);
    free(folder);
    return status;
}

enum status file_publish(int descriptor, const char *temporary, const char *path)
{
    enum status status = STATUS_OK;
    if (fsync(descriptor) != 0)
        status = file_fail("write", temporary);
    if (close(descriptor) != 0 && status == STATUS_OK)
        status = file_fail("write", temporary);
    if (status == STATUS_OK && rename(temporary, path) != 0)
        status = file_fail("write", path);
    if (status != STATUS_OK) {
        unlink(temporary);
        return status;
    }
    return sync_folder_of(path);
}

enum status file_write(const char *path, const void *data, size_t length)
{
    struct buffer temporary = {0};
    enum status status = buffer_printf(&temporary, "%s.tmp", path);
    if (status != STATUS_OK)
        goto cleanup;
    int descriptor = open(temporary.data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor < 0) {
        status = file_fail("write", path);
        goto cleanup;
    }
    status = file_write_at(descriptor, path, 0, data, length);
    if (status == STATUS_OK) {
        status = file_publish(descriptor, temporary.data, path);
    } else {
        close(descriptor);
        unlink(temporary.data);
    }
cleanup:
    buffer_free(&temporary);
    return status;
}

enum status file_remove(const char *path)
{
    return unlink(path) == 0 || errno == ENOENT ? STATUS_OK : file_fail("remove", path);
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

bool file_is_directory(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

bool file_is_regular(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

int64_t file_size(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? (int64_t)status.st_size : -1;
}

int64_t file_modified(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return -1;
    return (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec;
}

enum status directory_create(const char *path)
{
    char *copy = memory_copy_text(path, strlen(path));
    if (copy == NULL)
        return STATUS_FAILED;
    enum status status = STATUS_OK;
    for (char *end = copy + 1; status == STATUS_OK; end++) {
        if (*end != '/' && *end != '\0')
            continue;
        bool last = *end == '\0';
        *end = '\0';
        int problem = mkdir(copy, 0777) == 0 ? 0 : errno;
        if (problem != 0 && !file_is_directory(copy)) {
            errno = problem; /* looking at it has set another */
            status = file_fail("make folder", copy);
        }
        if (last)
            break;
        *end = '/';
    }
    free(copy);
    return status;
}

enum status directory_list(const char *path, struct string_list *names)
{
    DIR *folder = opendir(path);
    if (folder == NULL)
        return file_fail("read", path);
    enum status status = STATUS_OK;
    errno = 0; /* readdir tells a failure from the end by it alone */
    for (struct dirent *entry; status == STATUS_OK && (entry = readdir(folder)) != NULL; errno = 0)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            status = string_list_add(names, entry->d_name);
    if (status == STATUS_OK && errno != 0)
        status = file_fail("read", path);
    closedir(folder);
    string_list_sort(names);
    return status;
}

enum status directory_remove_files(const char *path, bool (*chosen)(const char *name, const void *context),
                                   const void *context, int64_t *removed)
{
    struct string_list names = {0};
    enum status status = directory_list(path, &names);
    *removed = 0;
    for (int64_t i = 0; i < names.count && status == STATUS_OK; i++) {
        if (!chosen(names.items[i], context))
            continue;
        char *file = path_join(path, names.items[i]);
        status = file != NULL ? file_remove(file) : STATUS_FAILED;
        *removed += status == STATUS_OK;
        free(file);
    }
    string_list_free(&names);
    return status;
}

char *path_join(const char *folder, const char *name)
{
    struct buffer path = {0};
    size_t length = strlen(folder);
    bool slash = length > 0 && folder[length - 1] != '/';
    if (buffer_printf(&path, "%s%s%s", folder, slash ? "/" : "", name) != STATUS_OK)
        return NULL;
    return path.data;
}

bool path_has_suffix(const char *text, const char *ending)
{
    size_t length = strlen(text), tail = strlen(ending);
    return length >= tail && strcmp(text + length - tail, ending) == 0;
}
