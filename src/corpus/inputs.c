/* Inputs to files with glob(3) and fts(3), which follows symbolic links and knows when they run in a circle.
 */
#include "llmpi/corpus/inputs.h"

#include "llmpi/base/file.h"
#include "llmpi/base/memory.h"

#include <errno.h>
#include <fts.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KNOWN_ENDINGS                                                                                        \
    ".txt, .jsonl, .ndjson and .json (JSON lines, the last one also an array), each also with .gz or .zst, " \
    "or .parquet"

struct file_kind file_kind_of(const char *path)
{
    static const char *const formats[] = {".txt", ".jsonl", ".ndjson", ".json"};
    static const enum corpus_format of_ending[] = {FORMAT_TEXT, FORMAT_JSON_LINES, FORMAT_JSON_LINES,
                                                   FORMAT_JSON};
    static const char *const compressed[] = {"", ".gz", ".zst"}; /* as COMPRESSION_... */
    for (int i = 0; i < 12; i++) {
        char ending[16];
        snprintf(ending, sizeof ending, "%s%s", formats[i / 3], compressed[i % 3]);
        if (path_has_suffix(path, ending))
            return (struct file_kind){.format = of_ending[i / 3], .compression = (enum compression)(i % 3)};
    }
    return (struct file_kind){.format = path_has_suffix(path, ".parquet") ? FORMAT_PARQUET : FORMAT_UNKNOWN};
}

static enum status add_file(const char *path, struct string_list *files)
{
    if (file_kind_of(path).format == FORMAT_UNKNOWN)
        return fail(STATUS_FAILED,
                    "%s: unknown kind of corpus file, expected a name that ends in " KNOWN_ENDINGS, path);
    return string_list_add(files, path);
}

/* One step of the walk through a folder. */
static enum status visit(FTS *walk, FTSENT *entry, struct string_list *files)
{
    bool hidden = entry->fts_level > 0 && entry->fts_name[0] == '.';
    switch (entry->fts_info) {
    case FTS_D:
        if (hidden)
            fts_set(walk, entry, FTS_SKIP);
        return STATUS_OK;
    case FTS_DC:
        return fail(STATUS_FAILED, "%s: a symbolic link leads back to a folder above it", entry->fts_path);
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        return fail(STATUS_FAILED, "cannot read %s: %s", entry->fts_path, strerror(entry->fts_errno));
    case FTS_F:
    case FTS_DEFAULT:
    case FTS_SLNONE:
        return hidden || file_kind_of(entry->fts_path).format == FORMAT_UNKNOWN
                   ? STATUS_OK
                   : add_file(entry->fts_path, files);
    default:
        return STATUS_OK;
    }
}

static enum status add_folder(const char *path, struct string_list *files)
{
    int64_t before = files->count;
    char *copy = memory_copy_text(path, strlen(path));
    if (copy == NULL)
        return STATUS_FAILED;
    for (size_t length = strlen(copy); length > 1 && copy[length - 1] == '/'; length--)
        copy[length - 1] = '\0'; /* one spelling of the paths inside */
    enum status status = STATUS_OK;
    FTS *walk = fts_open((char *[]){copy, NULL}, FTS_LOGICAL | FTS_NOCHDIR, NULL);
    if (walk == NULL) {
        status = file_fail("read", path);
        goto cleanup;
    }
    for (FTSENT *entry; status == STATUS_OK && (errno = 0, entry = fts_read(walk)) != NULL;)
        status = visit(walk, entry, files);
    if (status == STATUS_OK && errno != 0)
        status = file_fail("read", path);
    fts_close(walk);
    if (status == STATUS_OK && files->count == before)
        status = fail(STATUS_FAILED,
                      "%s: the folder has no corpus files, expected names that end in " KNOWN_ENDINGS, path);
cleanup:
    free(copy);
    return status;
}

static enum status add_path(const char *path, struct string_list *files)
{
    return file_is_directory(path) ? add_folder(path, files) : add_file(path, files);
}

static enum status add_pattern(const char *pattern, struct string_list *files)
{
    glob_t found = {0};
    enum status status = STATUS_OK;
    int result = glob(pattern, GLOB_ERR | GLOB_NOSORT | GLOB_BRACE | GLOB_TILDE, NULL, &found);
    if (result == GLOB_NOMATCH)
        status = fail(STATUS_FAILED, "%s: no such file, and no file matches it as a pattern", pattern);
    else if (result != 0)
        status = fail(STATUS_FAILED, "%s: cannot search for files: %s", pattern, strerror(errno));
    for (size_t i = 0; status == STATUS_OK && i < found.gl_pathc; i++)
        status = add_path(found.gl_pathv[i], files);
    globfree(&found);
    return status;
}

enum status inputs_resolve(const struct string_list *inputs, struct string_list *files)
{
    if (inputs == NULL || inputs->count == 0)
        return fail(STATUS_USAGE, "no corpus inputs: expected files, folders or patterns in corpus.inputs");
    for (int64_t i = 0; i < inputs->count; i++) {
        const char *input = inputs->items[i];
        struct string_list of_input = {0};
        enum status status = file_exists(input) ? add_path(input, &of_input) : add_pattern(input, &of_input);
        string_list_sort(&of_input);
        for (int64_t j = 0; status == STATUS_OK && j < of_input.count; j++)
            status = string_list_add(files, of_input.items[j]);
        string_list_free(&of_input);
        TRY(status);
    }
    return STATUS_OK;
}
