/* The user block of checkpoints: a digest over all that follows it, and one over its own fields. */
#include "user_block.h"

#include "llmpi/base/digest.h"
#include "llmpi/base/file.h"
#include "llmpi/base/memory.h"

#include <endian.h>
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORMAT_VERSION 2                  /* 1 had no score, and zeros in its place */
#define PIECE          ((int64_t)4 << 20) /* bytes read at once for the digest */

static const char magic[16] = {'l', 'l', 'm', 'p', 'i', ' ', 'c', 'h',
                               'e', 'c', 'k', 'p', 'o', 'i', 'n', 't'};

/* The user block as it lies in the file; numbers are little-endian. Unused bytes are zero. */
struct user_block {
    char magic[16];
    uint64_t version;
    uint64_t length; /* of everything after the user block */
    uint64_t digest; /* of everything after the user block */
    uint64_t score;  /* the bits of a double; 0: none */
    char unused[USER_BLOCK_SIZE - 56];
    uint64_t own_digest; /* of the bytes above */
};
_Static_assert(sizeof(struct user_block) == USER_BLOCK_SIZE, "the user block has no padding");

/* Length and digest of everything after the user block. */
static enum status digest_rest(int descriptor, const char *path, struct user_block *out)
{
    struct stat about;
    if (fstat(descriptor, &about) != 0)
        return file_fail("read", path);
    enum status status = STATUS_OK;
    struct digest *digest = digest_create();
    char *piece = memory_resize(NULL, PIECE, 1, "a piece of a checkpoint");
    if (digest == NULL || piece == NULL)
        status = STATUS_FAILED;
    for (int64_t offset = USER_BLOCK_SIZE; offset < about.st_size && status == STATUS_OK; offset += PIECE) {
        int64_t length = about.st_size - offset < PIECE ? about.st_size - offset : PIECE;
        status = file_read_at(descriptor, path, offset, piece, (size_t)length);
        if (status == STATUS_OK)
            digest_add(digest, piece, (size_t)length);
    }
    if (status == STATUS_OK) {
        out->length = htole64((uint64_t)about.st_size - USER_BLOCK_SIZE);
        out->digest = htole64(digest_value(digest));
    }
    free(piece);
    digest_destroy(digest);
    return status;
}

static uint64_t own_digest(const struct user_block *block)
{
    return htole64(digest_bytes(block, offsetof(struct user_block, own_digest)));
}

enum status user_block_write(int descriptor, const char *path, double score)
{
    struct user_block block = {.version = htole64(FORMAT_VERSION)};
    uint64_t bits;
    memcpy(&bits, &score, sizeof bits);
    block.score = isnan(score) ? 0 : htole64(bits);
    memcpy(block.magic, magic, sizeof magic);
    TRY(digest_rest(descriptor, path, &block));
    block.own_digest = own_digest(&block);
    return file_write_at(descriptor, path, 0, &block, sizeof block);
}

/* What the user block says is itself right, and of a version that we read. */
static enum status check_block(const struct user_block *block, const char *path)
{
    if (memcmp(block->magic, magic, sizeof magic) != 0)
        return fail(STATUS_FAILED, "%s is no llmpi checkpoint", path);
    if (block->own_digest != own_digest(block))
        return fail(STATUS_FAILED, "%s is damaged: its user block (the first %d bytes) contradicts itself",
                    path, USER_BLOCK_SIZE);
    if (le64toh(block->version) < 1 || le64toh(block->version) > FORMAT_VERSION)
        return fail(STATUS_USAGE, /* newer than this program: no reason to take an older file */
                    "%s has checkpoint format version %" PRIu64 ", this llmpi reads versions 1 to %d", path,
                    le64toh(block->version), FORMAT_VERSION);
    for (size_t i = 0; i < sizeof block->unused; i++)
        if (block->unused[i] != 0)
            return fail(STATUS_FAILED, "%s is damaged: byte %zu of its user block is not zero", path,
                        offsetof(struct user_block, unused) + i);
    return STATUS_OK;
}

/* Reads the user block and holds it against itself and the length of the file. */
static enum status read_block(int descriptor, const char *path, struct user_block *block)
{
    struct stat about;
    if (fstat(descriptor, &about) != 0)
        return file_fail("read", path);
    if (!S_ISREG(about.st_mode))
        return fail(STATUS_FAILED, "cannot read %s: it is no regular file", path);
    if (about.st_size < USER_BLOCK_SIZE)
        return fail(STATUS_FAILED, "%s is no llmpi checkpoint: it has %lld bytes", path,
                    (long long)about.st_size);
    TRY(file_read_at(descriptor, path, 0, block, sizeof *block));
    TRY(check_block(block, path));
    uint64_t length = le64toh(block->length), rest = (uint64_t)about.st_size - USER_BLOCK_SIZE;
    if (length != rest)
        return fail(STATUS_FAILED, "%s is %s: %" PRIu64 " bytes, its user block says %" PRIu64, path,
                    rest < length ? "truncated" : "damaged", rest + USER_BLOCK_SIZE,
                    length + USER_BLOCK_SIZE);
    return STATUS_OK;
}

enum status user_block_check(int descriptor, const char *path)
{
    struct user_block block, found;
    TRY(read_block(descriptor, path, &block));
    TRY(digest_rest(descriptor, path, &found));
    if (found.digest != block.digest)
        return fail(STATUS_FAILED,
                    "%s is damaged: its digest is %016" PRIx64 ", its user block says %016" PRIx64, path,
                    le64toh(found.digest), le64toh(block.digest));
    return STATUS_OK;
}

enum status user_block_glance(int descriptor, const char *path, double *score)
{
    struct user_block block;
    TRY(read_block(descriptor, path, &block));
    uint64_t bits = le64toh(block.score);
    memcpy(score, &bits, sizeof bits);
    if (bits == 0)
        *score = NAN;
    return STATUS_OK;
}

bool user_block_is_there(int descriptor)
{
    char start[sizeof magic];
    return pread(descriptor, start, sizeof start, 0) == (ssize_t)sizeof start &&
           memcmp(start, magic, sizeof magic) == 0;
}
