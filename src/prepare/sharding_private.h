/* What the chapters of sharding share: the work (sharding.c), one pass over documents (shard_pass.c), and
 * what is said in the end (sharding_report.c). */
#ifndef LLMPI_SRC_PREPARE_SHARDING_PRIVATE_H
#define LLMPI_SRC_PREPARE_SHARDING_PRIVATE_H

#include "kept_shards.h"
#include "llmpi/base/log.h"
#include "llmpi/corpus/reader.h"
#include "llmpi/prepare/sharding.h"
#include "packer.h"
#include "shard_set.h"

struct sharding {
    const struct config *config;
    struct comm *comm;
    struct tokenizer *tokenizer;
    int64_t begin, end;               /* tokens around each document; -1: none */
    struct corpus corpus, validation; /* validation: files of its own, or empty */
    struct buffer inputs;             /* names of the files, one a line */
    struct shard_identity identity;
    int64_t inputs_modified; /* when one of the files last was */
    struct kept_shards kept;
    struct shard_set set;
    struct packer packer;
    struct token_list ids;
    struct progress progress;
    double done, share;          /* for progress: bytes of input before the current reader, and the share of a
                                    corpus that each reader reads while it goes from one end to the other */
    int64_t tokens;              /* of this rank, for progress */
    int64_t written;             /* shards completed, by this rank */
    struct corpus_report report; /* both corpora; of all ranks in the end */
};

/* Writes `count` shards in one pass over what reader `reader` of `readers` (corpus/reader.h) delivers. All
 * documents of the shards must be among that; other documents are passed over. */
enum status shard_pass_write(struct sharding *work, const int64_t *shards, int64_t count, int64_t reader,
                             int64_t readers);

/* Says what the whole set holds and what could not be used. `counts` and work->report are sums over ranks. */
void sharding_report(const struct sharding *work, const struct shard_counts *counts, double seconds);

#endif
