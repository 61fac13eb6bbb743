/* What an earlier run, which may have been killed, has already done of a set of shards. */
#ifndef LLMPI_SRC_PREPARE_KEPT_SHARDS_H
#define LLMPI_SRC_PREPARE_KEPT_SHARDS_H

#include "llmpi/comm/comm.h"
#include "shard_set.h"

struct kept_shards {
    int64_t shards, kept;
    int64_t *whole;             /* by number of the shard: 1 when both of its files are kept, else 0 */
    struct shard_counts counts; /* of the kept shards */
};

/* Looks at every shard of the folder: one whose two files have this fingerprint, are not older than the
 * inputs (inputs_modified as of file_modified) and pass shard_verify is kept. Says what is kept and what is
 * written again, and why. With `fresh` nothing is kept. Each rank looks at its share, all get the same
 * result. Close with kept_shards_close in any case. **Collective** */
enum status kept_shards_find(const char *directory, int64_t shards, uint64_t fingerprint,
                             int64_t inputs_modified, bool fresh, struct comm *comm, struct kept_shards *out);
void kept_shards_close(struct kept_shards *kept);

#endif
