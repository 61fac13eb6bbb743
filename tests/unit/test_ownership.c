/* Parts of the parameters: together they are all of them, once; where they begin; who has the most. */
#include "llmpi/optimize/norm.h"
#include "llmpi/train/ownership.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Blocks of several sizes: embeddings that fill more than a chunk, layers that are no multiple of one, a
 * last block of a few numbers. */
static const struct model_shape shapes[] = {
    {.n_layer = 2,
     .n_head = 2,
     .n_embd = 32,
     .context_length = 32,
     .vocab_size = 512,
     .bias = true,
     .tied_head = true},
    {.n_layer = 1, .n_head = 1, .n_embd = 64, .context_length = 64, .vocab_size = 1000, .bias = false},
    {.n_layer = 3,
     .n_head = 1,
     .n_embd = 2,
     .context_length = 4,
     .vocab_size = 9,
     .bias = true,
     .tied_head = true}};

enum { SHAPES = sizeof shapes / sizeof *shapes, MOST_RANKS = 40 };

static void parts_are_every_block_once(void **state)
{
    (void)state;
    for (int s = 0; s < SHAPES; s++) {
        struct parameter_table table;
        assert_int_equal(parameter_table_create(&shapes[s], &table), STATUS_OK);
        for (int ranks = 1; ranks <= MOST_RANKS; ranks++) {
            struct ownership ownership;
            int64_t all = 0;
            assert_int_equal(ownership_create(&table, ranks, 0, &ownership), STATUS_OK);
            assert_int_equal(ownership.blocks, table.blocks);
            for (int64_t block = 0; block < table.blocks; block++) {
                int64_t first = 0, count = 0;
                parameter_block(&table, block, &first, &count);
                assert_int_equal(ownership.block[block].first, first);
                assert_int_equal(ownership.block[block].count, count);
                int64_t next = first;
                for (int rank = 0; rank < ranks; rank++) {
                    struct share part = ownership_part(&ownership, block, rank);
                    assert_true(part.count >= 0);
                    assert_int_equal(part.first, next);
                    next += part.count;
                }
                assert_int_equal(next, first + count);
                all += count;
            }
            assert_int_equal(all, table.total);
            ownership_free(&ownership);
        }
        parameter_table_free(&table);
    }
}

/* Parts begin at chunks of their block, differ by one chunk at most, and the first rank's are the longest. */
static void parts_are_equal_in_chunks(void **state)
{
    (void)state;
    for (int s = 0; s < SHAPES; s++) {
        struct parameter_table table;
        assert_int_equal(parameter_table_create(&shapes[s], &table), STATUS_OK);
        for (int ranks = 1; ranks <= MOST_RANKS; ranks++) {
            struct ownership ownership;
            int64_t chunks = 0, first_rank = 0;
            assert_int_equal(ownership_create(&table, ranks, 0, &ownership), STATUS_OK);
            for (int64_t block = 0; block < table.blocks; block++) {
                struct share whole = ownership.block[block];
                int64_t longest = ownership_part(&ownership, block, 0).count;
                assert_int_equal(ownership.chunk[block], chunks);
                chunks += (whole.count + NORM_CHUNK - 1) / NORM_CHUNK;
                for (int rank = 0; rank < ranks; rank++) {
                    struct share part = ownership_part(&ownership, block, rank);
                    assert_true(part.count == 0 || (part.first - whole.first) % NORM_CHUNK == 0);
                    assert_true(part.count <= longest);
                    /* one chunk less, and of the last chunk there may be less than all */
                    assert_true(part.count >= longest - 2 * NORM_CHUNK + 1);
                }
                first_rank += longest;
            }
            assert_int_equal(ownership.chunk[table.blocks], chunks);
            assert_int_equal(ownership.total, first_rank);
            assert_int_equal(ownership_largest(&table, ranks), first_rank);
            ownership_free(&ownership);
        }
        parameter_table_free(&table);
    }
}

static void packed_parts_follow_each_other(void **state)
{
    (void)state;
    for (int s = 0; s < SHAPES; s++) {
        struct parameter_table table;
        assert_int_equal(parameter_table_create(&shapes[s], &table), STATUS_OK);
        for (int ranks = 1; ranks <= MOST_RANKS; ranks += 3) {
            int64_t all = 0;
            for (int rank = 0; rank < ranks; rank++) {
                struct ownership ownership;
                int64_t next = 0;
                assert_int_equal(ownership_create(&table, ranks, rank, &ownership), STATUS_OK);
                for (int64_t block = 0; block < table.blocks; block++) {
                    assert_int_equal(ownership.packed[block], next);
                    next += ownership_part(&ownership, block, rank).count;
                }
                assert_int_equal(ownership.total, next);
                assert_true(ownership.total <= ownership_largest(&table, ranks));
                all += next;
                ownership_free(&ownership);
            }
            assert_int_equal(all, table.total);
        }
        parameter_table_free(&table);
    }
}

/* A block of one chunk is the first rank's; the others have nothing of it. */
static void small_blocks_have_one_owner(void **state)
{
    (void)state;
    struct parameter_table table;
    struct ownership ownership;
    assert_int_equal(parameter_table_create(&shapes[2], &table), STATUS_OK);
    assert_int_equal(ownership_create(&table, 4, 3, &ownership), STATUS_OK);
    for (int64_t block = 0; block < table.blocks; block++) {
        assert_int_equal(ownership_part(&ownership, block, 0).count, ownership.block[block].count);
        for (int rank = 1; rank < 4; rank++)
            assert_int_equal(ownership_part(&ownership, block, rank).count, 0);
    }
    assert_int_equal(ownership.total, 0);
    assert_int_equal(ownership_largest(&table, 4), table.total);
    ownership_free(&ownership);
    parameter_table_free(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_every_block_once),
        cmocka_unit_test(parts_are_equal_in_chunks),
        cmocka_unit_test(packed_parts_follow_each_other),
        cmocka_unit_test(small_blocks_have_one_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
