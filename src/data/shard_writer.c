/* Writing token shards. Tokens and starts are gathered into whole chunks of the data sets, so that HDF5 never
 * reads a chunk back to complete it. Chunks are small (32 KiB of 16-bit tokens): a window read at random
 * costs the reading and checking of one or two of them. */
#include "llmpi/data/shard.h"

#include "llmpi/base/memory.h"
#include "llmpi/storage/hdf5_file.h"
#include "shard_files.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_CHUNK   16384 /* elements */
#define START_CHUNK   2048
#define LARGEST_VOCAB ((int64_t)1 << 32)

struct shard_writer {
    struct hdf5_file *file;
    struct shard_information about; /* counts include what is still gathered here */
    char *inputs;
    enum hdf5_type type; /* of the tokens */
    int64_t gathered_tokens, gathered_starts;
    union {
        uint16_t narrow[TOKEN_CHUNK];
        uint32_t wide[TOKEN_CHUNK];
    } tokens;
    uint64_t starts[START_CHUNK];
    char mask[TOKEN_CHUNK]; /* as many as tokens; unused without a mask */
};

void shard_writer_abandon(struct shard_writer *writer)
{
    if (writer == NULL)
        return;
    hdf5_close(writer->file);
    free(writer->inputs);
    memory_free(writer);
}

static enum status create_series(struct shard_writer *writer, const char *directory)
{
    const struct shard_information *about = &writer->about;
    char *path = shard_path(directory, about->split, about->shard, about->shards);
    enum status status = path == NULL ? STATUS_FAILED : hdf5_create(path, 0, &writer->file);
    free(path);
    if (status == STATUS_OK)
        status = hdf5_create_series(writer->file, "tokens", writer->type, TOKEN_CHUNK);
    if (status == STATUS_OK)
        status = hdf5_create_series(writer->file, "document_starts", HDF5_UINT64, START_CHUNK);
    if (status == STATUS_OK && about->masked)
        status = hdf5_create_series(writer->file, SHARD_MASK, HDF5_UINT8, TOKEN_CHUNK);
    return status;
}

enum status shard_writer_open(const char *directory, const char *split, int64_t shard, int64_t shards,
                              const struct shard_identity *identity, struct shard_writer **out)
{
    *out = NULL;
    if (shard < 0 || shard >= shards || strlen(split) >= sizeof(*out)->about.split)
        return fail(STATUS_FAILED, "no shard %" PRId64 " of %" PRId64 " of split '%s' can be", shard, shards,
                    split);
    if (identity->vocab_size < 1 || identity->vocab_size > LARGEST_VOCAB)
        return fail(STATUS_FAILED, "a vocabulary of %" PRId64 " tokens cannot be stored, 1 to 2^32 can",
                    identity->vocab_size);
    struct shard_writer *writer = memory_allocate(1, sizeof *writer, "a shard being written");
    if (writer == NULL)
        return STATUS_FAILED;
    writer->about = (struct shard_information){.shard = shard,
                                               .shards = shards,
                                               .tokenizer_digest = identity->tokenizer_digest,
                                               .vocab_size = identity->vocab_size,
                                               .packing = identity->packing,
                                               .chunk_length = identity->chunk_length,
                                               .fingerprint = identity->fingerprint,
                                               .masked = identity->masked};
    memcpy(writer->about.split, split, strlen(split) + 1);
    writer->type = identity->vocab_size <= UINT16_MAX + 1 ? HDF5_UINT16 : HDF5_UINT32;
    const char *inputs = identity->inputs == NULL ? "" : identity->inputs;
    writer->inputs = memory_copy_text(inputs, strlen(inputs));
    enum status status = writer->inputs == NULL ? STATUS_FAILED : create_series(writer, directory);
    if (status != STATUS_OK)
        shard_writer_abandon(writer);
    else
        *out = writer;
    return status;
}

