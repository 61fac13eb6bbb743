/* Names, writers and leftovers. A file is known as ours by its name alone, so that a run with another number
 * of parts or another compression finds what the last one left. */
#include "clean_files.h"

#include "llmpi/base/file.h"
#include "llmpi/base/integer.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kinds[] = {"kept", "rejected"};
static const char *const endings[] = {[CLEAN_NONE] = "", [CLEAN_GZIP] = ".gz", [CLEAN_ZSTD] = ".zst"};

static enum status open_part(const struct clean_options *options, int64_t part, bool kept,
                             struct writer **out)
{
    char name[64];
    snprintf(name, sizeof name, "%s-%05" PRId64 "-of-%05" PRId64 ".jsonl%s", kinds[!kept], part,
             options->files, endings[options->compression]);
    char *path = path_join(options->directory, name);
    enum status status = path == NULL ? STATUS_FAILED : writer_open(path, out);
    free(path);
    return status;
}

enum status clean_files_open(struct clean_files *files, const struct clean_options *options, int64_t rank,
                             int64_t size)
{
    int64_t most = divide_up(options->files, size);
    *files = (struct clean_files){.rank = rank, .size = size};
    files->kept = memory_allocate(most, sizeof(struct writer *), "files to write");
    files->rejected = memory_allocate(most, sizeof(struct writer *), "files to write");
    if (files->kept == NULL || files->rejected == NULL)
        return STATUS_FAILED;
    for (int64_t part = rank; part < options->files; part += size) {
        int64_t at = files->count++;
        TRY(open_part(options, part, true, &files->kept[at]));
        TRY(open_part(options, part, false, &files->rejected[at]));
    }
    return STATUS_OK;
}

struct writer *clean_files_writer(const struct clean_files *files, int64_t part, bool kept)
{
    return (kept ? files->kept : files->rejected)[part / files->size];
}

static enum status publish(struct writer **writer)
{
    struct writer *finished = *writer;
    *writer = NULL;
    return writer_finish(finished);
}

enum status clean_files_publish(struct clean_files *files)
{
    for (int64_t i = 0; i < files->count; i++) {
        TRY(publish(&files->kept[i]));
        TRY(publish(&files->rejected[i]));
    }
    return STATUS_OK;
}

void clean_files_close(struct clean_files *files)
{
    for (int64_t i = 0; i < files->count; i++) {
        writer_abandon(files->kept[i]);
        writer_abandon(files->rejected[i]);
    }
    memory_free(files->kept);
    memory_free(files->rejected);
    *files = (struct clean_files){0};
}

/* What follows "-00003-of-00008" in a name, and that number of files; NULL: the name has another form. */
static const char *read_name(const char *name, int64_t *count)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t length = strlen(kinds[i]);
        int used = 0;
        if (strncmp(name, kinds[i], length) == 0 &&
            sscanf(name + length, "-%*9[0-9]-of-%9" SCNd64 ".jsonl%n", count, &used) == 1 && used > 0)
            return name + length + used;
    }
    return NULL;
}

bool clean_files_is_name(const char *name, bool *temporary)
{
    int64_t count;
    const char *rest = read_name(name, &count);
    for (size_t i = 0; i < sizeof endings / sizeof *endings && rest != NULL; i++) {
        size_t length = strlen(endings[i]);
        if (strncmp(rest, endings[i], length) != 0)
            continue;
        *temporary = strcmp(rest + length, ".tmp") == 0;
        if (*temporary || rest[length] == '\0')
            return true;
    }
    return false;
}

static bool is_temporary(const char *name, const void *unused)
{
    (void)unused;
    bool temporary = false;
    return clean_files_is_name(name, &temporary) && temporary;
}

/* Temporary, or of another number of files or another compression. */
static bool is_stale(const char *name, const void *context)
{
    const struct clean_options *options = context;
    bool temporary;
    int64_t count = 0;
    if (!clean_files_is_name(name, &temporary))
        return false;
    const char *rest = read_name(name, &count);
    return temporary || count != options->files || strcmp(rest, endings[options->compression]) != 0;
}

enum status clean_files_remove_stale(const struct clean_options *options, bool old)
{
    int64_t removed = 0;
    enum status status =
        directory_remove_files(options->directory, old ? is_stale : is_temporary, options, &removed);
    if (status == STATUS_OK && removed > 0)
        log_info("removed %" PRId64 " files of older runs from %s", removed, options->directory);
    return status;
}

/* Whether the folder of `path` is `folder` (resolved). */
static bool lies_in(const char *path, const char *folder)
{
    char *real = realpath(path, NULL);
    char *slash = real != NULL ? strrchr(real, '/') : NULL;
    if (slash != NULL)
        *slash = '\0';
    bool inside = slash != NULL && strcmp(real, folder) == 0;
    free(real);
    return inside;
}

enum status clean_files_exclude(const char *directory, struct string_list *inputs, int64_t *removed)
{
    *removed = 0;
    char *folder = realpath(directory, NULL);
    struct string_list left = {0};
    enum status status = STATUS_OK;
    for (int64_t i = 0; i < inputs->count && status == STATUS_OK; i++) {
        const char *path = inputs->items[i], *slash = strrchr(path, '/');
        bool temporary;
        bool ours = folder != NULL && clean_files_is_name(slash != NULL ? slash + 1 : path, &temporary) &&
                    lies_in(path, folder);
        *removed += ours;
        if (!ours)
            status = string_list_add(&left, path);
    }
    free(folder);
    string_list_free(inputs);
    *inputs = left;
    return status;
}
