/* Concatenated documents go straight to their shard. A chunk is gathered here and written when it is whole;
 * its document begins in the shard with the first one, so that a document without any leaves nothing. */
#include "packer.h"

#include "llmpi/base/memory.h"

enum status packer_open(struct packer *packer, const struct shard_identity *identity,
                        const struct tokenizer *tokenizer)
{
    *packer = (struct packer){
        .packing = identity->packing, .chunk_length = identity->chunk_length, .tokenizer = tokenizer};
    packer->chunk = memory_allocate(identity->chunk_length, sizeof *packer->chunk, "a chunk of tokens");
    return packer->chunk == NULL ? STATUS_FAILED : STATUS_OK;
}

void packer_close(struct packer *packer)
{
    memory_free(packer->chunk);
    *packer = (struct packer){0};
}

enum status packer_begin_document(struct packer *packer, struct shard_writer *writer)
{
    packer->writer = writer;
    packer->filled = 0;
    packer->bytes = 0;
    packer->chunks = 0;
    return packer->packing == SHARD_CONCATENATE ? shard_writer_begin_document(writer) : STATUS_OK;
}

static enum status write_chunk(struct packer *packer)
{
    int64_t bytes = packer->bytes;
    packer->filled = 0;
    packer->bytes = 0;
    if (packer->chunks++ == 0)
        TRY(shard_writer_begin_document(packer->writer));
    return shard_writer_add(packer->writer, packer->chunk, packer->chunk_length, bytes);
}

/* A truncated document has its one chunk. */
static bool is_full(const struct packer *packer)
{
    return packer->packing == SHARD_TRUNCATE && packer->chunks == 1;
}

enum status packer_add_text(struct packer *packer, const uint32_t *ids, int64_t count, int64_t bytes)
{
    bool exact = tokenizer_unknown(packer->tokenizer) < 0;
    if (packer->packing == SHARD_CONCATENATE)
        return shard_writer_add(packer->writer, ids, count,
                                exact ? bytes : tokenizer_text_bytes(packer->tokenizer, ids, count));
    for (int64_t i = 0; i < count; i++) {
        if (is_full(packer)) {
            shard_writer_drop(packer->writer, count - i);
            return STATUS_OK;
        }
        packer->bytes += tokenizer_text_bytes(packer->tokenizer, &ids[i], 1);
        packer->chunk[packer->filled++] = ids[i];
        if (packer->filled == packer->chunk_length)
            TRY(write_chunk(packer));
    }
    return STATUS_OK;
}

enum status packer_add_mark(struct packer *packer, uint32_t id)
{
    if (packer->packing == SHARD_CONCATENATE)
        return shard_writer_add(packer->writer, &id, 1, 0);
    if (is_full(packer)) {
        shard_writer_drop(packer->writer, 1);
        return STATUS_OK;
    }
    packer->chunk[packer->filled++] = id;
    return packer->filled == packer->chunk_length ? write_chunk(packer) : STATUS_OK;
}

void packer_end_document(struct packer *packer)
{
    shard_writer_drop(packer->writer, packer->filled);
    packer->writer = NULL;
}
