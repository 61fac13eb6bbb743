/* A rank's shard writers, and tidying up after older runs. */
#include "shard_set.h"

#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum status shard_set_open(struct shard_set *set, const char *directory, int64_t shards, int rank, int size,
                           const struct shard_identity *identity)
{
    *set = (struct shard_set){.shards = shards, .rank = rank, .size = size};
    int64_t count = rank < shards ? (shards - rank + size - 1) / size : 0;
    set->train = memory_allocate(count, sizeof(struct shard_writer *), "a table of shards");
    set->validation = memory_allocate(count, sizeof(struct shard_writer *), "a table of shards");
    if (set->train == NULL || set->validation == NULL)
        return STATUS_FAILED;
    for (set->count = 0; set->count < count;) {
        int64_t shard = rank + set->count * size, at = set->count++;
        TRY(shard_writer_open(directory, "train", shard, shards, identity, &set->train[at]));
        TRY(shard_writer_open(directory, "validation", shard, shards, identity, &set->validation[at]));
    }
    return STATUS_OK;
}

struct shard_writer *shard_set_writer(const struct shard_set *set, int64_t shard, bool validation)
{
    return (validation ? set->validation : set->train)[shard / set->size];
}

static enum status publish(struct shard_writer **writer)
{
    struct shard_writer *published = *writer;
    *writer = NULL;
    return shard_writer_publish(published);
}

enum status shard_set_publish(struct shard_set *set)
{
    for (int64_t i = 0; i < set->count; i++) {
        TRY(publish(&set->train[i]));
        TRY(publish(&set->validation[i]));
    }
    return STATUS_OK;
}

void shard_set_close(struct shard_set *set)
{
    for (int64_t i = 0; i < set->count; i++) {
        shard_writer_abandon(set->train[i]);
        shard_writer_abandon(set->validation[i]);
    }
    memory_free(set->train);
    memory_free(set->validation);
    *set = (struct shard_set){0};
}

/* True for the names of shards of another number, and of temporary files of any number. */
static bool is_stale(const char *name, int64_t shards)
{
    static const char *const splits[] = {"train", "validation"};
    for (size_t i = 0; i < sizeof splits / sizeof *splits; i++) {
        size_t length = strlen(splits[i]);
        int64_t count = 0;
        int used = 0;
        if (strncmp(name, splits[i], length) != 0 ||
            sscanf(name + length, "-%*9[0-9]-of-%9" SCNd64 ".h5%n", &count, &used) != 1 || used == 0)
            continue;
        const char *rest = name + length + used;
        return strcmp(rest, ".tmp") == 0 || (rest[0] == '\0' && count != shards);
    }
    return false;
}

enum status shard_set_remove_stale(const char *directory, int64_t shards)
{
    int64_t removed = 0;
    enum status status = STATUS_OK;
    struct dirent *entry;
    DIR *folder = opendir(directory);
    if (folder == NULL)
        return fail(STATUS_FAILED, "cannot read %s: %s", directory, strerror(errno));
    while (status == STATUS_OK && (entry = readdir(folder)) != NULL) {
        if (!is_stale(entry->d_name, shards))
            continue;
        if (unlinkat(dirfd(folder), entry->d_name, 0) != 0)
            status = fail(STATUS_FAILED, "cannot remove %s of an older run from %s: %s", entry->d_name,
                          directory, strerror(errno));
        removed++;
    }
    closedir(folder);
    if (status == STATUS_OK && removed > 0)
        log_info("removed %" PRId64 " files of older runs from %s", removed, directory);
    return status;
}
