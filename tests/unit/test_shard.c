/* Token shards: what is written comes back, the tail moves with its documents and bytes, and damage is found.
 */
#include "llmpi/base/file.h"
#include "llmpi/base/random.h"
#include "llmpi/data/shard.h"
#include "llmpi/storage/hdf5_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Last, as its macro fail() would hide ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static char folder[] = "/tmp/llmpi-shard-XXXXXX";
static char path[64];

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/train-00001-of-00003.h5", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder); /* fails when a temporary file was left */
}

static struct shard_writer *open_writer(int64_t vocab_size)
{
    const struct shard_identity identity = {
        .tokenizer_digest = 0x0123456789abcdef, .vocab_size = vocab_size, .inputs = "a.txt\nb.txt"};
    struct shard_writer *writer = NULL;
    assert_int_equal(shard_writer_open(folder, "train", 1, 3, &identity, &writer), STATUS_OK);
    return writer;
}

static uint32_t token(int64_t place, int64_t vocab_size)
{
    return (uint32_t)random_below(3, 4, (uint64_t)place, (uint64_t)vocab_size);
}

/* Ends of documents count nothing; what begins a document counts 100. */
static int64_t bytes_of(void *context, uint32_t id, bool begins, bool ends)
{
    (void)context;
    return ends ? 0 : begins ? 100 : id % 5;
}

/* Documents of 1, 2, 3, ... tokens. */
static void add_documents(struct shard_writer *writer, int64_t documents, int64_t vocab_size)
{
    for (int64_t document = 1, place = 0; document <= documents; document++) {
        assert_int_equal(shard_writer_begin_document(writer), STATUS_OK);
        for (int64_t i = 0; i < document; i++, place++) {
            uint32_t id = token(place, vocab_size);
            assert_int_equal(shard_writer_add(writer, &id, 1, bytes_of(NULL, id, i == 0, i == document - 1)),
                             STATUS_OK);
        }
    }
}

static void round_trip(int64_t documents, int64_t vocab_size)
{
    struct shard_writer *writer = open_writer(vocab_size);
    struct shard *shard = NULL;
    add_documents(writer, documents, vocab_size);
    int64_t tokens = documents * (documents + 1) / 2;
    assert_int_equal(shard_writer_tokens(writer), tokens);
    assert_int_equal(shard_writer_publish(writer), STATUS_OK);
    assert_int_equal(shard_verify(path), STATUS_OK);
    assert_int_equal(shard_open(path, &shard), STATUS_OK);
    const struct shard_information *about = shard_information(shard);
    assert_string_equal(about->split, "train");
    assert_int_equal(about->shard, 1);
    assert_int_equal(about->shards, 3);
    assert_true(about->tokenizer_digest == 0x0123456789abcdef);
    assert_int_equal(about->vocab_size, vocab_size);
    assert_int_equal(about->documents, documents);
    assert_int_equal(about->tokens, tokens);
    uint32_t *ids = calloc((size_t)tokens + 1, sizeof *ids);
    uint64_t *starts = calloc((size_t)documents + 1, sizeof *starts);
    assert_int_equal(shard_read_tokens(shard, 0, tokens, ids), STATUS_OK);
    assert_int_equal(shard_read_document_starts(shard, 0, documents, starts), STATUS_OK);
    int64_t bytes = 0;
    for (int64_t i = 0; i < tokens; i++)
        assert_int_equal(ids[i], token(i, vocab_size));
    for (int64_t i = 0; i < documents; i++) {
        assert_int_equal(starts[i], i * (i + 1) / 2);
        for (int64_t j = 0; j <= i; j++)
            bytes += bytes_of(NULL, ids[i * (i + 1) / 2 + j], j == 0, j == i);
    }
    assert_int_equal(about->bytes, bytes);
    assert_int_equal(shard_read_tokens(shard, tokens, 1, ids), STATUS_FAILED);
    assert_int_equal(shard_read_tokens(shard, -1, 1, ids), STATUS_FAILED);
    assert_int_equal(shard_read_tokens(shard, 0, -1, ids), STATUS_FAILED);
    free(ids);
    free(starts);
    shard_close(shard);
}

