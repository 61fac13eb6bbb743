/* Reading token shards. Opening checks everything that is cheap: attributes, types, and the counts in the
 * attributes against the sizes of the data sets; checksums are met while reading. */
#include "llmpi/data/shard.h"

#include "llmpi/base/buffer.h"
#include "llmpi/base/file.h"
#include "llmpi/base/memory.h"
#include "llmpi/storage/hdf5_file.h"
#include "shard_files.h"
#include "token_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST_VOCAB ((int64_t)1 << 32)
#define TOKEN_PIECE                                                                                          \
    16384 /* elements read at once to verify: a chunk, so that a message names no more than it */
#define START_PIECE   2048
#define LARGEST_CHUNK ((int64_t)1 << 32)

enum { PACKINGS = 3 };
static const char *const packing_names[PACKINGS] = {"concatenate", "split", "truncate"};

const char *shard_packing_name(enum shard_packing packing)
{
    return packing_names[packing];
}

char *shard_path(const char *directory, const char *split, int64_t shard, int64_t shards)
{
    struct buffer path = {0};
    size_t length = strlen(directory);
    const char *slash = length > 0 && directory[length - 1] != '/' ? "/" : "";
    if (buffer_printf(&path, "%s%s%s-%05" PRId64 "-of-%05" PRId64 ".h5", directory, slash, split, shard,
                      shards) != STATUS_OK)
        return NULL;
    return path.data;
}

struct shard {
    struct hdf5_file *file; /* or, for one of llm.c, */
    struct token_file *bare;
    char *path;
    struct shard_information about;
};

void shard_close(struct shard *shard)
{
    if (shard == NULL)
        return;
    hdf5_close(shard->file);
    token_file_close(shard->bare);
    free(shard->path);
    free(shard);
}

static enum status read_bounded(struct shard *shard, const char *name, int64_t lowest, int64_t highest,
                                int64_t *out)
{
    TRY(hdf5_read_attribute_int64(shard->file, name, out));
    if (*out >= lowest && *out <= highest)
        return STATUS_OK;
    return fail(STATUS_FAILED, "%s: attribute '%s' is %" PRId64 ", %" PRId64 " to %" PRId64 " allowed",
                shard->path, name, *out, lowest, highest);
}

static enum status read_digest(struct shard *shard, const char *name, uint64_t *out)
{
    struct buffer text = {0};
    enum status status = hdf5_read_attribute_text(shard->file, name, &text);
    if (status == STATUS_OK && (text.length != 16 || strspn(text.data, "0123456789abcdef") != 16))
        status = fail(STATUS_FAILED, "%s: attribute '%s' is not 16 hexadecimal digits", shard->path, name);
    if (status == STATUS_OK)
        *out = strtoull(text.data, NULL, 16);
    buffer_free(&text);
    return status;
}

static enum status read_split(struct shard *shard)
{
    struct shard_information *about = &shard->about;
    struct buffer text = {0};
    enum status status = hdf5_read_attribute_text(shard->file, "split", &text);
    if (status == STATUS_OK && (text.length == 0 || text.length >= sizeof about->split))
        status = fail(STATUS_FAILED, "%s: attribute 'split' has %zu bytes, 1 to %zu allowed", shard->path,
                      text.length, sizeof about->split - 1);
    if (status == STATUS_OK)
        memcpy(about->split, text.data, text.length + 1);
    buffer_free(&text);
    return status;
}

/* What version 1 did not have; its shards are concatenated. */
static enum status read_packing(struct shard *shard)
{
    struct shard_information *about = &shard->about;
    struct buffer text = {0};
    TRY(read_digest(shard, "fingerprint", &about->fingerprint));
    TRY(read_bounded(shard, "dropped_count", 0, INT64_MAX / 8, &about->dropped));
    enum status status = hdf5_read_attribute_text(shard->file, "packing", &text);
    const char *name = text.length > 0 ? text.data : "";
    int found = 0;
    while (status == STATUS_OK && found < PACKINGS && strcmp(name, packing_names[found]) != 0)
        found++;
    if (found == PACKINGS)
        status = fail(STATUS_FAILED,
                      "%s: attribute 'packing' is '%.40s', concatenate, split and truncate are allowed",
                      shard->path, name);
    buffer_free(&text);
    TRY(status);
    about->packing = (enum shard_packing)found;
    bool chunks = about->packing != SHARD_CONCATENATE;
    TRY(read_bounded(shard, "chunk_length", chunks, chunks ? LARGEST_CHUNK : 0, &about->chunk_length));
    if (chunks && about->tokens % about->chunk_length != 0)
        return fail(STATUS_FAILED, "%s: %" PRId64 " tokens are not whole chunks of %" PRId64, shard->path,
                    about->tokens, about->chunk_length);
    return STATUS_OK;
}

