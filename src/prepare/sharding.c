/* From text to token shards. The part of a document (corpus/reader.h, with as many parts as shards) is the
 * number of its shard, and a rank reads the documents of the shards that it writes: no text or token ever
 * travels between ranks, and nothing that is written depends on how many they are. */
#include "llmpi/prepare/sharding.h"

#include "boundary_token.h"
#include "llmpi/base/clock.h"
#include "llmpi/base/digest.h"
#include "llmpi/base/file.h"
#include "llmpi/base/log.h"
#include "llmpi/corpus/reader.h"
#include "llmpi/text/tokenizer.h"
#include "packer.h"
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
    struct packer packer;
    struct token_list ids;
    int64_t tokens;              /* of this rank, for progress */
    struct corpus_report report; /* both corpora; of all ranks in the end */
};

/* Sums in the end, over all ranks. */
struct totals {
    int64_t documents[2], tokens[2], bytes[2], dropped[2]; /* train, validation */
};

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

static enum status begin(struct sharding *work)
{
    const struct config *config = work->config;
    int size = comm_size(work->comm);
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
    if (size > config->shards.count)
        log_info("%d ranks write %" PRId64 " shards: %" PRId64 " ranks have nothing to do", size,
                 config->shards.count, size - config->shards.count);
    TRY(directory_create(config->shards.directory));
    const struct shard_identity identity = identify(work);
    TRY(packer_open(&work->packer, &identity, work->tokenizer));
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

static enum status end_document(struct sharding *work)
{
    if (work->packer.writer == NULL)
        return STATUS_OK;
    if (work->end >= 0)
        TRY(packer_add_mark(&work->packer, (uint32_t)work->end));
    packer_end_document(&work->packer);
    return STATUS_OK;
}

/* A document that the reader gave up in the middle has no last piece: it ends where the next one begins. */
static enum status add_piece(struct sharding *work, const struct document *piece, bool validation)
{
    if (piece->begins) {
        TRY(end_document(work));
        validation = validation || is_validation(work, piece);
        TRY(packer_begin_document(&work->packer, shard_set_writer(&work->set, piece->part, validation)));
        if (work->begin >= 0)
            TRY(packer_add_mark(&work->packer, (uint32_t)work->begin));
    }
    work->ids.count = 0;
    TRY(tokenizer_encode(work->tokenizer, piece->text, piece->length, false, &work->ids));
    TRY(packer_add_text(&work->packer, work->ids.ids, work->ids.count, (int64_t)piece->length));
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

/* The bytes of text behind a token; the tokens that we put around documents have none. The last chunk of a
 * document rarely ends with its end token. */
static int64_t bytes_of(void *context, uint32_t id, bool begins, bool ends)
{
    const struct sharding *work = context;
    size_t length = 0;
    if ((begins && work->begin >= 0) || (ends && id == work->end))
        return 0;
    return tokenizer_token(work->tokenizer, id, &length) == NULL ? 0 : (int64_t)length;
}

static enum status move_tails(struct sharding *work)
{
    const struct shard_set *set = &work->set;
    for (int64_t i = 0; i < set->count; i++) {
        double share = work->config->corpus.validation_fraction * (double)shard_writer_tokens(set->train[i]);
        int64_t count = (int64_t)floor(share), chunk = work->packer.chunk_length;
        count -= chunk > 0 ? count % chunk : 0;
        TRY(shard_writer_move_tail(set->train[i], set->validation[i], count, bytes_of, work));
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
            totals.dropped[split] += shard_writer_dropped(writer);
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

static void report_packing(enum shard_packing packing, const struct totals *totals)
{
    int64_t dropped = totals->dropped[0] + totals->dropped[1];
    int64_t all = dropped + totals->tokens[0] + totals->tokens[1];
    if (packing != SHARD_CONCATENATE)
        log_info("%s drops %.1f %% of the tokens (%" PRId64 " of %" PRId64 ")", shard_packing_name(packing),
                 all > 0 ? 100.0 * (double)dropped / (double)all : 0.0, dropped, all);
}

static void report(const struct sharding *work, const struct totals *totals, double seconds)
{
    const struct corpus_report *found = &work->report;
    char duration[32];
    report_split("train", totals, 0);
    report_split("validation", totals, 1);
    report_packing(work->packer.packing, totals);
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
    packer_close(&work.packer);
    token_list_free(&work.ids);
    buffer_free(&work.inputs);
    corpus_close(&work.corpus);
    corpus_close(&work.validation);
    return status;
}
