/* The shards that a rank has open for writing, and tidying up after older runs. A shard is a pair of files
 * with one number: a train and a validation shard. */
#ifndef LLMPI_SRC_PREPARE_SHARD_SET_H
#define LLMPI_SRC_PREPARE_SHARD_SET_H

#include "llmpi/base/folder_lock.h"
#include "llmpi/comm/comm.h"
#include "llmpi/data/shard.h"

#include <stdbool.h>
#include <stdint.h>

enum { TRAIN, VALIDATION, SPLITS };
extern const char *const split_names[SPLITS];

/* What shards hold, by split. */
struct shard_counts {
    int64_t documents[SPLITS], tokens[SPLITS], bytes[SPLITS], dropped[SPLITS];
};

struct shard_set {
    const char *directory;                 /* borrowed */
    int64_t shards;                        /* of the whole set, over all ranks */
    struct shard_writer **writers[SPLITS]; /* by number of the shard; NULL where it is not open here */
    struct shard_counts published;         /* by this set */
};

/* An empty set for a folder that exists. Close with shard_set_close in any case. */
enum status shard_set_create(struct shard_set *set, const char *directory, int64_t shards);

/* Starts writing both files of a shard. */
enum status shard_set_open(struct shard_set *set, int64_t shard, const struct shard_identity *identity);

/* The writer of a shard, or NULL when it is not open here. */
struct shard_writer *shard_set_writer(const struct shard_set *set, int64_t shard, int split);

/* Completes both files of a shard, the train file first. */
enum status shard_set_publish(struct shard_set *set, int64_t shard);

/* Abandons what was not published and frees. */
void shard_set_close(struct shard_set *set);

/* Makes the folder of the shards and takes its lock on rank 0, which removes what killed runs left half
 * written there. `option` is where the folder comes from, for messages. **Collective** */
enum status shard_set_take_directory(struct comm *comm, const char *directory, const char *option,
                                     struct folder_lock **lock);

/* Removes shards of another number than `shards`, and logs how many. For one rank, when every rank has
 * published. */
enum status shard_set_remove_stale(const char *directory, int64_t shards);

#endif
