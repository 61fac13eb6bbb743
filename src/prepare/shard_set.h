/* The shards that one rank writes: of each split those whose number modulo `size` is its rank. */
#ifndef LLMPI_PREPARE_SHARD_SET_H
#define LLMPI_PREPARE_SHARD_SET_H

#include "llmpi/data/shard.h"

#include <stdbool.h>
#include <stdint.h>

struct shard_set {
    int64_t shards; /* of each split, over all ranks */
    int rank, size;
    int64_t count; /* of each split, of this rank */
    struct shard_writer **train, **validation;
};

/* Opens the writers of this rank in `directory`, which must exist. Close with shard_set_close in any case. */
enum status shard_set_open(struct shard_set *set, const char *directory, int64_t shards, int rank, int size,
                           const struct shard_identity *identity);

/* The writer of shard `shard`, which must be one of this rank. */
struct shard_writer *shard_set_writer(const struct shard_set *set, int64_t shard, bool validation);

/* Publishes all shards; stops at the first failure. */
enum status shard_set_publish(struct shard_set *set);

/* Abandons what was not published and frees. */
void shard_set_close(struct shard_set *set);

/* Removes shards of another number than `shards` and temporary files of dead runs from a folder, and logs how
 * many. For one rank, when every rank has published. */
enum status shard_set_remove_stale(const char *directory, int64_t shards);

#endif
