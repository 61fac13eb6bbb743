/* One pass from text to shards, which a request to stop ends between two documents: what is not complete then
 * is given up. The shard of a document is its part of the corpus (corpus/reader.h, with as
 * many parts as shards), whoever reads it. */
#include "llmpi/base/digest.h"
#include "llmpi/comm/requests.h"
#include "sharding_private.h"

#include <math.h>
#include <stdio.h>

#define HASHED ((size_t)1 << 20) /* bytes of a document that decide its split */

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

static enum status begin_document(struct sharding *work, const struct document *piece, bool validation)
{
    TRY(end_document(work));
    if (shard_set_writer(&work->set, piece->part, TRAIN) == NULL)
        return STATUS_OK;
    int split = validation || is_validation(work, piece) ? VALIDATION : TRAIN;
    TRY(packer_begin_document(&work->packer, shard_set_writer(&work->set, piece->part, split)));
    return work->begin < 0 ? STATUS_OK : packer_add_mark(&work->packer, (uint32_t)work->begin);
}

/* A document that the reader gave up in the middle has no last piece: it ends where the next one begins. */
static enum status add_piece(struct sharding *work, const struct document *piece, bool validation)
{
    if (piece->begins)
        TRY(begin_document(work, piece, validation));
    if (work->packer.writer == NULL)
        return STATUS_OK;
    work->ids.count = 0;
    TRY(tokenizer_encode(work->tokenizer, piece->text, piece->length, false, &work->ids));
    TRY(packer_add_text(&work->packer, work->ids.ids, work->ids.count, (int64_t)piece->length));
    work->tokens += work->ids.count;
    return piece->ends ? end_document(work) : STATUS_OK;
}

static void show_progress(struct sharding *work, const struct reader *reader)
{
    char count[16], note[64];
    snprintf(note, sizeof note, "%s tokens%s", log_count(count, (double)work->tokens),
             comm_size(work->comm) > 1 ? " on this rank" : "");
    progress_update(&work->progress, work->done + work->share * (double)reader_position(reader), note);
}

static enum status read_corpus(struct sharding *work, const struct corpus *corpus, bool validation,
                               int64_t index, int64_t readers)
{
    struct reader *reader = NULL;
    struct document piece;
    bool more = false;
    TRY(reader_open(corpus, work->set.shards, index, readers, &reader));
    enum status status = STATUS_OK;
    while ((status = reader_next(reader, &piece, &more)) == STATUS_OK && more) {
        status = requests_check(work->comm);
        if (status == STATUS_OK)
            status = add_piece(work, &piece, validation);
        if (status != STATUS_OK)
            break;
        show_progress(work, reader);
    }
    if (status == STATUS_OK)
        status = end_document(work);
    work->done += work->share * (double)corpus->bytes;
    corpus_report_add(&work->report, reader_report(reader));
    reader_close(reader);
    return status;
}

/* The bytes of text behind a token; the tokens that we put around documents have none. The last chunk of a
 * document rarely ends with its end token. */
static int64_t bytes_of(void *context, uint32_t id, bool begins, bool ends)
{
    const struct sharding *work = context;
    if ((begins && work->begin >= 0) || (ends && id == work->end))
        return 0;
    return tokenizer_text_bytes(work->tokenizer, &id, 1);
}

static enum status move_tail(struct sharding *work, int64_t shard)
{
    struct shard_writer *train = shard_set_writer(&work->set, shard, TRAIN);
    double share = work->config->corpus.validation_fraction * (double)shard_writer_tokens(train);
    int64_t count = (int64_t)floor(share), chunk = work->packer.chunk_length;
    count -= chunk > 0 ? count % chunk : 0;
    return shard_writer_move_tail(train, shard_set_writer(&work->set, shard, VALIDATION), count, bytes_of,
                                  work);
}

enum status shard_pass_write(struct sharding *work, const int64_t *shards, int64_t count, int64_t reader,
                             int64_t readers)
{
    bool files = work->validation.files.count > 0;
    for (int64_t i = 0; i < count; i++)
        TRY(shard_set_open(&work->set, shards[i], &work->identity));
    TRY(read_corpus(work, &work->corpus, false, reader, readers));
    if (files)
        TRY(read_corpus(work, &work->validation, true, reader, readers));
    for (int64_t i = 0; i < count; i++) {
        if (!files && work->config->corpus.split == SPLIT_TAIL)
            TRY(move_tail(work, shards[i]));
        TRY(shard_set_publish(&work->set, shards[i]));
        work->written++;
    }
    return STATUS_OK;
}
