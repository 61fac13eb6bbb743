/* A request to stop of one rank, of all, and of one that waits, becomes known to all. */
#include "check.h"

#include "../../src/comm/comm_private.h"
#include "llmpi/base/clock.h"
#include "llmpi/comm/requests.h"

#include <signal.h>
#include <string.h>

#define PATIENCE 20 /* seconds */

/* A new life: nobody has asked. */
static void begin(struct comm *comm)
{
    requests_end(comm);
    stopping_begin();
    CHECK(comm, requests_begin(comm) == STATUS_OK, "%s", status_message());
    CHECK(comm, requests_look(comm) == STOP_NONE, "a request that nobody made");
    CHECK(comm, requests_check(comm) == STATUS_OK, "a request that nobody made");
}

static bool is_last(struct comm *comm)
{
    return comm_rank(comm) == comm_size(comm) - 1;
}

/* Without any collective call on the way. */
static enum stop_reason look_until_asked(struct comm *comm)
{
    double since = clock_seconds();
    enum stop_reason reason = STOP_NONE;
    while (reason == STOP_NONE && clock_seconds() - since < PATIENCE)
        reason = requests_look(comm);
    return reason;
}

static void test_one_asks(struct comm *comm)
{
    begin(comm);
    if (is_last(comm))
        raise(SIGUSR1);
    enum stop_reason reason = look_until_asked(comm);
    CHECK(comm, reason == STOP_SIGUSR1, "the reason is '%s'", stopping_name(reason));
    CHECK(comm, requests_check(comm) == STATUS_STOPPED, "not stopped");
    enum status status = requests_conclude(comm, STATUS_STOPPED, "that is all");
    CHECK(comm, status == STATUS_STOPPED && strcmp(status_message(), "stopped by SIGUSR1; that is all") == 0,
          "the message is '%s'", status_message());
    CHECK(comm, requests_conclude(comm, STATUS_OK, "") == STATUS_OK, "a stop without a request");
}

/* All at once, for different reasons: they name the same, whichever came first. */
static void test_all_ask(struct comm *comm)
{
    begin(comm);
    raise(comm_rank(comm) % 2 == 0 ? SIGTERM : SIGUSR1);
    look_until_asked(comm);
    enum stop_reason reason = requests_agree(comm);
    CHECK(comm, reason == STOP_SIGTERM || reason == STOP_SIGUSR1, "the reason is '%s'",
          stopping_name(reason));
    int64_t largest = (int64_t)reason;
    comm_max_int64(comm, &largest, 1);
    CHECK(comm, largest == (int64_t)reason, "others name '%s'", stopping_name((enum stop_reason)largest));
}

/* A rank that has nothing to do any more passes a request on to those that work. */
static void test_waiting_rank_asks(struct comm *comm)
{
    begin(comm);
    if (is_last(comm))
        raise(SIGTERM);
    enum stop_reason reason = STOP_SIGTERM;
    if (!is_last(comm))
        reason = look_until_asked(comm);
    requests_wait(comm);
    CHECK(comm, reason == STOP_SIGTERM, "the reason is '%s'", stopping_name(reason));
}

/* Nobody looks: no message is left when the communicator goes, and agreeing tells it. */
static void test_nobody_looks(struct comm *comm)
{
    begin(comm);
    if (is_last(comm)) {
        raise(SIGINT);
        requests_look(comm);
    }
    begin(comm);
    if (is_last(comm))
        raise(SIGINT);
    enum stop_reason reason = requests_agree(comm);
    CHECK(comm, reason == STOP_SIGINT, "the reason is '%s'", stopping_name(reason));
    CHECK(comm, requests_look(comm) == STOP_SIGINT, "it is forgotten");
}

int main(void)
{
    struct comm *comm;
    if (comm_begin(&comm) != STATUS_OK) {
        fprintf(stderr, "%s\n", status_message());
        return 1;
    }
    for (int i = 0; i < 10; i++) {
        test_one_asks(comm);
        test_all_ask(comm);
        test_waiting_rank_asks(comm);
        test_nobody_looks(comm);
    }
    comm_end(comm);
    return 0;
}
