/* What follows from the messages of ranks, with made-up times. */
#include "../../src/comm/stall.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { RANKS = 3 };

/* All heard of at second 100: rank 0 and 2 wait, rank 1 works and got on half a second before. */
static void begin(struct watched ranks[RANKS])
{
    for (int i = 0; i < RANKS; i++)
        ranks[i] = (struct watched){
            .rank = i, .heard = 100, .beat = {.idle = 0.5, .waiting = i != 1, .phase = "compute"}};
}

/* Rank `index` was heard of at second `heard` and had not got on for `idle` seconds then. */
static void hear(struct watched ranks[RANKS], int index, double heard, double idle)
{
    ranks[index].heard = heard;
    ranks[index].beat.idle = idle;
}

static void expect(const struct watched ranks[RANKS], double now, enum stall wanted[RANKS], double seconds)
{
    for (int i = 0; i < RANKS; i++) {
        double found = -1;
        enum stall stall = stall_judge(ranks, RANKS, i, now, 10, &found);
        assert_int_equal(stall, wanted[i]);
        if (stall != STALL_NONE)
            assert_float_equal(found, seconds, 1e-9);
    }
}

static void nothing_is_said_of_ranks_that_get_on(void **state)
{
    (void)state;
    struct watched ranks[RANKS];
    begin(ranks);
    expect(ranks, 101, (enum stall[]){STALL_NONE, STALL_NONE, STALL_NONE}, 0);
    for (int i = 0; i < RANKS; i++) /* the waiting ones may wait for long: rank 1 gets on */
        hear(ranks, i, 200, i == 1 ? 0.1 : 95);
    expect(ranks, 201, (enum stall[]){STALL_NONE, STALL_NONE, STALL_NONE}, 0);
}

static void a_rank_without_messages_is_silent(void **state)
{
    (void)state;
    struct watched ranks[RANKS];
    begin(ranks);
    hear(ranks, 0, 110, 10.5); /* these wait for rank 1 */
    hear(ranks, 2, 109.5, 10);
    expect(ranks, 109.9, (enum stall[]){STALL_NONE, STALL_NONE, STALL_NONE}, 0);
    expect(ranks, 110, (enum stall[]){STALL_NONE, STALL_SILENT, STALL_NONE}, 10);
    ranks[1].beat.waiting = true; /* stopped while it waited: no other reason for all to wait */
    expect(ranks, 109.9, (enum stall[]){STALL_NONE, STALL_NONE, STALL_NONE}, 0);
    expect(ranks, 110, (enum stall[]){STALL_NONE, STALL_SILENT, STALL_NONE}, 10);
    hear(ranks, 1, 110.5, 0.2); /* and there it is again */
    expect(ranks, 111, (enum stall[]){STALL_NONE, STALL_NONE, STALL_NONE}, 0);
}

static void a_rank_that_does_not_get_on_is_late(void **state)
{
    (void)state;
    struct watched ranks[RANKS];
    begin(ranks);
    for (int i = 0; i < RANKS; i++)
        hear(ranks, i, 110, 9.5);
    expect(ranks, 110.4, (enum stall[]){STALL_NONE, STALL_NONE, STALL_NONE}, 0);
    expect(ranks, 110.5, (enum stall[]){STALL_NONE, STALL_LATE, STALL_NONE}, 10);
}

static void ranks_that_wait_for_each_other_are_stuck(void **state)
{
    (void)state;
    struct watched ranks[RANKS];
    begin(ranks);
    ranks[1].beat.waiting = true;
    for (int i = 0; i < RANKS; i++)
        hear(ranks, i, 110, 9.5 + i);
    expect(ranks, 110.4, (enum stall[]){STALL_NONE, STALL_NONE, STALL_NONE}, 0);
    expect(ranks, 111, (enum stall[]){STALL_STUCK, STALL_NONE, STALL_NONE}, 10.5);
    ranks[0].left = true; /* the first is not there to be named, and the others end too */
    expect(ranks, 111, (enum stall[]){STALL_NONE, STALL_NONE, STALL_NONE}, 0);
}

static void a_rank_that_left_is_not_missed(void **state)
{
    (void)state;
    struct watched ranks[RANKS];
    begin(ranks);
    ranks[1].left = true;
    hear(ranks, 0, 500, 0);
    hear(ranks, 2, 500, 0);
    expect(ranks, 500, (enum stall[]){STALL_NONE, STALL_NONE, STALL_NONE}, 0);
}

static void a_watcher_that_was_away_blames_nobody(void **state)
{
    (void)state;
    struct watched ranks[RANKS];
    begin(ranks);
    ranks[1].told = STALL_SILENT;
    stall_forgive(ranks, RANKS, 1000);
    expect(ranks, 1009, (enum stall[]){STALL_NONE, STALL_NONE, STALL_NONE}, 0);
    assert_int_equal(ranks[1].told, STALL_NONE);
    expect(ranks, 1010, (enum stall[]){STALL_SILENT, STALL_SILENT, STALL_SILENT}, 10);
}

static void lines_name_rank_host_phase_and_time(void **state)
{
    (void)state;
    static const char *const wanted[] = {
        [STALL_NONE] = "rank 1 on box goes on after 1 min 02 s",
        [STALL_LATE] = "rank 1 on box has not got on for 1 min 02 s in phase compute",
        [STALL_SILENT] = "rank 1 on box has been silent for 1 min 02 s, last in phase compute: it is stopped "
                         "or dead, or the network is down",
        [STALL_STUCK] =
            "all ranks have waited for each other for 1 min 02 s, rank 1 on box in phase compute"};
    struct watched ranks[RANKS];
    begin(ranks);
    for (int i = 0; i < 4; i++) {
        char text[256];
        stall_describe(text, sizeof text, (enum stall)i, &ranks[1], "box", 62);
        assert_string_equal(text, wanted[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_is_said_of_ranks_that_get_on),
                                       cmocka_unit_test(a_rank_without_messages_is_silent),
                                       cmocka_unit_test(a_rank_that_does_not_get_on_is_late),
                                       cmocka_unit_test(ranks_that_wait_for_each_other_are_stuck),
                                       cmocka_unit_test(a_rank_that_left_is_not_missed),
                                       cmocka_unit_test(a_watcher_that_was_away_blames_nobody),
                                       cmocka_unit_test(lines_name_rank_host_phase_and_time)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