static enum status flush_tokens(struct shard_writer *writer)
{
    int64_t count = writer->gathered_tokens;
    writer->gathered_tokens = 0;
    TRY(hdf5_append(writer->file, "tokens", &writer->tokens, count));
    return writer->about.masked ? hdf5_append(writer->file, SHARD_MASK, writer->mask, count) : STATUS_OK;
}

static enum status flush_starts(struct shard_writer *writer)
{
    int64_t count = writer->gathered_starts;
    writer->gathered_starts = 0;
    return hdf5_append(writer->file, "document_starts", writer->starts, count);
}

enum status shard_writer_begin_document(struct shard_writer *writer)
{
    writer->starts[writer->gathered_starts++] = (uint64_t)writer->about.tokens;
    writer->about.documents++;
    return writer->gathered_starts == START_CHUNK ? flush_starts(writer) : STATUS_OK;
}

/* Ids that fit into the chunk being gathered, in the width of the data set. */
static void gather(struct shard_writer *writer, const uint32_t *ids, const char *mask, int64_t count)
{
    if (mask != NULL)
        memcpy(writer->mask + writer->gathered_tokens, mask, (size_t)count);
    uint16_t *narrow = writer->tokens.narrow + writer->gathered_tokens;
    if (writer->type == HDF5_UINT16)
        for (int64_t i = 0; i < count; i++)
            narrow[i] = (uint16_t)ids[i];
    else
        memcpy(writer->tokens.wide + writer->gathered_tokens, ids, (size_t)count * sizeof *ids);
    writer->gathered_tokens += count;
    writer->about.tokens += count;
}

enum status shard_writer_add_masked(struct shard_writer *writer, const uint32_t *ids, const char *mask,
                                    int64_t count, int64_t bytes)
{
    uint32_t largest = 0;
    for (int64_t i = 0; i < count; i++)
        largest = ids[i] > largest ? ids[i] : largest;
    if (count > 0 && writer->about.documents == 0)
        return fail(STATUS_FAILED, "a shard got tokens before its first document");
    if (largest >= writer->about.vocab_size)
        return fail(STATUS_FAILED, "token %" PRIu32 " is outside the vocabulary of %" PRId64, largest,
                    writer->about.vocab_size);
    for (int64_t done = 0; done < count;) {
        int64_t room = TOKEN_CHUNK - writer->gathered_tokens;
        int64_t piece = count - done < room ? count - done : room;
        gather(writer, ids + done, mask != NULL ? mask + done : NULL, piece);
        done += piece;
        if (writer->gathered_tokens == TOKEN_CHUNK)
            TRY(flush_tokens(writer));
    }
    writer->about.bytes += bytes;
    return STATUS_OK;
}

enum status shard_writer_add(struct shard_writer *writer, const uint32_t *ids, int64_t count, int64_t bytes)
{
    return shard_writer_add_masked(writer, ids, NULL, count, bytes);
}

void shard_writer_drop(struct shard_writer *writer, int64_t tokens)
{
    writer->about.dropped += tokens;
}

int64_t shard_writer_tokens(const struct shard_writer *writer)
{
    return writer->about.tokens;
}

int64_t shard_writer_documents(const struct shard_writer *writer)
{
    return writer->about.documents;
}

int64_t shard_writer_bytes(const struct shard_writer *writer)
{
    return writer->about.bytes;
}

int64_t shard_writer_dropped(const struct shard_writer *writer)
{
    return writer->about.dropped;
}

static enum status write_digest(struct shard_writer *writer, const char *name, uint64_t digest)
{
    char digits[17];
    snprintf(digits, sizeof digits, "%016" PRIx64, digest);
    return hdf5_write_attribute_text(writer->file, name, digits);
}