static void test_round_trip(void **state)
{
    (void)state;
    round_trip(0, 10);
    round_trip(1, 65536);
    round_trip(300, 65537);
    round_trip(300, (int64_t)1 << 32);
    round_trip(2500, 300); /* more documents and tokens than one chunk */
}

static void expect_type(enum hdf5_type type)
{
    struct hdf5_file *file = NULL;
    struct hdf5_dataset tokens;
    assert_int_equal(hdf5_open(path, &file), STATUS_OK);
    assert_int_equal(hdf5_describe(file, "tokens", &tokens), STATUS_OK);
    assert_int_equal(tokens.type, type);
    hdf5_close(file);
}

static void test_type_by_vocabulary(void **state)
{
    (void)state;
    assert_int_equal(shard_writer_publish(open_writer(65536)), STATUS_OK);
    expect_type(HDF5_UINT16);
    assert_int_equal(shard_writer_publish(open_writer(65537)), STATUS_OK);
    expect_type(HDF5_UINT32);
}

static void test_wrong_use(void **state)
{
    (void)state;
    const struct shard_identity none = {.vocab_size = 0};
    const uint32_t ids[] = {3, 10};
    struct shard_writer *writer = NULL;
    assert_int_equal(shard_writer_open(folder, "train", 0, 1, &none, &writer), STATUS_FAILED);
    writer = open_writer(10);
    assert_int_equal(shard_writer_add(writer, ids, 1, 1), STATUS_FAILED);
    assert_int_equal(shard_writer_begin_document(writer), STATUS_OK);
    assert_int_equal(shard_writer_add(writer, ids, 2, 1), STATUS_FAILED);
    assert_non_null(strstr(status_message(), "token 10 is outside the vocabulary of 10"));
    shard_writer_abandon(writer);
}

/* Every cut of a shard of ten documents gives the tokens, starts and bytes that were there. */
static void test_move_tail(void **state)
{
    (void)state;
    for (int64_t cut = 0; cut <= 55; cut++) {
        const struct shard_identity identity = {.tokenizer_digest = 1, .vocab_size = 50};
        struct shard_writer *from = open_writer(50), *to = NULL;
        assert_int_equal(shard_writer_open(folder, "validation", 1, 3, &identity, &to), STATUS_OK);
        add_documents(from, 10, 50);
        int64_t before = shard_writer_bytes(from), moved = 0, kept = 0;
        for (int64_t document = 1; document <= 10; document++) {
            int64_t start = document * (document - 1) / 2, end = start + document;
            kept += start < cut;
            for (int64_t i = start > cut ? start : cut; i < end; i++)
                moved += bytes_of(NULL, token(i, 50), i == start, i == end - 1);
        }
        assert_int_equal(shard_writer_move_tail(from, to, 55 - cut, bytes_of, NULL), STATUS_OK);
        assert_int_equal(shard_writer_tokens(from), cut);
        assert_int_equal(shard_writer_tokens(to), 55 - cut);
        assert_int_equal(shard_writer_documents(from), kept);
        bool cut_inside = cut != 0 && cut != kept * (kept + 1) / 2;
        assert_int_equal(shard_writer_documents(to), 10 - kept + cut_inside);
        assert_int_equal(shard_writer_bytes(to), moved);
        assert_int_equal(shard_writer_bytes(from), before - moved);
        assert_int_equal(shard_writer_publish(from), STATUS_OK);
        assert_int_equal(shard_verify(path), STATUS_OK);
        char other[64];
        snprintf(other, sizeof other, "%s/validation-00001-of-00003.h5", folder);
        assert_int_equal(shard_writer_publish(to), STATUS_OK);
        assert_int_equal(shard_verify(other), STATUS_OK);
        struct shard *shard = NULL;
        uint32_t ids[55];
        assert_int_equal(shard_open(other, &shard), STATUS_OK);
        assert_int_equal(shard_read_tokens(shard, 0, 55 - cut, ids), STATUS_OK);
        for (int64_t i = cut; i < 55; i++)
            assert_int_equal(ids[i - cut], token(i, 50));
        shard_close(shard);
        unlink(other);
    }
}

