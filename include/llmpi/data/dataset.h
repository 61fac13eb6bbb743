/* All shards of one split, seen as windows of tokens. */
#ifndef LLMPI_DATA_DATASET_H
#define LLMPI_DATA_DATASET_H

#include "llmpi/base/status.h"
#include "llmpi/data/shard.h"

#include <stdbool.h>
#include <stdint.h>

struct dataset;

/* Opens every SPLIT shard of a folder: all of "-of-N" must be there, of one tokenizer and one run; "no shards
 * of split ... in ...: run `llmpi shard`". A folder without such shards of the split may hold llm.c's
 * instead: files *train*.bin, or *val*.bin for validation, in order of their names. */
enum status dataset_open(const char *directory, const char *split, struct dataset **out);
void dataset_close(struct dataset *dataset);

int64_t dataset_shards(const struct dataset *dataset);
int64_t dataset_tokens(const struct dataset *dataset);
int64_t dataset_documents(const struct dataset *dataset);
int64_t dataset_vocab_size(const struct dataset *dataset);
uint64_t dataset_fingerprint(const struct dataset *dataset); /* of the run of `llmpi shard` */

/* Whether all shards have a loss mask: they hold examples to tune on (data/example_set.h). */
bool dataset_masked(const struct dataset *dataset);

/* Shard `index`, borrowed. */
struct shard *dataset_shard(const struct dataset *dataset, int64_t index);

/* STATUS_FAILED with one sentence when the shards are of another tokenizer or vocabulary, or are cut into
 * chunks of another length than context_length + 1. Of llm.c's shards nothing is known: every window that is
 * read is checked against vocab_size. */
enum status dataset_check(struct dataset *dataset, uint64_t tokenizer_digest, int64_t vocab_size,
                          int64_t context_length);

/* Whether the shards say where their documents start; those of llm.c do not. */
bool dataset_knows_documents(const struct dataset *dataset);

/* STATUS_FAILED when the documents of the shards do not end with `token`. Looks at one end within a shard;
 * data sets without one, cut into chunks, or of llm.c, pass. */
enum status dataset_check_ends(struct dataset *dataset, uint32_t token);

/* Windows of `context_length` + 1 tokens that start every `stride` tokens of each shard, as many as fit
 * whole. Of shards cut into chunks (shard.h), each chunk is one window, whatever the stride: no window holds
 * two documents. */
int64_t dataset_windows(const struct dataset *dataset, int64_t context_length, int64_t stride);

/* The context_length + 1 tokens of window `index`. An id not below vocab_size is an error (damaged data). */
enum status dataset_read_window(struct dataset *dataset, int64_t context_length, int64_t stride,
                                int64_t index, uint32_t *out);

#endif