static enum status write_attributes(struct shard_writer *writer)
{
    const struct shard_information *about = &writer->about;
    const struct {
        const char *name;
        int64_t value;
    } numbers[] = {
        {"format_version", SHARD_FORMAT_VERSION}, {"shard", about->shard},
        {"shard_count", about->shards},           {"vocab_size", about->vocab_size},
        {"document_count", about->documents},     {"byte_count", about->bytes},
        {"token_count", about->tokens},           {"chunk_length", about->chunk_length},
        {"dropped_count", about->dropped},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        TRY(hdf5_write_attribute_int64(writer->file, numbers[i].name, numbers[i].value));
    if (about->masked)
        TRY(hdf5_write_attribute_int64(writer->file, SHARD_MASK, 1));
    TRY(hdf5_write_attribute_text(writer->file, "split", about->split));
    TRY(hdf5_write_attribute_text(writer->file, "packing", shard_packing_name(about->packing)));
    TRY(write_digest(writer, "tokenizer_digest", about->tokenizer_digest));
    TRY(write_digest(writer, "fingerprint", about->fingerprint));
    return hdf5_write_attribute_text(writer->file, "inputs", writer->inputs);
}

enum status shard_writer_publish(struct shard_writer *writer)
{
    enum status status = flush_tokens(writer);
    if (status == STATUS_OK)
        status = flush_starts(writer);
    if (status == STATUS_OK)
        status = write_attributes(writer);
    if (status == STATUS_OK) {
        struct hdf5_file *file = writer->file;
        writer->file = NULL;
        status = hdf5_publish(file);
    }
    shard_writer_abandon(writer);
    return status;
}

/* --- moving the tail --- */

/* Number of documents that start before token `first`, by bisection in the file. */
static enum status count_starts_before(struct hdf5_file *file, int64_t documents, int64_t first, int64_t *out)
{
    int64_t low = 0, high = documents;
    while (low < high) {
        uint64_t start = 0;
        int64_t middle = low + (high - low) / 2;
        TRY(hdf5_read(file, "document_starts", HDF5_UINT64, middle, 1, &start));
        if ((int64_t)start < first)
            low = middle + 1;
        else
            high = middle;
    }
    *out = low;
    return STATUS_OK;
}

/* Copies tokens [begin, end), which are the rest of one document, as a document of `to`. */
static enum status move_document(struct shard_writer *from, struct shard_writer *to, int64_t begin,
                                 int64_t end, bool whole, int64_t (*bytes_of)(void *, uint32_t, bool, bool),
                                 void *context)
{
    uint32_t ids[1024];
    TRY(shard_writer_begin_document(to));
    for (int64_t at = begin; at < end;) {
        int64_t count = end - at < 1024 ? end - at : 1024, bytes = 0;
        TRY(hdf5_read(from->file, "tokens", HDF5_UINT32, at, count, ids));
        for (int64_t i = 0; i < count; i++)
            bytes += bytes_of(context, ids[i], whole && at + i == begin, at + i == end - 1);
        TRY(shard_writer_add(to, ids, count, bytes));
        from->about.bytes -= bytes;
        at += count;
    }
    return STATUS_OK;
}

enum status shard_writer_move_tail(struct shard_writer *from, struct shard_writer *to, int64_t count,
                                   int64_t (*bytes_of)(void *context, uint32_t id, bool begins, bool ends),
                                   void *context)
{
    int64_t first = from->about.tokens - count, begin = first, kept = 0;
    if (count <= 0 || first < 0)
        return count == 0 ? STATUS_OK
                          : fail(STATUS_FAILED, "a shard has no tail of %" PRId64 " tokens", count);
    TRY(flush_tokens(from));
    TRY(flush_starts(from));
    TRY(count_starts_before(from->file, from->about.documents, first, &kept));
    for (int64_t next = kept; next <= from->about.documents; next++) {
        uint64_t end = (uint64_t)from->about.tokens;
        if (next < from->about.documents)
            TRY(hdf5_read(from->file, "document_starts", HDF5_UINT64, next, 1, &end));
        if (next > kept || (int64_t)end > first)
            TRY(move_document(from, to, begin, (int64_t)end, next > kept, bytes_of, context));
        begin = (int64_t)end;
    }
    TRY(hdf5_shrink(from->file, "tokens", first));
    TRY(hdf5_shrink(from->file, "document_starts", kept));
    from->about.tokens = first;
    from->about.documents = kept;
    return STATUS_OK;
}
