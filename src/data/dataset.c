/* A split is the concatenation of its shards' windows: a table of running sums finds the shard of a window.
 * The table belongs to one pair (context_length, stride) and is made anew when another pair is asked for. */
#include "llmpi/data/dataset.h"

#include "llmpi/base/activity.h"
#include "llmpi/base/file.h"
#include "llmpi/base/memory.h"
#include "llmpi/data/shard.h"
#include "shard_files.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct dataset {
    char *directory;
    char split[16];
    int64_t vocab_size; /* ids are below it */
    struct shard **shards;
    int64_t count;
    int64_t *first_window;          /* of each shard, and the number of all at the end */
    int64_t context_length, stride; /* that first_window belongs to; 0: none yet */
};

void dataset_close(struct dataset *dataset)
{
    if (dataset == NULL)
        return;
    for (int64_t i = 0; i < dataset->count; i++)
        shard_close(dataset->shards[i]);
    free(dataset->directory);
    free(dataset->shards);
    free(dataset->first_window);
    free(dataset);
}

/* --- opening --- */

static enum status check_shard(const struct dataset *dataset, const char *path, const char *split,
                               int64_t shards)
{
    const struct shard_information *first = shard_information(dataset->shards[0]);
    const struct shard_information *last = shard_information(dataset->shards[dataset->count - 1]);
    if (strcmp(last->split, split) != 0 || last->shard != dataset->count - 1 || last->shards != shards)
        return fail(STATUS_FAILED, "%s holds shard %" PRId64 " of %" PRId64 " of split '%s': it was renamed",
                    path, last->shard, last->shards, last->split);
    if (last->tokenizer_digest != first->tokenizer_digest || last->vocab_size != first->vocab_size)
        return fail(STATUS_FAILED,
                    "%s was made with tokenizer %016" PRIx64 " (%" PRId64 " tokens), shard 0 with %016" PRIx64
                    " (%" PRId64 " tokens): run `llmpi shard` again",
                    path, last->tokenizer_digest, last->vocab_size, first->tokenizer_digest,
                    first->vocab_size);
    if (last->fingerprint != first->fingerprint || last->packing != first->packing ||
        last->chunk_length != first->chunk_length)
        return fail(STATUS_FAILED, "%s is of another run than shard 0: run `llmpi shard` to its end", path);
    return STATUS_OK;
}

static enum status open_next(struct dataset *dataset, const char *path, int64_t shards)
{
    TRY(shard_open(path, &dataset->shards[dataset->count]));
    dataset->count++;
    return path_has_suffix(path, SHARD_BARE_ENDING) ? STATUS_OK
                                                    : check_shard(dataset, path, dataset->split, shards);
}

static enum status open_all(struct dataset *dataset, const struct string_list *paths)
{
    dataset->shards = memory_resize(NULL, paths->count, sizeof(struct shard *), "a table of shards");
    if (dataset->shards == NULL)
        return STATUS_FAILED;
    for (int64_t i = 0; i < paths->count; i++) {
        TRY(open_next(dataset, paths->items[i], paths->count));
        activity_advance();
    }
    dataset->vocab_size = shard_information(dataset->shards[0])->vocab_size;
    return STATUS_OK;
}

enum status dataset_open(const char *directory, const char *split, struct dataset **out)
{
    *out = NULL;
    struct string_list paths = {0};
    struct dataset *dataset = memory_resize(NULL, 1, sizeof *dataset, "a data set");
    if (dataset == NULL)
        return STATUS_FAILED;
    *dataset = (struct dataset){.directory = memory_copy_text(directory, strlen(directory))};
    snprintf(dataset->split, sizeof dataset->split, "%s", split);
    enum status status = dataset->directory == NULL ? STATUS_FAILED : STATUS_OK;
    if (status == STATUS_OK)
        status = shard_files_list(directory, split, &paths);
    if (status == STATUS_OK)
        status = open_all(dataset, &paths);
    string_list_free(&paths);
    if (status != STATUS_OK)
        dataset_close(dataset);
    else
        *out = dataset;
    return status;
}

/* --- what it holds --- */

int64_t dataset_shards(const struct dataset *dataset)
{
    return dataset->count;
}

struct shard *dataset_shard(const struct dataset *dataset, int64_t index)
{
    return dataset->shards[index];
}

bool dataset_masked(const struct dataset *dataset)
{
    for (int64_t i = 0; i < dataset->count; i++)
        if (!shard_information(dataset->shards[i])->masked)
            return false;
    return true;
}

int64_t dataset_tokens(const struct dataset *dataset)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < dataset->count; i++)
        sum += shard_information(dataset->shards[i])->tokens;
    return sum;
}

int64_t dataset_documents(const struct dataset *dataset)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < dataset->count; i++)
        sum += shard_information(dataset->shards[i])->documents;
    return sum;
}

int64_t dataset_vocab_size(const struct dataset *dataset)
{
    return dataset->vocab_size;
}

uint64_t dataset_fingerprint(const struct dataset *dataset)
{
    return shard_information(dataset->shards[0])->fingerprint;
}

