/* Teams on 1 to 4 ranks of one node, which LLMPI_TEAM_SIZE divides: who is with whom, memory that the others
 * see, counters. */
#include "check.h"

#include "llmpi/base/memory.h"
#include "llmpi/comm/team.h"

#include <dirent.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

enum { COUNT = 5000 }; /* integers of memory: no whole number of pages */

/* Who is with whom when teams have at most `limit` consecutive ranks; `regular`: or one each where they would
 * not all be of one power of two. */
static int expected_limit(int size, int limit, bool regular)
{
    bool equal = size % limit == 0 && (limit & (limit - 1)) == 0;
    return limit >= size ? size : regular && !equal ? 1 : limit;
}

static void check_members(struct comm *comm, const struct team *team, int limit)
{
    int size = comm_size(comm), rank = comm_rank(comm), wrong = -1;
    int teams = (size + limit - 1) / limit, last = size - (teams - 1) * limit;
    CHECK(comm, team_count(team) == teams, "%d teams, not %d", team_count(team), teams);
    CHECK(comm, team_mine(team) == rank / limit && team_index(team) == rank % limit, "team %d, place %d",
          team_mine(team), team_index(team));
    int members = rank / limit == teams - 1 ? last : limit;
    CHECK(comm, team_members(team) == members, "%d members, not %d", team_members(team), members);
    for (int other = 0; other < size; other++) {
        if (team_of(team, other) != other / limit || team_place(team, other) != other % limit)
            wrong = other;
        int of = other / limit == teams - 1 ? last : limit; /* places beyond the last begin again */
        for (int turn = 0; turn < 3; turn++)
            if (team_rank(team, other / limit, other % limit + turn * of) != other)
                wrong = other;
    }
    CHECK(comm, wrong < 0, "rank %d is in team %d at place %d", wrong, team_of(team, wrong),
          team_place(team, wrong));
}

static int64_t value_of(int rank, int64_t i)
{
    return 1000003 * (rank + 1) + i;
}

/* What a member wrote before it counted up is there for whoever sees the count. */
static void check_memory(struct comm *comm, struct team *team)
{
    int64_t *mine = team_memory(team, team_index(team)), wrong = -1;
    for (int64_t i = 0; i < COUNT; i++)
        if (mine[i] != 0)
            wrong = i;
    CHECK(comm, wrong < 0 && (uintptr_t)mine % MEMORY_ALIGNMENT == 0,
          "number %lld is %lld at the start, at %p", (long long)wrong, (long long)mine[wrong < 0 ? 0 : wrong],
          (void *)mine);
    for (int64_t i = 0; i < COUNT; i++)
        mine[i] = value_of(comm_rank(comm), i);
    team_post(team, TEAM_READY, 1);
    while (!team_reached(team, TEAM_READY, 1))
        sched_yield();
    for (int place = 0; place < team_members(team); place++) {
        const int64_t *theirs = team_memory(team, place);
        for (int64_t i = 0; i < COUNT; i++)
            if (theirs[i] != value_of(team_rank(team, team_mine(team), place), i))
                wrong = i;
    }
    CHECK(comm, wrong < 0, "number %lld of another member is not what it wrote", (long long)wrong);
}

/* A count is reached when the last member has it, whoever that is; counters do not touch each other. */
static void check_counters(struct comm *comm, struct team *team)
{
    for (int late = 0; late < comm_size(comm); late++) {
        int64_t value = late + 1;
        if (team_index(team) != late)
            team_post(team, TEAM_PUBLISHED, value);
        comm_barrier(comm);
        bool all = late >= team_members(team);
        CHECK(comm, team_reached(team, TEAM_PUBLISHED, value) == all, "%lld is %sreached without member %d",
              (long long)value, all ? "not " : "", late);
        if (team_index(team) == late)
            team_post(team, TEAM_PUBLISHED, value);
        comm_barrier(comm);
        bool reached = team_reached(team, TEAM_PUBLISHED, value);
        CHECK(comm, reached && !team_reached(team, TEAM_PUBLISHED, value + 1), "%lld is %sreached",
              (long long)value, reached ? "more than " : "not ");
    }
    CHECK(comm,
          team_reached(team, TEAM_READY, 1) && !team_reached(team, TEAM_READY, 2) &&
              !team_reached(team, TEAM_TAKEN, 1),
          "other counters have moved");
}

/* Objects of this process that still have a name in /dev/shm. */
static int names_left(void)
{
    char prefix[32];
    int count = 0;
    DIR *folder = opendir("/dev/shm");
    snprintf(prefix, sizeof prefix, "llmpi-%ld-", (long)getpid());
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;)
        count += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
    if (folder != NULL)
        closedir(folder);
    return count;
}

/* One that leaves takes nothing from the others. */
static void check_leaving(struct comm *comm, struct team *team)
{
    bool first = team_index(team) == 0;
    int64_t wrong = -1;
    const int64_t *theirs = team_memory(team, 0);
    int rank = team_rank(team, team_mine(team), 0);
    if (first)
        team_destroy(team);
    comm_barrier(comm);
    for (int64_t i = 0; !first && i < COUNT; i++)
        if (theirs[i] != value_of(rank, i))
            wrong = i;
    CHECK(comm, wrong < 0, "number %lld went with its owner", (long long)wrong);
    if (!first)
        team_destroy(team);
}

static void test_team(struct comm *comm, int limit, bool regular)
{
    char text[16];
    struct team *team;
    snprintf(text, sizeof text, "%d", limit);
    limit > 0 ? setenv("LLMPI_TEAM_SIZE", text, 1) : unsetenv("LLMPI_TEAM_SIZE");
    enum status status = team_create(comm, COUNT * (int64_t)sizeof(int64_t), "numbers", regular, &team);
    CHECK(comm, status == STATUS_OK, "%s", status_message());
    CHECK(comm, names_left() == 0, "%d objects still have a name", names_left());
    check_members(comm, team, expected_limit(comm_size(comm), limit > 0 ? limit : comm_size(comm), regular));
    check_memory(comm, team);
    check_counters(comm, team);
    check_leaving(comm, team);
}

int main(void)
{
    struct comm *comm;
    if (comm_begin(&comm) != STATUS_OK) {
        fprintf(stderr, "%s\n", status_message());
        return 1;
    }
    for (int limit = 0; limit <= 5; limit++)
        for (int regular = 0; regular <= 1; regular++)
            test_team(comm, limit, regular != 0);
    comm_end(comm);
    return 0;
}
