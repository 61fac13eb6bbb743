/* A rank's shard writers, and tidying up after older runs. */
#include "shard_set.h"

#include "llmpi/base/file.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *const split_names[SPLITS] = {[TRAIN] = "train", [VALIDATION] = "validation"};

enum status shard_set_create(struct shard_set *set, const char *directory, int64_t shards)
{
    *set = (struct shard_set){.directory = directory, .shards = shards};
    for (int split = 0; split < SPLITS; split++) {
        set->writers[split] = memory_allocate(shards, sizeof(struct shard_writer *), "a table of shards");
        if (set->writers[split] == NULL)
            return STATUS_FAILED;
    }
    return STATUS_OK;
}

enum status shard_set_open(struct shard_set *set, int64_t shard, const struct shard_identity *identity)
{
    for (int split = 0; split < SPLITS; split++)
        TRY(shard_writer_open(set->directory, split_names[split], shard, set->shards, identity,
                              &set->writers[split][shard]));
    return STATUS_OK;
}

struct shard_writer *shard_set_writer(const struct shard_set *set, int64_t shard, int split)
{
    return set->writers[split][shard];
}

static enum status publish(struct shard_set *set, int64_t shard, int split)
{
    struct shard_writer *writer = set->writers[split][shard];
    struct shard_counts *counts = &set->published;
    counts->documents[split] += shard_writer_documents(writer);
    counts->tokens[split] += shard_writer_tokens(writer);
    counts->bytes[split] += shard_writer_bytes(writer);
    counts->dropped[split] += shard_writer_dropped(writer);
    set->writers[split][shard] = NULL;
    return shard_writer_publish(writer);
}

enum status shard_set_publish(struct shard_set *set, int64_t shard)
{
    for (int split = 0; split < SPLITS; split++)
        TRY(publish(set, shard, split));
    return STATUS_OK;
}

void shard_set_close(struct shard_set *set)
{
    for (int split = 0; split < SPLITS; split++) {
        for (int64_t i = 0; set->writers[split] != NULL && i < set->shards; i++)
            shard_writer_abandon(set->writers[split][i]);
        memory_free(set->writers[split]);
    }
    *set = (struct shard_set){0};
}

/* --- older runs --- */

/* True for the names of shards; `count` is the number of shards in it, `temporary` says that ".tmp" follows.
 */
static bool parse_name(const char *name, int64_t *count, bool *temporary)
{
    for (int split = 0; split < SPLITS; split++) {
        size_t length = strlen(split_names[split]);
        int used = 0;
        if (strncmp(name, split_names[split], length) != 0 ||
            sscanf(name + length, "-%*9[0-9]-of-%9" SCNd64 ".h5%n", count, &used) != 1 || used == 0)
            continue;
        const char *rest = name + length + used;
        *temporary = strcmp(rest, ".tmp") == 0;
        return *temporary || rest[0] == '\0';
    }
    *temporary = strcmp(name, SHARDS_TOKENIZER ".tmp") == 0;
    *count = 0;
    return *temporary;
}

static bool is_temporary(const char *name, const void *unused)
{
    (void)unused;
    int64_t count = 0;
    bool temporary = false;
    return parse_name(name, &count, &temporary) && temporary;
}

/* A shard of another number of shards. */
static bool is_stale(const char *name, const void *shards)
{
    int64_t count = 0;
    bool temporary = false;
    return parse_name(name, &count, &temporary) && !temporary && count != *(const int64_t *)shards;
}

enum status shard_set_take_directory(struct comm *comm, const char *directory, const char *option,
                                     struct folder_lock **lock)
{
    int64_t removed = 0;
    enum status status = STATUS_OK;
    if (comm_rank(comm) == 0) {
        status = directory_create(directory);
        if (status == STATUS_OK)
            status = folder_lock_take(directory, option, lock);
        if (status == STATUS_OK)
            status = directory_remove_files(directory, is_temporary, NULL, &removed);
    }
    return comm_agree(comm, status);
}

enum status shard_set_remove_stale(const char *directory, int64_t shards)
{
    int64_t removed = 0;
    enum status status = directory_remove_files(directory, is_stale, &shards, &removed);
    if (status == STATUS_OK && removed > 0)
        log_info("removed %" PRId64 " files of older runs from %s", removed, directory);
    return status;
}
