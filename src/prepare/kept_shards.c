/* A shard counts only as a pair: a run that was killed between the renames of its two files leaves one new
 * and one old or none, and both are written again. */
#include "kept_shards.h"

#include "llmpi/base/file.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/comm/requests.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum state { WHOLE, MISSING, FOREIGN, OLD, DAMAGED, STATES };

void kept_shards_close(struct kept_shards *kept)
{
    memory_free(kept->whole);
    *kept = (struct kept_shards){0};
}

/* Opening and reading everything; what fails is damaged, and why is in status_message(). */
static enum state examine_file(const char *path, const char *split, int64_t shard, int64_t shards,
                               uint64_t fingerprint, int64_t inputs_modified, struct shard_information *about)
{
    struct shard *opened = NULL;
    if (!file_exists(path))
        return MISSING;
    if (shard_open(path, &opened) != STATUS_OK)
        return DAMAGED;
    *about = *shard_information(opened);
    shard_close(opened);
    if (about->fingerprint != fingerprint || strcmp(about->split, split) != 0 || about->shard != shard ||
        about->shards != shards)
        return FOREIGN;
    if (file_modified(path) < inputs_modified)
        return OLD;
    return shard_verify(path) == STATUS_OK ? WHOLE : DAMAGED;
}

static enum state examine_shard(const char *directory, int64_t shard, int64_t shards, uint64_t fingerprint,
                                int64_t inputs_modified, struct shard_counts *counts)
{
    struct shard_information about[SPLITS];
    for (int split = 0; split < SPLITS; split++) {
        char *path = shard_path(directory, split_names[split], shard, shards);
        enum state state = path == NULL ? DAMAGED
                                        : examine_file(path, split_names[split], shard, shards, fingerprint,
                                                       inputs_modified, &about[split]);
        free(path);
        if (state == DAMAGED)
            log_warning("%s: shard %" PRId64 " is written again", status_message(), shard);
        if (state != WHOLE)
            return state;
    }
    for (int split = 0; split < SPLITS; split++) {
        counts->documents[split] += about[split].documents;
        counts->tokens[split] += about[split].tokens;
        counts->bytes[split] += about[split].bytes;
        counts->dropped[split] += about[split].dropped;
    }
    return WHOLE;
}

static void say(int64_t shards, const int64_t *states)
{
    if (states[MISSING] == shards)
        return;
    if (states[WHOLE] > 0)
        log_info("keeping %" PRId64 " of %" PRId64
                 " shards: an earlier run completed them, and they are whole",
                 states[WHOLE], shards);
    if (states[WHOLE] < shards)
        log_info("writing %" PRId64 " of %" PRId64 " shards: %" PRId64 " not complete, %" PRId64
                 " of other inputs or options, %" PRId64 " damaged, %" PRId64 " older than an input",
                 shards - states[WHOLE], shards, states[MISSING], states[FOREIGN], states[DAMAGED],
                 states[OLD]);
}

enum status kept_shards_find(const char *directory, int64_t shards, uint64_t fingerprint,
                             int64_t inputs_modified, bool fresh, struct comm *comm, struct kept_shards *out)
{
    int64_t states[STATES] = {0};
    struct progress progress;
    *out = (struct kept_shards){.shards = shards};
    out->whole = memory_allocate(shards, sizeof *out->whole, "a table of shards");
    TRY(comm_agree(comm, out->whole == NULL ? STATUS_FAILED : STATUS_OK));
    if (fresh)
        return STATUS_OK;
    progress_begin(&progress, "verify", (double)shards, "shards");
    enum status status = STATUS_OK;
    for (int64_t shard = comm_rank(comm); shard < shards; shard += comm_size(comm)) {
        status = requests_check(comm);
        if (status != STATUS_OK)
            break;
        enum state state =
            examine_shard(directory, shard, shards, fingerprint, inputs_modified, &out->counts);
        out->whole[shard] = state == WHOLE;
        states[state]++;
        progress_update(&progress, (double)shard, NULL);
    }
    progress_end(&progress, (double)shards);
    requests_wait(comm);
    TRY(comm_agree(comm, status));
    comm_sum_int64(comm, out->whole, shards);
    comm_sum_int64(comm, states, STATES);
    comm_sum_int64(comm, (int64_t *)&out->counts, sizeof out->counts / sizeof(int64_t));
    out->kept = states[WHOLE];
    say(shards, states);
    return STATUS_OK;
}