/* A shard of two documents cut into chunks of four: 2 chunks and 1. */
static void write_chunks(enum shard_packing packing, int64_t second_start)
{
    const struct shard_identity identity = {
        .vocab_size = 50, .packing = packing, .chunk_length = 4, .fingerprint = 77};
    const uint32_t ids[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    struct shard_writer *writer = NULL;
    assert_int_equal(shard_writer_open(folder, "train", 1, 3, &identity, &writer), STATUS_OK);
    assert_int_equal(shard_writer_begin_document(writer), STATUS_OK);
    assert_int_equal(shard_writer_add(writer, ids, second_start, 0), STATUS_OK);
    assert_int_equal(shard_writer_begin_document(writer), STATUS_OK);
    assert_int_equal(shard_writer_add(writer, ids, 12 - second_start, 0), STATUS_OK);
    shard_writer_drop(writer, 5);
    shard_writer_drop(writer, 2);
    assert_int_equal(shard_writer_dropped(writer), 7);
    assert_int_equal(shard_writer_publish(writer), STATUS_OK);
}

static void test_chunks(void **state)
{
    (void)state;
    struct shard *shard = NULL;
    write_chunks(SHARD_SPLIT, 8);
    assert_int_equal(shard_verify(path), STATUS_OK);
    assert_int_equal(shard_open(path, &shard), STATUS_OK);
    assert_int_equal(shard_information(shard)->packing, SHARD_SPLIT);
    assert_int_equal(shard_information(shard)->chunk_length, 4);
    assert_int_equal(shard_information(shard)->dropped, 7);
    assert_true(shard_information(shard)->fingerprint == 77);
    shard_close(shard);
    write_chunks(SHARD_SPLIT, 6);
    assert_int_equal(shard_verify(path), STATUS_FAILED);
    assert_non_null(
        strstr(status_message(), "document 1 starts at token 6, which is not where a chunk of 4"));
    write_chunks(SHARD_TRUNCATE, 8);
    assert_int_equal(shard_verify(path), STATUS_FAILED);
    assert_non_null(strstr(status_message(), "document 1 starts at token 8"));
    write_chunks(SHARD_TRUNCATE, 4);
    assert_int_equal(shard_verify(path), STATUS_OK);
}

static void test_not_a_tail(void **state)
{
    (void)state;
    struct shard_writer *from = open_writer(50), *to = NULL;
    assert_int_equal(shard_writer_move_tail(from, to, 1, bytes_of, NULL), STATUS_FAILED);
    assert_int_equal(shard_writer_move_tail(from, to, -1, bytes_of, NULL), STATUS_FAILED);
    shard_writer_abandon(from);
}

/* A file that is like a shard but for one attribute. */
static enum status open_with(const char *name, int64_t value, enum hdf5_type type)
{
    static const char *const names[] = {"format_version", "shard",       "shard_count", "vocab_size",
                                        "document_count", "token_count", "byte_count"};
    static const int64_t values[] = {1, 1, 3, 10, 0, 0, 0};
    struct hdf5_file *file = NULL;
    struct shard *shard = NULL;
    assert_int_equal(hdf5_create(path, 0, &file), STATUS_OK);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        hdf5_write_attribute_int64(file, names[i], strcmp(names[i], name) == 0 ? value : values[i]);
    hdf5_write_attribute_text(file, "split", strcmp(name, "split") == 0 ? "" : "train");
    hdf5_write_attribute_text(file, "tokenizer_digest",
                              strcmp(name, "digest") == 0 ? "1234" : "0123456789abcdef");
    hdf5_create_series(file, "tokens", type, 16);
    if (strcmp(name, "document_starts") != 0)
        hdf5_create_series(file, "document_starts", HDF5_UINT64, 16);
    assert_int_equal(hdf5_publish(file), STATUS_OK);
    enum status status = shard_open(path, &shard);
    shard_close(shard);
    return status;
}

static void expect_refused(const char *name, int64_t value, const char *message)
{
    assert_int_equal(open_with(name, value, HDF5_UINT16), STATUS_FAILED);
    if (strstr(status_message(), message) == NULL || strstr(status_message(), path) == NULL)
        fail_msg("message '%s' does not contain '%s'", status_message(), message);
}

static void test_wrong_contents(void **state)
{
    (void)state;
    assert_int_equal(open_with("", 0, HDF5_UINT16), STATUS_OK);
    assert_int_equal(open_with("", 0, HDF5_FLOAT32), STATUS_FAILED);
    assert_non_null(strstr(status_message(), "tokens is not one dimension of uint16 or uint32"));
    expect_refused("format_version", 0, "format version 0, this llmpi reads versions 1 to 2");
    expect_refused("format_version", 3, "format version 3, this llmpi reads versions 1 to 2");
    expect_refused("shard", 3, "'shard' is 3, 0 to 2 allowed");
    expect_refused("shard", -1, "'shard' is -1");
    expect_refused("shard_count", 0, "'shard_count' is 0");
    expect_refused("vocab_size", 0, "'vocab_size' is 0");
    expect_refused("vocab_size", ((int64_t)1 << 32) + 1, "'vocab_size' is 4294967297");
    expect_refused("token_count", -5, "'token_count' is -5");
    expect_refused("token_count", 5, "tokens has 0 elements, its attribute says 5");
    expect_refused("document_count", 1, "document_starts has 0 elements, its attribute says 1");
    expect_refused("byte_count", INT64_MIN, "'byte_count' is");
    expect_refused("split", 0, "'split' has 0 bytes");
    expect_refused("digest", 0, "16 hexadecimal digits");
    expect_refused("document_starts", 0, "no data set 'document_starts'");
}

#ifdef __SANITIZE_ADDRESS__
enum { STRIDE = 5 }; /* bytes: there, every opening takes milliseconds */
#else
enum { STRIDE = 1 };
#endif

/* Every byte of a small shard is flipped, one after the other: opening and verifying never crash, and what
 * still counts as whole has the tokens that were written. */
static void test_flipped_bits(void **state)
{
    (void)state;
    struct shard_writer *writer = open_writer(50);
    add_documents(writer, 10, 50);
    assert_int_equal(shard_writer_publish(writer), STATUS_OK);
    int descriptor = open(path, O_RDWR);
    int64_t size = file_size(path), unnoticed = 0;
    for (int64_t place = 0; place < size; place += STRIDE) {
        if (place % 37 != 0 && place > 8192) /* mostly the zeros behind the last token of a chunk */
            continue;
        char whole, damaged;
        assert_int_equal(pread(descriptor, &whole, 1, (off_t)place), 1);
        damaged = (char)(whole ^ (1 << (place % 8)));
        assert_int_equal(pwrite(descriptor, &damaged, 1, (off_t)place), 1);
        struct shard *shard = NULL;
        uint32_t ids[55];
        if (shard_verify(path) == STATUS_OK) {
            unnoticed++;
            assert_int_equal(shard_open(path, &shard), STATUS_OK);
            assert_int_equal(shard_read_tokens(shard, 0, 55, ids), STATUS_OK);
            for (int64_t i = 0; i < 55; i++)
                assert_int_equal(ids[i], token(i, 50));
            shard_close(shard);
        }
        assert_int_equal(pwrite(descriptor, &whole, 1, (off_t)place), 1);
    }
    close(descriptor);
    print_message("%lld of %lld bytes are not used by any reader\n", (long long)unnoticed, (long long)size);
    assert_int_equal(shard_verify(path), STATUS_OK);
}

static void test_truncated(void **state)
{
    (void)state;
    struct shard_writer *writer = open_writer(50);
    add_documents(writer, 10, 50);
    assert_int_equal(shard_writer_publish(writer), STATUS_OK);
    for (int64_t size = file_size(path) - 1; size > 0; size = size * 7 / 8 - 1) {
        assert_int_equal(truncate(path, (off_t)size), 0);
        assert_int_equal(shard_verify(path), STATUS_FAILED);
        assert_non_null(strstr(status_message(), path));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),     cmocka_unit_test(test_type_by_vocabulary),
        cmocka_unit_test(test_wrong_use),      cmocka_unit_test(test_move_tail),
        cmocka_unit_test(test_chunks),         cmocka_unit_test(test_not_a_tail),
        cmocka_unit_test(test_wrong_contents), cmocka_unit_test(test_flipped_bits),
        cmocka_unit_test(test_truncated),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
