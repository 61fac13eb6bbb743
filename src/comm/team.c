/* Each rank makes an object with a name of its own and reserves its pages, all tell each other the names, the
 * members of a team open and map them, and the names are removed. The ranks agree after each of these steps,
 * so that a team either works on every member or is taken apart on every member. The counters lie in the page
 * after the memory. */
#include "llmpi/comm/team.h"

#include "llmpi/base/cpu.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PAGE         ((size_t)4096)
#define COUNTER_STEP 64 /* bytes, a cache line: readers disturb no other counter's writer */

struct team {
    int ranks, rank;
    int *number, *place; /* of each rank: its team, and its place in it */
    int *member;         /* of each team one after the other: its ranks; team t begins at start[t] */
    int *start;          /* one more than there are teams */
    int count;
    size_t bytes, mapped;
    char **memory;  /* of each member of this rank's team */
    bool shared;    /* mapped, not from allocator_huge */
    int descriptor; /* of this rank's object while it has a name; else -1 */
    char name[64];  /* of that object */
};

/* --- who is in which team --- */

/* The ranks of a node follow each other in groups of at most `limit`. */
static void number_teams(struct team *team, const int *node, int64_t limit)
{
    team->count = 0;
    for (int rank = 0; rank < team->ranks; rank++) {
        int64_t before = 0; /* ranks of this node below this one */
        int last = -1;      /* the closest of them */
        for (int other = 0; other < rank; other++)
            if (node[other] == node[rank]) {
                before++;
                last = other;
            }
        bool joins = last >= 0 && before % limit != 0;
        team->number[rank] = joins ? team->number[last] : team->count++;
        team->place[rank] = joins ? team->place[last] + 1 : 0;
    }
}

static void list_members(struct team *team)
{
    int next = 0;
    for (int number = 0; number < team->count; number++) {
        team->start[number] = next;
        for (int rank = 0; rank < team->ranks; rank++)
            if (team->number[rank] == number)
                team->member[next++] = rank;
    }
    team->start[team->count] = next;
}

static int size_of(const struct team *team, int number)
{
    return team->start[number + 1] - team->start[number];
}

/* Whether adding within teams first gives the binary tree over all ranks. */
static bool is_regular(const struct team *team)
{
    int size = size_of(team, 0);
    if (team->count == 1)
        return true;
    for (int number = 0; number < team->count; number++)
        if (size_of(team, number) != size || team->member[team->start[number]] != number * size ||
            team->member[team->start[number + 1] - 1] != number * size + size - 1)
            return false;
    return (size & (size - 1)) == 0;
}

/* Takes apart the teams that have a rank whose `fine` is false. */
static void take_apart(struct team *team, const char *fine, int *node)
{
    for (int rank = 0; rank < team->ranks; rank++) {
        bool whole = true;
        for (int i = team->start[team->number[rank]]; i < team->start[team->number[rank] + 1]; i++)
            whole = whole && fine[team->member[i]];
        node[rank] = whole ? team->number[rank] : team->ranks + rank;
    }
    number_teams(team, node, team->ranks);
    list_members(team);
}

static int64_t size_limit(int ranks)
{
    const char *text = getenv("LLMPI_TEAM_SIZE");
    long value = text != NULL ? strtol(text, NULL, 10) : 0;
    return value > 0 ? value : ranks;
}

/* --- memory --- */

/* A new object of this rank's own, locked as long as it has a name; 0 or the errno of what failed. Between
 * making and locking, another job that is starting may take it for one left behind (comm/leftovers.h): then
 * it has no name any more. */
