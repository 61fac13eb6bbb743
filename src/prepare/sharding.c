/* From text to token shards. The part of a document (corpus/reader.h, with as many parts as shards) is the
 * number of its shard, and a rank reads the documents of the shards that it writes: no text or token ever
 * travels between ranks, and nothing that is written depends on how many they are. */
#include "llmpi/prepare/sharding.h"

#include "llmpi/base/clock.h"
#include "llmpi/base/digest.h"
#include "llmpi/base/file.h"
#include "llmpi/base/log.h"
#include "llmpi/corpus/reader.h"
#include "llmpi/text/tokenizer.h"
#include "shard_set.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASHED ((size_t)1 << 20) /* bytes of a document that decide its split */

struct sharding {
    const struct config *config;
    struct comm *comm;
    struct tokenizer *tokenizer;
    int64_t begin, end;               /* tokens around each document; -1: none */
    struct corpus corpus, validation; /* validation: files of its own, or empty */
    struct buffer inputs;             /* names of the files, one a line */
    struct shard_set set;
    struct shard_writer *open; /* that the current document goes to, until its end */
    struct token_list ids;
    int64_t tokens;              /* of this rank, for progress */
    struct corpus_report report; /* both corpora; of all ranks in the end */
};

/* Sums in the end, over all ranks. */
struct totals {
    int64_t documents[2], tokens[2], bytes[2]; /* train, validation */
};

/* --- tokens around documents --- */

/* The special token that is most like `wanted`, for a message; NULL when there is none. */
static const char *find_similar(const struct tokenizer *tokenizer, const char *wanted, char name[64])
{
    int best = -1;
    for (int64_t id = 0; id < tokenizer_vocab_size(tokenizer); id++) {
        char other[64];
        size_t length = 0;
        const char *text = tokenizer_is_special(tokenizer, (uint32_t)id)
                               ? tokenizer_token(tokenizer, (uint32_t)id, &length)
                               : NULL;
        if (text == NULL)
            continue;
        snprintf(other, sizeof other, "%.*s", length < 63 ? (int)length : 63, text);
        int distance = string_distance(wanted, other);
        if (best < 0 || distance < best)
            memcpy(name, other, sizeof other);
        best = best < 0 || distance < best ? distance : best;
    }
    return best < 0 ? NULL : name;
}

static enum status find_token(const struct sharding *work, const char *option, const char *name, int64_t *id)
{
    *id = -1;
    if (name[0] == '\0')
        return STATUS_OK;
    *id = tokenizer_find(work->tokenizer, name, strlen(name));
    if (*id >= 0)
        return STATUS_OK;
    char name_like[64];
    const char *similar = find_similar(work->tokenizer, name, name_like);
    const char *path = work->config->tokenizer.path;
    if (similar == NULL)
        return fail(STATUS_USAGE, "%s: '%s' is no token of %s, which has no special tokens", option, name,
                    path);
    return fail(STATUS_USAGE, "%s: '%s' is no token of %s; did you mean '%s'?", option, name, path, similar);
}

/* --- beginning --- */

static enum status open_corpus(const struct sharding *work, const struct string_list *inputs,
                               int64_t max_documents, struct corpus *out)
{
    const struct corpus_settings settings = {.inputs = inputs,
                                             .text_field = work->config->corpus.text_field,
                                             .max_documents = max_documents,
                                             .document_separator = work->config->corpus.document_separator,
                                             .skip_errors =
                                                 work->config->corpus.on_error == CORPUS_ERRORS_SKIP};
    return corpus_open(&settings, out);
}

static enum status list_inputs(struct sharding *work, const struct corpus *corpus)
{
    for (int64_t i = 0; i < corpus->files.count; i++)
        TRY(buffer_printf(&work->inputs, "%s%s", work->inputs.length > 0 ? "\n" : "",
                          corpus->files.items[i]));
    return STATUS_OK;
}

