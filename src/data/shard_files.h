/* The files of a split in a folder. */
#ifndef LLMPI_SRC_DATA_SHARD_FILES_H
#define LLMPI_SRC_DATA_SHARD_FILES_H

#include "llmpi/base/string_list.h"

#define SHARD_MASK "loss_mask" /* data set and attribute of shards with a mask */

/* Adds the paths of all shards of a split, in order: SPLIT-00000-of-N.h5 to the last, or where there are
 * none, llm.c's *train*.bin or *val*.bin. Shards of two numbers, a missing one, and none at all are errors.
 */
enum status shard_files_list(const char *directory, const char *split, struct string_list *paths);

#endif