static int make_name(struct team *team)
{
    for (;;) {
        struct timespec now;
        struct stat facts;
        clock_gettime(CLOCK_REALTIME, &now);
        snprintf(team->name, sizeof team->name, "/llmpi-%ld-%llx%lx-%d", (long)getpid(),
                 (unsigned long long)now.tv_sec, now.tv_nsec, team->rank);
        team->descriptor = shm_open(team->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (team->descriptor < 0 || flock(team->descriptor, LOCK_EX) != 0 ||
            fstat(team->descriptor, &facts) != 0)
            return errno;
        if (facts.st_nlink > 0)
            return 0;
        close(team->descriptor);
    }
}

static int make_object(struct team *team)
{
    int code = make_name(team);
    if (code != 0)
        return code;
    do
        code = posix_fallocate(team->descriptor, 0, (off_t)team->mapped);
    while (code == EINTR);
    return code;
}

static void remove_name(struct team *team)
{
    if (team->descriptor < 0)
        return;
    shm_unlink(team->name);
    close(team->descriptor);
    team->descriptor = -1;
}

static int map_object(struct team *team, int index, const char *name)
{
    int descriptor = shm_open(name, O_RDWR | O_CLOEXEC, 0);
    if (descriptor < 0)
        return errno;
    void *memory = mmap(NULL, team->mapped, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    int code = memory == MAP_FAILED ? errno : 0;
    close(descriptor);
    if (code == 0) {
        team->memory[index] = memory;
        madvise(memory, team->mapped, MADV_HUGEPAGE); /* where the system has them for such objects */
    }
    return code;
}

static void unmap_all(struct team *team)
{
    for (int i = 0; team->memory != NULL && i < team->ranks; i++) {
        if (team->memory[i] == NULL)
            continue;
        if (team->shared)
            munmap(team->memory[i], team->mapped);
        else
            allocator_huge.release(allocator_huge.context, team->memory[i]);
        team->memory[i] = NULL;
    }
}

/* One line for the lowest rank that failed. */
static void log_failure(const struct team *team, const int *codes, const char *what, int64_t bytes)
{
    char size[16];
    for (int rank = 0; rank < team->ranks; rank++) {
        if (codes[rank] == 0)
            continue;
        log_info("rank %d's node has no shared memory for %s, %s a rank (/dev/shm: %s): its ranks send "
                 "messages to each other, which is slower",
                 rank, what, log_bytes(size, (double)bytes), strerror(codes[rank]));
        return;
    }
}

/* Whether all went well everywhere; where not, the teams concerned are taken apart. */
static bool agree(struct team *team, struct comm *comm, int code, int *codes, const char *what)
{
    bool all = true;
    comm_gather(comm, &code, sizeof code, codes);
    for (int rank = 0; rank < team->ranks; rank++)
        all = all && codes[rank] == 0;
    if (all)
        return true;
    log_failure(team, codes, what, (int64_t)team->bytes);
    return false;
}

static enum status take_private(struct team *team, const char *what)
{
    unmap_all(team);
    remove_name(team);
    team->shared = false;
    team->memory[0] = allocator_huge.allocate(allocator_huge.context, team->mapped, what);
    return team->memory[0] != NULL ? STATUS_OK : STATUS_FAILED;
}

/* Room for what the ranks tell each other. */
struct tables {
    int *codes, *node;
    char *fine, *names;
};

/* Maps the members' objects; with a failure somewhere, the teams concerned come apart. **Collective** */
static void take_shared(struct team *team, struct comm *comm, const char *what, const struct tables *tables)
{
    bool alone = size_of(team, team_mine(team)) == 1;
    int code = alone ? 0 : make_object(team);
    bool made = agree(team, comm, code, tables->codes, what);
    for (int rank = 0; rank < team->ranks; rank++)
        tables->fine[rank] = tables->codes[rank] == 0;
    if (!made)
        take_apart(team, tables->fine, tables->node);
    comm_gather(comm, team->name, sizeof team->name, tables->names);
    code = 0;
    for (int i = 0; team_members(team) > 1 && i < team_members(team) && code == 0; i++)
        code = map_object(team, i,
                          tables->names + (size_t)team_rank(team, team_mine(team), i) * sizeof team->name);
    team->shared = team_members(team) > 1;
    bool mapped = agree(team, comm, code, tables->codes, what); /* and all have opened what they need */
    remove_name(team);
    for (int rank = 0; rank < team->ranks; rank++)
        tables->fine[rank] = tables->codes[rank] == 0;
    if (mapped)
        return;
    take_apart(team, tables->fine, tables->node);
    if (team_members(team) == 1)
        unmap_all(team);
}

static enum status fill(struct team *team, struct comm *comm, const char *what, bool regular,
                        const struct tables *tables)
{
    int first = comm_node_first(comm);
    comm_gather(comm, &first, sizeof first, tables->node);
    number_teams(team, tables->node, size_limit(team->ranks));
    list_members(team);
    for (int rank = 0; rank < team->ranks; rank++)
        tables->fine[rank] = !regular || is_regular(team);
    take_apart(team, tables->fine, tables->node);
    take_shared(team, comm, what, tables);
    if (regular && !is_regular(team)) { /* a failure on one node has spoilt it for all */
        memset(tables->fine, 0, (size_t)team->ranks);
        take_apart(team, tables->fine, tables->node);
    }
    return comm_agree(comm, team_members(team) > 1 ? STATUS_OK : take_private(team, what));
}

enum status team_create(struct comm *comm, int64_t bytes, const char *what, bool regular, struct team **out)
{
    int ranks = comm_size(comm);
    struct team *team = memory_allocate(1, sizeof *team, "a team");
    struct tables tables = {
        memory_allocate(ranks, sizeof(int), "a team"), memory_allocate(ranks, sizeof(int), "a team"),
        memory_allocate(ranks, 1, "a team"), memory_allocate(ranks, sizeof team->name, "a team")};
    *out = NULL;
    bool complete = team != NULL && tables.codes != NULL && tables.node != NULL && tables.fine != NULL &&
                    tables.names != NULL;
    if (complete) {
        *team =
            (struct team){.ranks = ranks, .rank = comm_rank(comm), .bytes = (size_t)bytes, .descriptor = -1};
        team->mapped = ((size_t)bytes + PAGE - 1) / PAGE * PAGE + PAGE;
        team->number = memory_allocate(ranks, sizeof *team->number, "a team");
        team->place = memory_allocate(ranks, sizeof *team->place, "a team");
        team->member = memory_allocate(ranks, sizeof *team->member, "a team");
        team->start = memory_allocate(ranks + 1, sizeof *team->start, "a team");
        team->memory = memory_allocate(ranks, sizeof *team->memory, "a team");
        complete = team->number != NULL && team->place != NULL && team->member != NULL &&
                   team->start != NULL && team->memory != NULL;
    }
    enum status status = comm_agree(comm, complete ? STATUS_OK : STATUS_FAILED);
    if (status == STATUS_OK)
        status = fill(team, comm, what, regular, &tables);
    memory_free(tables.codes);
    memory_free(tables.node);
    memory_free(tables.fine);
    memory_free(tables.names);
    if (status != STATUS_OK)
        team_destroy(team);
    else
        *out = team;
    return status;
}

void team_destroy(struct team *team)
{
    if (team == NULL)
        return;
    unmap_all(team);
    remove_name(team);
    memory_free(team->memory);
    memory_free(team->number);
    memory_free(team->place);
    memory_free(team->member);
    memory_free(team->start);
    memory_free(team);
}

/* --- looking at it --- */

int team_count(const struct team *team)
{
    return team->count;
}

int team_mine(const struct team *team)
{
    return team->number[team->rank];
}

int team_members(const struct team *team)
{
    return size_of(team, team_mine(team));
}

int team_index(const struct team *team)
{
    return team->place[team->rank];
}

int team_of(const struct team *team, int rank)
{
    return team->number[rank];
}

int team_place(const struct team *team, int rank)
{
    return team->place[rank];
}

int team_rank(const struct team *team, int number, int index)
{
    return team->member[team->start[number] + index % size_of(team, number)];
}

void *team_memory(const struct team *team, int index)
{
    return team->memory[index];
}

static _Atomic int64_t *counter_of(const struct team *team, int index, enum team_counter counter)
{
    return (void *)(team->memory[index] + team->mapped - PAGE + (size_t)counter * COUNTER_STEP);
}

void team_post(struct team *team, enum team_counter counter, int64_t value)
{
    atomic_store_explicit(counter_of(team, team_index(team), counter), value, memory_order_release);
}

bool team_reached(const struct team *team, enum team_counter counter, int64_t value)
{
    for (int i = 0; i < team_members(team); i++)
        if (atomic_load_explicit(counter_of(team, i, counter), memory_order_acquire) < value)
            return false;
    return true;
}
