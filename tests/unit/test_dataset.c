/* Data sets: windows over several shards, and what is wrong with a folder of shards. */
#include "llmpi/base/file.h"
#include "llmpi/data/dataset.h"
#include "llmpi/data/shard.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Last, as its macro fail() would hide ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static char folder[] = "/tmp/llmpi-dataset-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static int empty_folder(void **state)
{
    (void)state;
    DIR *handle = opendir(folder);
    for (struct dirent *entry; (entry = readdir(handle)) != NULL;) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] != '.')
            unlink(path);
    }
    closedir(handle);
    return 0;
}

/* Token i of shard s is 1000 * s + i % 1000. */
static void write_shard_of(const struct shard_identity *identity, int64_t shard, int64_t shards,
                           int64_t tokens)
{
    struct shard_writer *writer = NULL;
    assert_int_equal(shard_writer_open(folder, "train", shard, shards, identity, &writer), STATUS_OK);
    if (tokens > 0)
        assert_int_equal(shard_writer_begin_document(writer), STATUS_OK);
    for (int64_t i = 0; i < tokens; i++) {
        uint32_t id = (uint32_t)(1000 * shard + i % 1000);
        assert_int_equal(shard_writer_add(writer, &id, 1, 3), STATUS_OK);
    }
    assert_int_equal(shard_writer_publish(writer), STATUS_OK);
}

static void write_shard(int64_t shard, int64_t shards, int64_t tokens, uint64_t digest)
{
    const struct shard_identity identity = {
        .tokenizer_digest = digest, .vocab_size = 20000, .fingerprint = 8};
    write_shard_of(&identity, shard, shards, tokens);
}

static void rename_shard(const char *old, const char *new)
{
    char from[128], to[128];
    snprintf(from, sizeof from, "%s/%s", folder, old);
    snprintf(to, sizeof to, "%s/%s", folder, new);
    assert_int_equal(rename(from, to), 0);
}

/* Counts windows the slow way and compares every window's tokens. */
static void check_windows(struct dataset *dataset, const int64_t *tokens, int64_t context, int64_t stride)
{
    uint32_t window[64];
    int64_t index = 0;
    for (int64_t shard = 0; shard < 4; shard++)
        for (int64_t start = 0; start + context + 1 <= tokens[shard]; start += stride, index++) {
            assert_int_equal(dataset_read_window(dataset, context, stride, index, window), STATUS_OK);
            for (int64_t i = 0; i <= context; i++)
                assert_int_equal(window[i], 1000 * shard + (start + i) % 1000);
        }
    assert_int_equal(dataset_windows(dataset, context, stride), index);
    assert_int_equal(dataset_read_window(dataset, context, stride, index, window), STATUS_FAILED);
    assert_int_equal(dataset_read_window(dataset, context, stride, -1, window), STATUS_FAILED);
}

static void test_windows(void **state)
{
    (void)state;
    static const int64_t tokens[] = {17, 0, 2048, 16};
    struct dataset *dataset = NULL;
    for (int64_t shard = 0; shard < 4; shard++)
        write_shard(shard, 4, tokens[shard], 5);
    assert_int_equal(dataset_open(folder, "train", &dataset), STATUS_OK);
    assert_int_equal(dataset_shards(dataset), 4);
    assert_int_equal(dataset_tokens(dataset), 17 + 2048 + 16);
    assert_int_equal(dataset_documents(dataset), 3);
    assert_int_equal(dataset_vocab_size(dataset), 20000);
    assert_int_equal(dataset_check(dataset, 5, 20000, 99), STATUS_OK);
    assert_int_equal(dataset_check(dataset, 6, 20000, 99), STATUS_FAILED);
    assert_non_null(strstr(status_message(), "the train shards in /tmp/"));
    assert_int_equal(dataset_check(dataset, 5, 19999, 99), STATUS_FAILED);
    assert_non_null(strstr(status_message(), "a vocabulary of 20000 tokens, the tokenizer has 19999"));
    check_windows(dataset, tokens, 16, 16); /* shard 0 holds just one window, shard 3 lacks one token */
    check_windows(dataset, tokens, 15, 15);
    check_windows(dataset, tokens, 16, 1);
    check_windows(dataset, tokens, 5, 100);
    check_windows(dataset, tokens, 1, 1);
    assert_int_equal(dataset_windows(dataset, 2048, 1), 0);
    assert_int_equal(dataset_windows(dataset, 2047, 1), 1);
    assert_int_equal(dataset_windows(dataset, INT64_MAX, INT64_MAX), 0);
    assert_int_equal(dataset_windows(dataset, 16, 0), 0);
    dataset_close(dataset);
}