enum status dataset_check(struct dataset *dataset, uint64_t tokenizer, int64_t vocab_size,
                          int64_t context_length)
{
    const struct shard_information *about = shard_information(dataset->shards[0]);
    if (about->bare) {
        dataset->vocab_size = vocab_size;
        return STATUS_OK;
    }
    if (about->tokenizer_digest != tokenizer)
        return fail(STATUS_FAILED,
                    "the %s shards in %s were made with tokenizer %016" PRIx64 ", this run's is %016" PRIx64
                    "; run `llmpi shard` again, or name the right tokenizer.path",
                    dataset->split, dataset->directory, about->tokenizer_digest, tokenizer);
    if (about->vocab_size != vocab_size)
        return fail(STATUS_FAILED,
                    "the %s shards in %s have a vocabulary of %" PRId64 " tokens, the tokenizer has %" PRId64
                    ": run `llmpi shard` again",
                    dataset->split, dataset->directory, about->vocab_size, vocab_size);
    if (about->packing != SHARD_CONCATENATE && about->chunk_length != context_length + 1)
        return fail(STATUS_FAILED,
                    "the %s shards in %s were cut for model.context_length %" PRId64
                    " (shards.packing: %s), this run's is %" PRId64 ": run `llmpi shard` again",
                    dataset->split, dataset->directory, about->chunk_length - 1,
                    shard_packing_name(about->packing), context_length);
    return STATUS_OK;
}

bool dataset_knows_documents(const struct dataset *dataset)
{
    return !shard_information(dataset->shards[0])->bare;
}

/* The token before the second document's; the shard has two documents at least. */
static enum status check_end(struct shard *shard, uint32_t token)
{
    uint64_t start = 0;
    uint32_t found = 0;
    TRY(shard_read_document_starts(shard, 1, 1, &start));
    if (start < 1 || start > (uint64_t)shard_information(shard)->tokens)
        return fail(STATUS_FAILED, "%s: document 1 starts at token %" PRIu64 " of %" PRId64 ": it is damaged",
                    shard_file(shard), start, shard_information(shard)->tokens);
    TRY(shard_read_tokens(shard, (int64_t)start - 1, 1, &found));
    if (found == token)
        return STATUS_OK;
    return fail(STATUS_FAILED,
                "%s: its documents end with token %" PRIu32 ", not with %" PRIu32
                ": shards.end_token was another one when the shards were made",
                shard_file(shard), found, token);
}

enum status dataset_check_ends(struct dataset *dataset, uint32_t token)
{
    for (int64_t i = 0; i < dataset->count; i++) {
        const struct shard_information *about = shard_information(dataset->shards[i]);
        if (about->packing == SHARD_CONCATENATE && about->documents > 1)
            return check_end(dataset->shards[i], token);
    }
    return STATUS_OK;
}

/* --- windows --- */

static int64_t windows_of(const struct shard *shard, int64_t context_length, int64_t stride)
{
    const struct shard_information *about = shard_information(shard);
    if (context_length < 1 || stride < 1 || about->tokens - 1 < context_length)
        return 0;
    if (about->packing != SHARD_CONCATENATE)
        return about->chunk_length == context_length + 1 ? about->tokens / about->chunk_length : 0;
    return (about->tokens - 1 - context_length) / stride + 1;
}

int64_t dataset_windows(const struct dataset *dataset, int64_t context_length, int64_t stride)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < dataset->count; i++)
        sum += windows_of(dataset->shards[i], context_length, stride);
    return sum;
}

static enum status number_windows(struct dataset *dataset, int64_t context_length, int64_t stride)
{
    if (dataset->context_length == context_length && dataset->stride == stride)
        return STATUS_OK;
    int64_t *table =
        memory_resize(dataset->first_window, dataset->count + 1, sizeof *table, "a table of windows");
    if (table == NULL)
        return STATUS_FAILED;
    dataset->first_window = table;
    table[0] = 0;
    for (int64_t i = 0; i < dataset->count; i++)
        table[i + 1] = table[i] + windows_of(dataset->shards[i], context_length, stride);
    dataset->context_length = context_length;
    dataset->stride = stride;
    return STATUS_OK;
}

enum status dataset_read_window(struct dataset *dataset, int64_t context_length, int64_t stride,
                                int64_t index, uint32_t *out)
{
    TRY(number_windows(dataset, context_length, stride));
    int64_t windows = dataset->first_window[dataset->count];
    if (index < 0 || index >= windows)
        return fail(STATUS_FAILED,
                    "no window %" PRId64 " of %" PRId64 " tokens every %" PRId64 ": there are %" PRId64,
                    index, context_length + 1, stride, windows);
    int64_t low = 0, high = dataset->count; /* first_window[low] <= index < first_window[high] */
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (dataset->first_window[middle] <= index)
            low = middle;
        else
            high = middle;
    }
    int64_t chunk = shard_information(dataset->shards[low])->chunk_length;
    int64_t first = (index - dataset->first_window[low]) * (chunk > 0 ? chunk : stride);
    TRY(shard_read_tokens(dataset->shards[low], first, context_length + 1, out));
    for (int64_t i = 0; i <= context_length; i++)
        if (out[i] >= dataset->vocab_size)
            return fail(STATUS_FAILED,
                        "%s: token %" PRId64 " is %" PRIu32 ", the vocabulary has %" PRId64 ": it is %s",
                        shard_file(dataset->shards[low]), first + i, out[i], dataset->vocab_size,
                        shard_information(dataset->shards[low])->bare ? "of another tokenizer" : "damaged");
    return STATUS_OK;
}