static enum status read_information(struct shard *shard)
{
    struct shard_information *about = &shard->about;
    int64_t version = 0;
    if (!hdf5_has_attribute(shard->file, "format_version") || !hdf5_has_attribute(shard->file, "token_count"))
        return fail(STATUS_FAILED, "%s is no token shard: it lacks the attributes of one", shard->path);
    TRY(hdf5_read_attribute_int64(shard->file, "format_version", &version));
    if (version < 1 || version > SHARD_FORMAT_VERSION)
        return fail(STATUS_FAILED,
                    "%s has shard format version %" PRId64 ", this llmpi reads versions 1 to %d", shard->path,
                    version, SHARD_FORMAT_VERSION);
    TRY(read_bounded(shard, "shard_count", 1, INT32_MAX, &about->shards));
    TRY(read_bounded(shard, "shard", 0, about->shards - 1, &about->shard));
    TRY(read_bounded(shard, "vocab_size", 1, LARGEST_VOCAB, &about->vocab_size));
    TRY(read_bounded(shard, "token_count", 0, INT64_MAX / 8, &about->tokens));
    TRY(read_bounded(shard, "document_count", 0, INT64_MAX / 8, &about->documents));
    TRY(read_bounded(shard, "byte_count", 0, INT64_MAX, &about->bytes));
    TRY(read_split(shard));
    TRY(read_digest(shard, "tokenizer_digest", &about->tokenizer_digest));
    return version == 1 ? STATUS_OK : read_packing(shard);
}

static enum status check_series(struct shard *shard, const char *name, enum hdf5_type type,
                                enum hdf5_type other, const char *types, int64_t count)
{
    struct hdf5_dataset found;
    TRY(hdf5_describe(shard->file, name, &found));
    if ((found.type != type && found.type != other) || found.dimensions != 1)
        return fail(STATUS_FAILED, "%s: %s is not one dimension of %s", shard->path, name, types);
    if (found.sizes[0] != count)
        return fail(STATUS_FAILED, "%s: %s has %" PRId64 " elements, its attribute says %" PRId64,
                    shard->path, name, found.sizes[0], count);
    return STATUS_OK;
}

static enum status open_bare(struct shard *shard)
{
    TRY(token_file_open(shard->path, &shard->bare));
    shard->about = (struct shard_information){
        .bare = true, .shards = 1, .vocab_size = UINT16_MAX + 1, .tokens = token_file_count(shard->bare)};
    return STATUS_OK;
}

static enum status open_shard(struct shard *shard)
{
    if (path_has_suffix(shard->path, SHARD_BARE_ENDING))
        return open_bare(shard);
    TRY(hdf5_open(shard->path, &shard->file));
    TRY(read_information(shard));
    const struct shard_information *about = &shard->about;
    TRY(check_series(shard, "tokens", HDF5_UINT16, HDF5_UINT32, "uint16 or uint32", about->tokens));
    TRY(check_series(shard, "document_starts", HDF5_UINT64, HDF5_UINT64, "uint64", about->documents));
    shard->about.masked = hdf5_has_attribute(shard->file, SHARD_MASK);
    if (about->masked)
        TRY(check_series(shard, SHARD_MASK, HDF5_UINT8, HDF5_UINT8, "uint8", about->tokens));
    if (shard->about.tokens > 0 && shard->about.documents == 0)
        return fail(STATUS_FAILED, "%s: has %" PRId64 " tokens, but no document", shard->path,
                    shard->about.tokens);
    return STATUS_OK;
}

enum status shard_open(const char *path, struct shard **out)
{
    *out = NULL;
    struct shard *shard = memory_resize(NULL, 1, sizeof *shard, "a shard");
    if (shard == NULL)
        return STATUS_FAILED;
    *shard = (struct shard){.path = memory_copy_text(path, strlen(path))};
    enum status status = shard->path == NULL ? STATUS_FAILED : open_shard(shard);
    if (status != STATUS_OK)
        shard_close(shard);
    else
        *out = shard;
    return status;
}

const char *shard_file(const struct shard *shard)
{
    return shard->path;
}

const struct shard_information *shard_information(const struct shard *shard)
{
    return &shard->about;
}

enum status shard_read_tokens(struct shard *shard, int64_t first, int64_t count, uint32_t *out)
{
    if (shard->bare != NULL)
        return token_file_read(shard->bare, first, count, out);
    return hdf5_read(shard->file, "tokens", HDF5_UINT32, first, count, out);
}

