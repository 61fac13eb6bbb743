/* From text to token shards. A rank reads the documents of the shards that it writes: no text or token ever
 * travels between ranks, and nothing that is written depends on how many they are.
 *
 * Where reading a part of the corpus costs its share only, shards are written one after the other, so that a
 * run which is killed has many of them behind it; else all shards of a rank are written in one pass.
 * Invariant: a file with a shard's name is complete, and its fingerprint says what it was made from. */
#include "llmpi/prepare/sharding.h"

#include "boundary_token.h"
#include "corpus_options.h"
#include "llmpi/base/clock.h"
#include "llmpi/base/file.h"
#include "llmpi/base/folder_lock.h"
#include "llmpi/base/integer.h"
#include "llmpi/base/memory.h"
#include "llmpi/comm/requests.h"
#include "shard_fingerprint.h"
#include "sharding_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* --- beginning --- */

static enum status open_corpus(const struct sharding *work, const struct string_list *inputs,
                               int64_t max_documents, struct corpus *out)
{
    struct corpus_settings settings = corpus_options(work->config);
    settings.inputs = inputs;
    settings.max_documents = max_documents;
    return corpus_open(&settings, out);
}

static enum status list_inputs(struct sharding *work, const struct corpus *corpus)
{
    for (int64_t i = 0; i < corpus->files.count; i++)
        TRY(buffer_printf(&work->inputs, "%s%s", work->inputs.length > 0 ? "\n" : "",
                          corpus->files.items[i]));
    return STATUS_OK;
}

static struct shard_identity identify(const struct sharding *work)
{
    static const enum shard_packing packings[] = {[PACKING_CONCATENATE] = SHARD_CONCATENATE,
                                                  [PACKING_SPLIT] = SHARD_SPLIT,
                                                  [PACKING_TRUNCATE] = SHARD_TRUNCATE};
    enum shard_packing packing = packings[work->config->shards.packing];
    int64_t window = work->config->model.context_length + 1;
    return (struct shard_identity){.tokenizer_digest = tokenizer_digest(work->tokenizer),
                                   .vocab_size = tokenizer_vocab_size(work->tokenizer),
                                   .inputs = work->inputs.data,
                                   .packing = packing,
                                   .chunk_length = packing == SHARD_CONCATENATE ? 0 : window};
}

static enum status open_inputs(struct sharding *work)
{
    const struct config *config = work->config;
    const char *path = config->tokenizer.path;
    TRY(boundary_token_find(work->tokenizer, path, "shards.begin_token", config->shards.begin_token,
                            &work->begin));
    TRY(boundary_token_find(work->tokenizer, path, "shards.end_token", config->shards.end_token, &work->end));
    TRY(open_corpus(work, &config->corpus.inputs, config->corpus.max_documents, &work->corpus));
    TRY(list_inputs(work, &work->corpus));
    if (config->corpus.validation_inputs.count > 0) {
        TRY(open_corpus(work, &config->corpus.validation_inputs, 0, &work->validation));
        TRY(list_inputs(work, &work->validation));
    }
    work->identity = identify(work);
    return packer_open(&work->packer, &work->identity, work->tokenizer);
}

/* Rank 0 looks at the inputs, as a file may look different elsewhere for a moment. **Collective** */
static enum status find_fingerprint(struct sharding *work)
{
    enum status status = STATUS_OK;
    if (comm_rank(work->comm) == 0)
        status = shard_fingerprint(work->config, &work->identity, work->begin, work->end, &work->corpus,
                                   &work->validation, &work->identity.fingerprint);
    work->inputs_modified = shard_inputs_modified(&work->corpus, &work->validation);
    status = comm_agree(work->comm, status);
    comm_broadcast(work->comm, &work->identity.fingerprint, sizeof work->identity.fingerprint, 0);
    comm_broadcast(work->comm, &work->inputs_modified, sizeof work->inputs_modified, 0);
    return status;
}

/* --- shards --- */

/* Numbers of the shards that are still to be written, in order. */
static int64_t list_remaining(const struct kept_shards *kept, int64_t *list)
{
    int64_t count = 0;
    for (int64_t shard = 0; shard < kept->shards; shard++)
        if (kept->whole[shard] == 0)
            list[count++] = shard;
    return count;
}

static void begin_progress(struct sharding *work, int64_t passes, double share)
{
    double bytes = (double)(work->corpus.bytes + work->validation.bytes);
    work->share = share;
    progress_begin(&work->progress, "shard", (double)passes * share * bytes, "bytes");
}

/* In rounds of one shard per rank: an error ends the run after its round, not after hours. **Collective** */
static enum status write_one_by_one(struct sharding *work, const int64_t *list, int64_t count)
{
    int size = comm_size(work->comm), rank = comm_rank(work->comm);
    int64_t shards = work->set.shards, mine = divide_up(count - rank, size);
    enum status status = STATUS_OK;
    begin_progress(work, mine, 1.0 / (double)shards);
    for (int64_t round = 0; round < count && status == STATUS_OK; round += size) {
        int64_t at = round + rank;
        if (at < count)
            status = shard_pass_write(work, &list[at], 1, list[at], shards);
        requests_wait(work->comm);
        status = comm_agree(work->comm, status);
    }
    progress_end(&work->progress, work->done);
    return status;
}