static enum status begin(struct sharding *work)
{
    const struct config *config = work->config;
    int size = comm_size(work->comm);
    TRY(find_token(work, "shards.begin_token", config->shards.begin_token, &work->begin));
    TRY(find_token(work, "shards.end_token", config->shards.end_token, &work->end));
    TRY(open_corpus(work, &config->corpus.inputs, config->corpus.max_documents, &work->corpus));
    TRY(list_inputs(work, &work->corpus));
    if (config->corpus.validation_inputs.count > 0) {
        TRY(open_corpus(work, &config->corpus.validation_inputs, 0, &work->validation));
        TRY(list_inputs(work, &work->validation));
    }
    if (size > config->shards.count)
        log_info("%d ranks write %" PRId64 " shards: %" PRId64 " ranks have nothing to do", size,
                 config->shards.count, size - config->shards.count);
    TRY(directory_create(config->shards.directory));
    const struct shard_identity identity = {.tokenizer_digest = tokenizer_digest(work->tokenizer),
                                            .vocab_size = tokenizer_vocab_size(work->tokenizer),
                                            .inputs = work->inputs.data};
    return shard_set_open(&work->set, config->shards.directory, config->shards.count, comm_rank(work->comm),
                          size, &identity);
}

/* --- documents --- */

/* Whether a document of a corpus without validation files of its own is validation text. */
static bool is_validation(const struct sharding *work, const struct document *piece)
{
    if (work->config->corpus.split != SPLIT_HASH || work->validation.files.count > 0)
        return false;
    uint64_t digest = digest_bytes(piece->text, piece->length < HASHED ? piece->length : HASHED);
    return (double)(digest >> 11) * 0x1p-53 < work->config->corpus.validation_fraction;
}

static enum status add_token(struct shard_writer *writer, int64_t token)
{
    uint32_t id = (uint32_t)token;
    return token < 0 ? STATUS_OK : shard_writer_add(writer, &id, 1, 0);
}

static enum status end_document(struct sharding *work)
{
    struct shard_writer *writer = work->open;
    work->open = NULL;
    return writer == NULL ? STATUS_OK : add_token(writer, work->end);
}

/* A document that the reader gave up in the middle has no last piece: it ends where the next one begins. */
static enum status add_piece(struct sharding *work, const struct document *piece, bool validation)
{
    if (piece->begins) {
        TRY(end_document(work));
        work->open = shard_set_writer(&work->set, piece->part, validation || is_validation(work, piece));
        TRY(shard_writer_begin_document(work->open));
        TRY(add_token(work->open, work->begin));
    }
    work->ids.count = 0;
    TRY(tokenizer_encode(work->tokenizer, piece->text, piece->length, false, &work->ids));
    TRY(shard_writer_add(work->open, work->ids.ids, work->ids.count, (int64_t)piece->length));
    work->tokens += work->ids.count;
    return piece->ends ? end_document(work) : STATUS_OK;
}

static enum status read_corpus(struct sharding *work, const struct corpus *corpus, bool validation)
{
    struct progress progress;
    struct reader *reader = NULL;
    struct document piece;
    bool more = false;
    TRY(reader_open(corpus, work->set.shards, work->set.rank, work->set.size, &reader));
    progress_begin(&progress, validation ? "shard validation" : "shard", (double)corpus->bytes, "bytes");
    enum status status = STATUS_OK;
    while ((status = reader_next(reader, &piece, &more)) == STATUS_OK && more) {
        char count[16], note[64];
        status = add_piece(work, &piece, validation);
        if (status != STATUS_OK)
            break;
        snprintf(note, sizeof note, "%s tokens%s", log_count(count, (double)work->tokens),
                 work->set.size > 1 ? " on this rank" : "");
        progress_update(&progress, (double)reader_position(reader), note);
    }
    if (status == STATUS_OK)
        status = end_document(work);
    progress_end(&progress, (double)reader_position(reader));
    corpus_report_add(&work->report, reader_report(reader));
    reader_close(reader);
    return status;
}

/* The bytes of text behind a token; the tokens that we put around documents have none. */
static int64_t bytes_of(void *context, uint32_t id, bool begins, bool ends)
{
    const struct sharding *work = context;
    size_t length = 0;
    if ((begins && work->begin >= 0) || (ends && work->end >= 0))
        return 0;
    return tokenizer_token(work->tokenizer, id, &length) == NULL ? 0 : (int64_t)length;
}

static enum status move_tails(struct sharding *work)
{
    const struct shard_set *set = &work->set;
    for (int64_t i = 0; i < set->count; i++) {
        double share = work->config->corpus.validation_fraction * (double)shard_writer_tokens(set->train[i]);
        TRY(shard_writer_move_tail(set->train[i], set->validation[i], (int64_t)floor(share), bytes_of, work));
    }
    return STATUS_OK;
}

