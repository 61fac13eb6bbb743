/* What `llmpi inspect` prints of token shards and tokenizers. */
#include "example_view.h"
#include "inspect.h"

#include "llmpi/base/file.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/data/shard.h"
#include "llmpi/programs/tokenizer_source.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_ids(const char *label, const uint32_t *ids, int64_t count)
{
    printf("  %-8s", label);
    for (int64_t i = 0; i < count; i++)
        printf(" %" PRIu32, ids[i]);
    putchar('\n');
}

/* One side of a pair: its ids and, with a tokenizer, what they say. */
static enum status print_row(const char *label, const struct tokenizer *tokenizer, const uint32_t *ids,
                             int64_t count)
{
    struct buffer text = {0};
    print_ids(label, ids, count);
    if (tokenizer == NULL)
        return STATUS_OK;
    enum status status = tokenizer_decode(tokenizer, ids, count, &text);
    if (status == STATUS_OK) {
        printf("  %-8s ", "as text");
        inspect_quoted(text.data, text.length);
        putchar('\n');
    }
    buffer_free(&text);
    return status;
}

/* Windows that do not overlap, from the start of the shard; of chunks, the front of each. */
static enum status print_windows(struct shard *shard, const struct inspect_windows *windows,
                                 const struct tokenizer *tokenizer, uint32_t *ids)
{
    const struct shard_information *about = shard_information(shard);
    bool chunks = about->packing != SHARD_CONCATENATE;
    int64_t wanted = windows->context_length, step = chunks ? about->chunk_length : wanted;
    int64_t length = chunks && wanted >= step ? step - 1 : wanted;
    int64_t all = about->tokens > length ? (about->tokens - 1 - length) / step + 1 : 0;
    for (int64_t i = 0; i < windows->count && i < all; i++) {
        TRY(shard_read_tokens(shard, i * step, length + 1, ids));
        printf("\n  window %" PRId64 " of %" PRId64 ", tokens %" PRId64 " to %" PRId64 "\n", i, all, i * step,
               i * step + length);
        TRY(print_row("input", tokenizer, ids, length));
        TRY(print_row("target", tokenizer, ids + 1, length));
    }
    if (windows->count > all)
        printf("\n  the shard holds %" PRId64 " windows of %" PRId64 " tokens and a target\n", all, length);
    return STATUS_OK;
}

/* The tokenizer asked for, or the copy that lies beside the shard; *out is NULL where there is neither. */
static enum status find_tokenizer(const char *path, const char *wanted, struct tokenizer **out)
{
    *out = NULL;
    if (wanted != NULL)
        return tokenizer_source_load(wanted, out);
    const char *slash = strrchr(path, '/');
    char *folder =
        slash == NULL ? memory_copy_text(".", 1) : memory_copy_text(path, (size_t)(slash - path) + 1);
    char *beside = folder != NULL ? path_join(folder, SHARDS_TOKENIZER) : NULL;
    enum status status = beside != NULL ? STATUS_OK : STATUS_FAILED;
    if (status == STATUS_OK && file_exists(beside))
        status = tokenizer_load(beside, out);
    else if (status == STATUS_OK)
        log_info("ids only: no %s beside the shard; --tokenizer=TOKENIZER adds the text", SHARDS_TOKENIZER);
    free(folder);
    free(beside);
    return status;
}

static enum status show_windows(struct shard *shard, const char *path, const struct inspect_windows *windows)
{
    struct tokenizer *tokenizer = NULL;
    TRY(find_tokenizer(path, windows->tokenizer, &tokenizer));
    enum status status = STATUS_OK;
    uint64_t digest = shard_information(shard)->tokenizer_digest;
    bool bare = shard_information(shard)->bare;
    if (tokenizer != NULL && !bare && tokenizer_digest(tokenizer) != digest)
        status =
            fail(STATUS_FAILED, "%s was made with tokenizer %016" PRIx64 ", %s is %016" PRIx64, path, digest,
                 windows->tokenizer != NULL ? windows->tokenizer : "the " SHARDS_TOKENIZER " beside it",
                 tokenizer_digest(tokenizer));
    uint32_t *ids = NULL;
    if (status == STATUS_OK && tokenizer != NULL && shard_information(shard)->masked) {
        status = example_view_print(shard, tokenizer, windows->count);
    } else if (status == STATUS_OK) {
        ids = memory_allocate(windows->context_length + 1, sizeof *ids, "a window");
        status = ids == NULL ? STATUS_FAILED : print_windows(shard, windows, tokenizer, ids);
    }
    memory_free(ids);
    tokenizer_destroy(tokenizer);
    return status;
}

static void show_shard(const struct shard_information *about)
{
    char bytes[16];
    inspect_row("split", "%s", about->split);
    inspect_row("shard", "%" PRId64 " of %" PRId64, about->shard, about->shards);
    inspect_row("documents", "%" PRId64, about->documents);
    inspect_row("tokens", "%" PRId64, about->tokens);
    inspect_row("text", "%" PRId64 " bytes (%s)", about->bytes, log_bytes(bytes, (double)about->bytes));
    if (about->tokens > 0)
        inspect_row("bytes per token", "%.4f", (double)about->bytes / (double)about->tokens);
    inspect_row("packing", "%s", shard_packing_name(about->packing));
    if (about->packing != SHARD_CONCATENATE) {
        inspect_row("chunks", "%" PRId64 " of %" PRId64 " tokens", about->tokens / about->chunk_length,
                    about->chunk_length);
        inspect_row("dropped", "%" PRId64 " tokens", about->dropped);
    }
    if (about->masked)
        inspect_row("loss mask", "yes: the documents are examples to tune on");
    inspect_row("vocabulary", "%" PRId64 " tokens", about->vocab_size);
    inspect_row("tokenizer digest", "%016" PRIx64, about->tokenizer_digest);
    if (about->fingerprint != 0)
        inspect_row("run", "%016" PRIx64, about->fingerprint);
}

enum status inspect_shard(const char *path, const struct inspect_windows *windows)
{
    struct shard *shard = NULL;
    char size[16];
    TRY(shard_open(path, &shard));
    const struct shard_information *about = shard_information(shard);
    inspect_heading(path, about->bare ? "tokens of llm.c" : "token shard");
    if (about->bare)
        inspect_row("tokens", "%" PRId64, about->tokens);
    else
        show_shard(about);
    inspect_row("file size", "%s", log_bytes(size, (double)file_size(path)));
    enum status status = windows->count > 0 ? show_windows(shard, path, windows) : STATUS_OK;
    shard_close(shard);
    return status;
}

enum status inspect_tokenizer(const char *path)
{
    struct tokenizer *tokenizer = NULL;
    TRY(tokenizer_load(path, &tokenizer));
    inspect_heading(path, "tokenizer");
    inspect_row("kind", "%s", tokenizer_kind_name(tokenizer));
    inspect_row("vocabulary", "%" PRId64 " tokens", tokenizer_vocab_size(tokenizer));
    inspect_row("merges", "%" PRId64, tokenizer_merge_count(tokenizer));
    inspect_row("digest", "%016" PRIx64, tokenizer_digest(tokenizer));
    for (int64_t id = 0; id < tokenizer_vocab_size(tokenizer); id++) {
        size_t length = 0;
        if (!tokenizer_is_special(tokenizer, (uint32_t)id))
            continue;
        const char *text = tokenizer_token(tokenizer, (uint32_t)id, &length);
        printf("  %-18s %" PRId64 " ", "special token", id);
        inspect_quoted(text, length);
        putchar('\n');
    }
    tokenizer_destroy(tokenizer);
    return STATUS_OK;
}