/* Shards whose number modulo the number of ranks is the rank: what one reader delivers. **Collective** */
static enum status write_at_once(struct sharding *work, int64_t *list, int64_t count)
{
    int size = comm_size(work->comm), rank = comm_rank(work->comm);
    int64_t mine = 0;
    for (int64_t i = 0; i < count; i++)
        if (list[i] % size == rank)
            list[mine++] = list[i];
    begin_progress(work, 1, 1.0);
    enum status status = mine > 0 ? shard_pass_write(work, list, mine, rank, size) : STATUS_OK;
    progress_end(&work->progress, work->done);
    requests_wait(work->comm);
    return comm_agree(work->comm, status);
}

/* **Collective** */
static enum status write_remaining(struct sharding *work)
{
    int64_t shards = work->set.shards, idle = comm_size(work->comm) - (shards - work->kept.kept);
    int64_t *list = memory_allocate(shards, sizeof *list, "a list of shards");
    enum status status = comm_agree(work->comm, list == NULL ? STATUS_FAILED : STATUS_OK);
    if (status != STATUS_OK || work->kept.kept == shards)
        goto cleanup;
    if (idle > 0)
        log_info("%d ranks for %" PRId64 " shard%s to write: %" PRId64 " of them ha%s nothing to do",
                 comm_size(work->comm), shards - work->kept.kept, shards - work->kept.kept == 1 ? "" : "s",
                 idle, idle == 1 ? "s" : "ve");
    int64_t count = list_remaining(&work->kept, list);
    if (corpus_is_divisible(&work->corpus, shards) && corpus_is_divisible(&work->validation, shards))
        status = write_one_by_one(work, list, count);
    else
        status = write_at_once(work, list, count);
cleanup:
    memory_free(list);
    return status;
}

/* --- ending --- */

static bool is_tokenizer(const char *path, uint64_t digest)
{
    struct tokenizer *found = NULL;
    bool same =
        file_exists(path) && tokenizer_load(path, &found) == STATUS_OK && tokenizer_digest(found) == digest;
    tokenizer_destroy(found);
    return same;
}

/* A copy of the tokenizer, so that the folder explains itself. The same one stays as it is, with its layout
 * and what else it holds: it may be the user's own file. */
static enum status write_tokenizer(const struct sharding *work)
{
    struct buffer text = {0};
    char *path = path_join(work->config->shards.directory, SHARDS_TOKENIZER);
    enum status status = path != NULL ? STATUS_OK : STATUS_FAILED;
    if (status == STATUS_OK && !is_tokenizer(path, tokenizer_digest(work->tokenizer))) {
        status = tokenizer_write(work->tokenizer, &text);
        if (status == STATUS_OK)
            status = file_write(path, text.data, text.length);
    }
    free(path);
    buffer_free(&text);
    return status;
}

/* Old shards of another number go only when the new ones are all there. **Collective** */
static enum status finish(struct sharding *work)
{
    enum status status = STATUS_OK;
    if (comm_rank(work->comm) == 0)
        status = write_tokenizer(work);
    if (comm_rank(work->comm) == 0 && status == STATUS_OK)
        status = shard_set_remove_stale(work->config->shards.directory, work->config->shards.count);
    return comm_agree(work->comm, status);
}

/* **Collective** */
static void report(struct sharding *work, double started)
{
    const int64_t numbers = sizeof(struct shard_counts) / sizeof(int64_t);
    struct shard_counts counts = work->set.published;
    int64_t *sums = (int64_t *)&counts;
    const int64_t *kept = (const int64_t *)&work->kept.counts;
    comm_sum_int64(work->comm, sums, numbers);
    comm_sum_int64(work->comm, (int64_t *)&work->report, sizeof work->report / sizeof(int64_t));
    for (int64_t i = 0; i < numbers; i++)
        sums[i] += kept[i];
    sharding_report(work, &counts, clock_seconds() - started);
}

/* **Collective** */
static enum status run(struct sharding *work, bool fresh, struct folder_lock **lock)
{
    const char *directory = work->config->shards.directory;
    int64_t shards = work->config->shards.count;
    double started = clock_seconds();
    TRY(comm_agree(work->comm, open_inputs(work)));
    TRY(shard_set_take_directory(work->comm, work->config->shards.directory, "shards.directory", lock));
    TRY(find_fingerprint(work));
    TRY(kept_shards_find(directory, shards, work->identity.fingerprint, work->inputs_modified, fresh,
                         work->comm, &work->kept));
    TRY(comm_agree(work->comm, shard_set_create(&work->set, directory, shards)));
    TRY(write_remaining(work));
    TRY(finish(work));
    report(work, started);
    return STATUS_OK;
}

/* Says how far it has come. **Collective** */
static enum status conclude_stop(struct sharding *work)
{
    int64_t complete = work->written;
    char what[160];
    comm_sum_int64(work->comm, &complete, 1);
    snprintf(what, sizeof what,
             "%" PRId64 " of %" PRId64 " shards are complete; the same command writes the others",
             work->kept.kept + complete, work->config->shards.count);
    return requests_conclude(work->comm, STATUS_STOPPED, what);
}

enum status sharding_run(const struct config *config, bool fresh, struct tokenizer *tokenizer,
                         struct comm *comm)
{
    struct sharding work = {.config = config, .comm = comm, .tokenizer = tokenizer};
    struct folder_lock *lock = NULL;
    enum status status = run(&work, fresh, &lock);
    if (status == STATUS_STOPPED)
        status = conclude_stop(&work);
    shard_set_close(&work.set);
    folder_lock_release(lock);
    kept_shards_close(&work.kept);
    packer_close(&work.packer);
    token_list_free(&work.ids);
    buffer_free(&work.inputs);
    corpus_close(&work.corpus);
    corpus_close(&work.validation);
    return status;
}