/* Each chunk is a window, whatever the stride, and there are no others. */
static void test_chunks(void **state)
{
    (void)state;
    const struct shard_identity identity = {
        .tokenizer_digest = 5, .vocab_size = 20000, .packing = SHARD_SPLIT, .chunk_length = 8};
    struct dataset *dataset = NULL;
    uint32_t window[8];
    write_shard_of(&identity, 0, 3, 24);
    write_shard_of(&identity, 1, 3, 0);
    write_shard_of(&identity, 2, 3, 16);
    assert_int_equal(dataset_open(folder, "train", &dataset), STATUS_OK);
    for (int64_t stride = 1; stride <= 7; stride += 3) {
        assert_int_equal(dataset_windows(dataset, 7, stride), 5);
        for (int64_t index = 0; index < 5; index++) {
            assert_int_equal(dataset_read_window(dataset, 7, stride, index, window), STATUS_OK);
            for (int64_t i = 0; i < 8; i++)
                assert_int_equal(window[i], index < 3 ? index * 8 + i : 2000 + (index - 3) * 8 + i);
        }
        assert_int_equal(dataset_read_window(dataset, 7, stride, 5, window), STATUS_FAILED);
    }
    assert_int_equal(dataset_windows(dataset, 6, 6), 0);
    assert_int_equal(dataset_check(dataset, 5, 20000, 7), STATUS_OK);
    assert_int_equal(dataset_check(dataset, 5, 20000, 6), STATUS_FAILED);
    assert_non_null(strstr(status_message(), "cut for model.context_length 7 (shards.packing: split), this "
                                             "run's is 6"));
    dataset_close(dataset);
}

static void expect_refused(const char *message)
{
    struct dataset *dataset = NULL;
    assert_int_equal(dataset_open(folder, "train", &dataset), STATUS_FAILED);
    assert_null(dataset);
    if (strstr(status_message(), message) == NULL)
        fail_msg("message '%s' does not contain '%s'", status_message(), message);
}

static void test_no_shards(void **state)
{
    (void)state;
    struct dataset *dataset = NULL;
    expect_refused("no shards of split 'train' in /tmp/");
    assert_int_equal(dataset_open("/nowhere", "train", &dataset), STATUS_FAILED);
    write_shard(0, 1, 5, 5);
    rename_shard("train-00000-of-00001.h5", "train-00000-of-00001.h5.tmp");
    expect_refused("no shards of split 'train'");
    rename_shard("train-00000-of-00001.h5.tmp", "train-00000-of-00000.h5");
    expect_refused("no shards of split 'train'");
}

static void test_missing_shard(void **state)
{
    (void)state;
    write_shard(0, 3, 5, 5);
    write_shard(2, 3, 5, 5);
    expect_refused("shard 1 of 3 is missing: /tmp/");
}

static void test_two_sets(void **state)
{
    (void)state;
    write_shard(0, 1, 5, 5);
    write_shard(0, 2, 5, 5);
    write_shard(1, 2, 5, 5);
    expect_refused("shards of two sets");
    assert_non_null(strstr(status_message(), "train-00000-of-00001.h5"));
    assert_non_null(strstr(status_message(), "-of-00002.h5"));
}

static void test_two_tokenizers(void **state)
{
    (void)state;
    write_shard(0, 2, 5, 5);
    write_shard(1, 2, 5, 6);
    expect_refused("train-00001-of-00002.h5 was made with tokenizer 0000000000000006");
}

static void test_two_runs(void **state)
{
    (void)state;
    const struct shard_identity other = {.tokenizer_digest = 5, .vocab_size = 20000, .fingerprint = 9};
    write_shard(0, 2, 5, 5);
    write_shard_of(&other, 1, 2, 5);
    expect_refused("train-00001-of-00002.h5 is of another run than shard 0: run `llmpi shard` to its end");
}

static void test_renamed(void **state)
{
    (void)state;
    write_shard(0, 2, 5, 5);
    write_shard(1, 2, 5, 5);
    rename_shard("train-00000-of-00002.h5", "train-00001-of-00002.h5");
    write_shard(0, 2, 5, 5);
    expect_refused("it was renamed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_windows, empty_folder),
        cmocka_unit_test_teardown(test_chunks, empty_folder),
        cmocka_unit_test_teardown(test_two_runs, empty_folder),
        cmocka_unit_test_teardown(test_no_shards, empty_folder),
        cmocka_unit_test_teardown(test_missing_shard, empty_folder),
        cmocka_unit_test_teardown(test_two_sets, empty_folder),
        cmocka_unit_test_teardown(test_two_tokenizers, empty_folder),
        cmocka_unit_test_teardown(test_renamed, empty_folder),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
