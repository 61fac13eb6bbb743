/* Ping-pong, a stream of short messages, and long messages one way and both ways, through the same messages
 * (comm/messages.h) that the exchange uses; the other ranks wait. */
#include "bench_link.h"

#include "llmpi/base/clock.h"
#include "llmpi/base/memory.h"
#include "llmpi/comm/messages.h"
#include "llmpi/comm/team.h"

#include <math.h>

enum { PINGS = 100, STREAM = 1000, LONG = 16 << 20, TAG = 1 };

/* One of the two ranks. */
struct end {
    struct messages *messages;
    bool first; /* of the two */
    int other;
    char *sent, *received; /* LONG bytes each */
};

/* Starts messages of `bytes` each, out and in, and waits until all are done. */
static void pass(const struct end *end, int64_t out, int64_t in, int64_t bytes)
{
    message_count pending = 0;
    for (int64_t i = 0; i < in; i++)
        messages_receive(end->messages, end->other, TAG, end->received, bytes, &pending);
    for (int64_t i = 0; i < out; i++)
        messages_send(end->messages, end->other, TAG, end->sent, bytes, &pending);
    while (pending > 0)
        messages_progress(end->messages);
}

/* `count` messages of `bytes` from the first to the second, then a short one back: seconds. */
static double there_and_back(const struct end *end, int64_t count, int64_t bytes)
{
    double since = clock_seconds();
    pass(end, end->first ? count : 0, end->first ? 0 : count, bytes);
    pass(end, end->first ? 0 : 1, end->first ? 1 : 0, 1);
    return clock_seconds() - since;
}

static double both(const struct end *end)
{
    double since = clock_seconds();
    pass(end, 1, 1, LONG);
    return clock_seconds() - since;
}

/* Four seconds of the best round: half a ping-pong, a stream, long one way, long both ways. */
static void measure(const struct end *end, int64_t rounds, double best[4])
{
    for (int64_t round = 0; round <= rounds; round++) { /* the first opens connections */
        double since = clock_seconds();
        for (int i = 0; i < PINGS; i++)
            there_and_back(end, 1, 1);
        double seconds[4] = {(clock_seconds() - since) / PINGS / 2, there_and_back(end, STREAM, 1),
                             there_and_back(end, 1, LONG), 0};
        pass(end, end->first, !end->first, 1); /* both begin together */
        seconds[3] = both(end);
        for (int i = 0; i < 4 && round > 0; i++)
            best[i] = fmin(best[i], seconds[i]);
    }
}

static enum status measure_between(struct comm *comm, const struct team *team, int64_t rounds,
                                   struct link_speed *out)
{
    int ends[2] = {team_rank(team, 0, 0), team_rank(team, 1, 0)}, me = comm_rank(comm);
    double best[4] = {INFINITY, INFINITY, INFINITY, INFINITY};
    struct end end = {.first = me == ends[0], .other = me == ends[0] ? ends[1] : ends[0]};
    TRY(messages_create(comm, &end.messages));
    end.sent = memory_allocate(LONG, 1, "messages");
    end.received = memory_allocate(LONG, 1, "messages");
    enum status status =
        comm_agree(comm, end.sent != NULL && end.received != NULL ? STATUS_OK : STATUS_FAILED);
    if (status == STATUS_OK && (me == ends[0] || me == ends[1]))
        measure(&end, rounds, best);
    memory_free(end.sent);
    memory_free(end.received);
    messages_destroy(end.messages);
    TRY(status);
    comm_broadcast(comm, best, sizeof best, ends[0]);
    out->latency = best[0];
    out->message = best[1] / STREAM;
    out->one_way = LONG / best[2];
    out->both_ways = LONG / best[3];
    return STATUS_OK;
}

enum status link_measure(struct comm *comm, int64_t rounds, struct link_speed *out)
{
    struct team *team;
    *out = (struct link_speed){0};
    TRY(team_create(comm, 64, "a benchmark", false, &team));
    out->groups = team_count(team);
    enum status status = out->groups > 1 ? measure_between(comm, team, rounds, out) : STATUS_OK;
    team_destroy(team);
    return status;
}
