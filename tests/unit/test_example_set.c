/* Packed examples: every example that teaches something is in exactly one sequence, whole; weights,
 * positions and what may be seen belong to it alone; and packing wastes little. */
#include "llmpi/base/file.h"
#include "llmpi/base/random.h"
#include "llmpi/data/example_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scratch.h"

enum { CONTEXT = 16, EXAMPLES = 200, SHARDS = 2 };

static int64_t length_of(int64_t example)
{
    return 2 + (int64_t)random_below(1, 2, (uint64_t)example, CONTEXT); /* up to CONTEXT + 1 */
}

/* The first token of an example names it, its other tokens count from 300. */
static uint32_t token_of(int64_t example, int64_t i)
{
    return i == 0 ? (uint32_t)example : 300 + (uint32_t)i;
}

/* Every seventh example teaches nothing: its mask is empty but for its first token, which nothing predicts.
 */
static char mask_of(int64_t example, int64_t i)
{
    return example % 7 == 0 ? i == 0 : i > 0 && (example + i) % 3 != 0;
}

static bool teaches(int64_t example)
{
    for (int64_t i = 1; i < length_of(example); i++)
        if (mask_of(example, i))
            return true;
    return false;
}

static void write_shard(int64_t shard)
{
    const struct shard_identity identity = {
        .tokenizer_digest = 1, .vocab_size = 400, .inputs = "a.json", .masked = true};
    struct shard_writer *writer = NULL;
    assert_int_equal(shard_writer_open(scratch_folder, "train", shard, SHARDS, &identity, &writer),
                     STATUS_OK);
    for (int64_t example = shard; example < EXAMPLES; example += SHARDS) {
        uint32_t ids[CONTEXT + 1];
        char mask[CONTEXT + 1];
        for (int64_t i = 0; i < length_of(example); i++) {
            ids[i] = token_of(example, i);
            mask[i] = mask_of(example, i);
        }
        assert_int_equal(shard_writer_begin_document(writer), STATUS_OK);
        assert_int_equal(shard_writer_add_masked(writer, ids, mask, length_of(example), 1), STATUS_OK);
    }
    assert_int_equal(shard_writer_publish(writer), STATUS_OK);
}

static int set_up(void **state)
{
    if (scratch_create(state) != 0)
        return -1;
    for (int64_t shard = 0; shard < SHARDS; shard++)
        write_shard(shard);
    return 0;
}

/* Checks the example that begins at `at` of a sequence; returns where the next one begins. */
static int64_t check_example(int64_t at, const uint32_t *tokens, const float *weight, const int32_t *position,
                             const int32_t *first_visible, int *seen)
{
    int64_t example = tokens[at], length = length_of(example);
    assert_true(example < EXAMPLES && at + length <= CONTEXT + 1);
    assert_true(teaches(example));
    seen[example]++;
    for (int64_t i = 0; i < length; i++) {
        assert_int_equal(tokens[at + i], token_of(example, i));
        if (at + i == CONTEXT)
            break;
        assert_int_equal(position[at + i], i);
        assert_int_equal(first_visible[at + i], at);
        assert_true(weight[at + i] == (i + 1 < length && mask_of(example, i + 1) ? 1 : 0));
    }
    return at + length;
}

static void test_packed(void **state)
{
    (void)state;
    struct dataset *dataset = NULL;
    struct example_set *set = NULL;
    int seen[EXAMPLES] = {0};
    int64_t used = 0;
    assert_int_equal(dataset_open(scratch_folder, "train", &dataset), STATUS_OK);
    assert_true(dataset_masked(dataset));
    assert_int_equal(example_set_create(dataset, CONTEXT, &set), STATUS_OK);
    int64_t sequences = example_set_sequences(set);
    for (int64_t index = 0; index < sequences; index++) {
        uint32_t tokens[CONTEXT + 1];
        float weight[CONTEXT];
        int32_t position[CONTEXT], first_visible[CONTEXT];
        memset(tokens, 0xff, sizeof tokens);
        memset(weight, 0xff, sizeof weight);
        assert_int_equal(example_set_read(set, index, tokens, weight, position, first_visible), STATUS_OK);
        int64_t at = 0;
        while (at <= CONTEXT && tokens[at] != 0)
            at = check_example(at, tokens, weight, position, first_visible, seen);
        used += at;
        for (int64_t i = at; i <= CONTEXT; i++) {
            assert_int_equal(tokens[i], 0);
            if (i == CONTEXT)
                break;
            assert_true(weight[i] == 0);
            assert_true(position[i] >= 0 && position[i] < CONTEXT);
            assert_int_equal(first_visible[i], at);
        }
    }
    for (int64_t example = 0; example < EXAMPLES; example++)
        assert_int_equal(seen[example], teaches(example));
    /* Best fit leaves far less empty than one example for each sequence would, which is about a half. */
    assert_true((double)used > 0.9 * (double)(sequences * (CONTEXT + 1)));
    example_set_destroy(set);
    dataset_close(dataset);
}

static void test_too_long(void **state)
{
    (void)state;
    struct dataset *dataset = NULL;
    struct example_set *set = NULL;
    assert_int_equal(dataset_open(scratch_folder, "train", &dataset), STATUS_OK);
    assert_int_equal(example_set_create(dataset, CONTEXT - 1, &set), STATUS_FAILED);
    assert_null(set);
    assert_non_null(strstr(status_message(), "has 17 tokens, model.context_length + 1 = 16 allowed"));
    dataset_close(dataset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_packed), cmocka_unit_test(test_too_long)};
    return cmocka_run_group_tests(tests, set_up, scratch_remove);
}
