/* Files are known by their names; what is in them is looked at when they are opened. */
#include "shard_files.h"

#include "llmpi/base/file.h"
#include "llmpi/data/shard.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* True when `name` is SPLIT-<digits>-of-<digits>.h5; the second number goes to `count`. */
static bool parse_name(const char *name, const char *split, int64_t *count)
{
    size_t length = strlen(split);
    int used = 0;
    if (strncmp(name, split, length) != 0)
        return false;
    if (sscanf(name + length, "-%*9[0-9]-of-%9" SCNd64 ".h5%n", count, &used) != 1 || used == 0)
        return false;
    return name[length + (size_t)used] == '\0' && *count > 0;
}

/* Into how many shards the split in this folder is cut; 0: there is none. Two numbers are left from two
 * different runs. */
static enum status find_count(const char *directory, const char *split, int64_t *out)
{
    enum status status = STATUS_OK;
    struct dirent *entry;
    char seen[256] = "";
    *out = 0;
    DIR *folder = opendir(directory);
    if (folder == NULL)
        return fail(STATUS_FAILED, "cannot read %s: %s: run `llmpi shard` first", directory, strerror(errno));
    while (status == STATUS_OK && (entry = readdir(folder)) != NULL) {
        int64_t count = 0;
        if (!parse_name(entry->d_name, split, &count))
            continue;
        if (seen[0] != '\0' && count != *out)
            status = fail(STATUS_FAILED, "%s holds shards of two sets, such as %s and %s: remove one of them",
                          directory, seen, entry->d_name);
        snprintf(seen, sizeof seen, "%s", entry->d_name);
        *out = count;
    }
    closedir(folder);
    return status;
}

static enum status add_shards(const char *directory, const char *split, int64_t shards,
                              struct string_list *paths)
{
    for (int64_t shard = 0; shard < shards; shard++) {
        char *path = shard_path(directory, split, shard, shards);
        if (path == NULL)
            return STATUS_FAILED;
        enum status status = STATUS_OK;
        if (!file_exists(path))
            status =
                fail(STATUS_FAILED, "shard %" PRId64 " of %" PRId64 " is missing: %s", shard, shards, path);
        else
            status = string_list_add(paths, path);
        free(path);
        TRY(status);
    }
    return STATUS_OK;
}

/* llm.c's names: fineweb_train_000001.bin, fineweb_val_000000.bin. No file is of both splits. */
static bool is_bare(const char *name, const char *split)
{
    bool train = strstr(name, "train") != NULL;
    if (!path_has_suffix(name, SHARD_BARE_ENDING))
        return false;
    return strcmp(split, "train") == 0 ? train : !train && strstr(name, "val") != NULL;
}

static enum status add_bare(const char *directory, const char *split, struct string_list *paths)
{
    struct string_list names = {0};
    enum status status = directory_list(directory, &names);
    for (int64_t i = 0; i < names.count && status == STATUS_OK; i++) {
        if (!is_bare(names.items[i], split))
            continue;
        char *path = path_join(directory, names.items[i]);
        status = path != NULL ? string_list_add(paths, path) : STATUS_FAILED;
        free(path);
    }
    string_list_free(&names);
    return status;
}

enum status shard_files_list(const char *directory, const char *split, struct string_list *paths)
{
    int64_t shards = 0;
    TRY(find_count(directory, split, &shards));
    TRY(shards > 0 ? add_shards(directory, split, shards, paths) : add_bare(directory, split, paths));
    if (paths->count == 0)
        return fail(STATUS_FAILED, "no shards of split '%s' in %s: run `llmpi shard` first", split,
                    directory);
    return STATUS_OK;
}