enum status shard_read_mask(struct shard *shard, int64_t first, int64_t count, uint8_t *out)
{
    if (!shard->about.masked)
        return fail(STATUS_FAILED, "%s has no loss mask: it is no shard of examples (llmpi instruct prepare)",
                    shard->path);
    return hdf5_read(shard->file, SHARD_MASK, HDF5_UINT8, first, count, out);
}

enum status shard_read_document_starts(struct shard *shard, int64_t first, int64_t count, uint64_t *out)
{
    if (shard->bare != NULL)
        return fail(STATUS_FAILED, "%s does not say where its documents start", shard->path);
    return hdf5_read(shard->file, "document_starts", HDF5_UINT64, first, count, out);
}

/* --- verifying --- */

static enum status verify_tokens(struct shard *shard, uint32_t *ids)
{
    int64_t tokens = shard->about.tokens;
    for (int64_t first = 0; first < tokens; first += TOKEN_PIECE) {
        int64_t count = tokens - first < TOKEN_PIECE ? tokens - first : TOKEN_PIECE;
        TRY(shard_read_tokens(shard, first, count, ids));
        for (int64_t i = 0; i < count; i++)
            if (ids[i] >= shard->about.vocab_size)
                return fail(STATUS_FAILED,
                            "%s: token %" PRId64 " is %" PRIu32 ", the vocabulary has %" PRId64, shard->path,
                            first + i, ids[i], shard->about.vocab_size);
    }
    return STATUS_OK;
}

/* Truncated documents are one chunk each, split ones some. */
static bool starts_a_chunk(const struct shard_information *about, int64_t document, uint64_t start)
{
    uint64_t chunk = (uint64_t)about->chunk_length;
    if (about->packing == SHARD_TRUNCATE)
        return start == (uint64_t)document * chunk;
    return about->packing != SHARD_SPLIT || (start % chunk == 0 && start >= (uint64_t)document * chunk);
}

static enum status verify_starts(struct shard *shard, uint64_t *starts)
{
    int64_t documents = shard->about.documents;
    uint64_t least = 0;
    for (int64_t first = 0; first < documents; first += START_PIECE) {
        int64_t count = documents - first < START_PIECE ? documents - first : START_PIECE;
        TRY(shard_read_document_starts(shard, first, count, starts));
        for (int64_t i = 0; i < count; i++) {
            bool fits = starts[i] >= least && starts[i] <= (uint64_t)shard->about.tokens;
            if (!starts_a_chunk(&shard->about, first + i, starts[i]))
                return fail(STATUS_FAILED,
                            "%s: document %" PRId64 " starts at token %" PRIu64
                            ", which is not where a chunk of %" PRId64 " may start it",
                            shard->path, first + i, starts[i], shard->about.chunk_length);
            if (!fits || (first + i == 0 && starts[0] != 0))
                return fail(STATUS_FAILED,
                            "%s: document %" PRId64 " starts at token %" PRIu64 ", the one before at %" PRIu64
                            " of %" PRId64,
                            shard->path, first + i, starts[i], least, shard->about.tokens);
            least = starts[i];
        }
    }
    return STATUS_OK;
}

static enum status verify_mask(struct shard *shard, uint8_t *mask)
{
    int64_t tokens = shard->about.masked ? shard->about.tokens : 0;
    for (int64_t first = 0; first < tokens; first += TOKEN_PIECE) {
        int64_t count = tokens - first < TOKEN_PIECE ? tokens - first : TOKEN_PIECE;
        TRY(shard_read_mask(shard, first, count, mask));
        for (int64_t i = 0; i < count; i++)
            if (mask[i] > 1)
                return fail(STATUS_FAILED,
                            "%s: the loss mask of token %" PRId64 " is %d, 0 and 1 are allowed", shard->path,
                            first + i, mask[i]);
    }
    return STATUS_OK;
}

enum status shard_verify(const char *path)
{
    struct shard *shard = NULL;
    TRY(shard_open(path, &shard));
    enum status status = STATUS_FAILED;
    uint32_t *ids = memory_allocate(TOKEN_PIECE, sizeof *ids, "tokens");
    uint64_t *starts = memory_allocate(START_PIECE, sizeof *starts, "document starts");
    if (ids != NULL && starts != NULL)
        status = verify_tokens(shard, ids);
    if (status == STATUS_OK)
        status = verify_starts(shard, starts);
    if (status == STATUS_OK)
        status = verify_mask(shard, (uint8_t *)ids);
    memory_free(ids);
    memory_free(starts);
    shard_close(shard);
    return status;
}