static enum status write_documents(struct sharding *work)
{
    TRY(read_corpus(work, &work->corpus, false));
    if (work->validation.files.count > 0)
        return read_corpus(work, &work->validation, true);
    return work->config->corpus.split == SPLIT_TAIL ? move_tails(work) : STATUS_OK;
}

/* --- ending --- */

/* **Collective** */
static struct totals count_totals(struct sharding *work)
{
    struct totals totals = {0};
    for (int64_t i = 0; i < work->set.count; i++)
        for (int split = 0; split < 2; split++) {
            const struct shard_writer *writer = (split == 0 ? work->set.train : work->set.validation)[i];
            totals.documents[split] += shard_writer_documents(writer);
            totals.tokens[split] += shard_writer_tokens(writer);
            totals.bytes[split] += shard_writer_bytes(writer);
        }
    comm_sum_int64(work->comm, (int64_t *)&totals, sizeof totals / sizeof(int64_t));
    comm_sum_int64(work->comm, (int64_t *)&work->report, sizeof work->report / sizeof(int64_t));
    return totals;
}

static void report_split(const char *name, const struct totals *totals, int split)
{
    double tokens = (double)totals->tokens[split], bytes = (double)totals->bytes[split];
    char size[16];
    log_info("%-11s %12" PRId64 " documents %14" PRId64 " tokens %12s of text %6.3f bytes per token", name,
             totals->documents[split], totals->tokens[split], log_bytes(size, bytes),
             tokens > 0 ? bytes / tokens : 0.0);
}

static void report(const struct sharding *work, const struct totals *totals, double seconds)
{
    const struct corpus_report *found = &work->report;
    char duration[32];
    report_split("train", totals, 0);
    report_split("validation", totals, 1);
    if (corpus_report_errors(found) > 0)
        log_info("skipped %" PRId64 " documents: %" PRId64 " invalid UTF-8, %" PRId64 " broken JSON, %" PRId64
                 " without text field, %" PRId64 " empty, %" PRId64 " truncated",
                 corpus_report_errors(found), found->invalid_utf8, found->broken_json, found->missing_field,
                 found->empty, found->truncated);
    log_info("%" PRId64 " shards of each split in %s after %s, %.1f MB/s", work->set.shards,
             work->config->shards.directory, log_duration(duration, seconds),
             (double)found->bytes / 1e6 / (seconds > 0 ? seconds : 1e-9));
    if (comm_rank(work->comm) != 0)
        return;
    if (totals->tokens[0] == 0)
        log_warning("the train split is empty: there is nothing to learn from");
    if (totals->tokens[1] == 0)
        log_warning("the validation split is empty: raise corpus.validation_fraction, now %g, or give "
                    "corpus.validation_inputs",
                    work->config->corpus.validation_fraction);
}

/* A copy of the tokenizer, so that the folder explains itself. */
static enum status write_tokenizer(const struct sharding *work)
{
    struct buffer text = {0};
    char *path = path_join(work->config->shards.directory, SHARDS_TOKENIZER);
    enum status status = path != NULL ? tokenizer_write(work->tokenizer, &text) : STATUS_FAILED;
    if (status == STATUS_OK)
        status = file_write(path, text.data, text.length);
    free(path);
    buffer_free(&text);
    return status;
}

/* Old shards of another number go only when the new ones are all there. **Collective** */
static enum status publish(struct sharding *work)
{
    TRY(comm_agree(work->comm, shard_set_publish(&work->set)));
    enum status status = STATUS_OK;
    if (comm_rank(work->comm) == 0)
        status = write_tokenizer(work);
    if (comm_rank(work->comm) == 0 && status == STATUS_OK)
        status = shard_set_remove_stale(work->config->shards.directory, work->config->shards.count);
    return comm_agree(work->comm, status);
}

/* **Collective** */
static enum status run(struct sharding *work)
{
    double started = clock_seconds();
    TRY(comm_agree(work->comm, begin(work)));
    TRY(comm_agree(work->comm, write_documents(work)));
    struct totals totals = count_totals(work);
    TRY(publish(work));
    report(work, &totals, clock_seconds() - started);
    return STATUS_OK;
}

enum status sharding_run(const struct config *config, struct tokenizer *tokenizer, struct comm *comm)
{
    struct sharding work = {.config = config, .comm = comm, .tokenizer = tokenizer};
    enum status status = run(&work);
    shard_set_close(&work.set);
    token_list_free(&work.ids);
    buffer_free(&work.inputs);
    corpus_close(&work.corpus);
    corpus_close(&work.validation);
    return status;
}
