/* Messages are synchronous sends (MPI_Issend), of which one at most is on its way to each rank: the next one
 * follows when the receiver has taken it, so that nothing piles up in front of a rank that is stopped. */
#include "llmpi/comm/watchdog.h"

#include "comm_private.h"
#include "llmpi/base/activity.h"
#include "llmpi/base/clock.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "stall.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    HOST_BYTES = 64,
    ABORT_SECONDS = 900, /* WATCHDOG_AUTO */
    EXIT_CODE = 1,       /* of a job that is ended */
    EXIT_PATIENCE = 3    /* seconds for MPI_Abort to end this process */
};
#define LONGEST_PERIOD 1.0   /* seconds between two looks, */
#define LAST_PERIOD    0.002 /* and while the ranks part */
#define AWAY           1.0   /* seconds that a look comes too late, from which on we were not there */

struct watchdog {
    struct comm *comm;
    MPI_Comm handle; /* of its own; MPI_COMM_NULL: this rank watches itself only */
    double warning, abort, period;
    char (*hosts)[HOST_BYTES]; /* of all ranks */
    int count;                 /* watched ranks: on rank 0 all, in order, else one */
    struct watched *watched;
    struct beat own;
    int64_t advances; /* of this process, and when it last made one */
    double advanced, last_look;
    int peers; /* ranks with whom messages are exchanged: on rank 0 all others in order, else rank 0 */
    struct beat *incoming, *outgoing;
    MPI_Request *requests; /* of incoming, then of outgoing */
    int *done;             /* room for MPI_Testsome */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    enum course { NOT_YET, WATCHING, ENDING, NEVER } course; /* under the lock */
};

/* --- messages --- */

/* The rank of a peer, which is also its place among the watched. */
static int peer_rank(const struct watchdog *watchdog, int peer)
{
    return watchdog->comm->rank == 0 ? peer + 1 : 0;
}

static void take_beat(struct watchdog *watchdog, int peer, double now)
{
    struct watched *watched = &watchdog->watched[peer_rank(watchdog, peer)];
    watched->beat = watchdog->incoming[peer];
    watched->beat.phase[sizeof watched->beat.phase - 1] = '\0';
    watched->heard = now;
    watched->left = watched->beat.leaving != 0;
}

static void receive_beat(struct watchdog *watchdog, int peer)
{
    MPI_Irecv(&watchdog->incoming[peer], sizeof(struct beat), MPI_BYTE, peer_rank(watchdog, peer), 0,
              watchdog->handle, &watchdog->requests[peer]);
}

static void exchange_beats(struct watchdog *watchdog, double now)
{
    int done = 0;
    MPI_Testsome(2 * watchdog->peers, watchdog->requests, &done, watchdog->done, MPI_STATUSES_IGNORE);
    for (int i = 0; i < done; i++) { /* none where it is MPI_UNDEFINED, which is negative */
        int peer = watchdog->done[i];
        if (peer >= watchdog->peers)
            continue;
        take_beat(watchdog, peer, now);
        if (!watchdog->incoming[peer].leaving)
            receive_beat(watchdog, peer);
    }
    for (int peer = 0; peer < watchdog->peers; peer++) {
        MPI_Request *request = &watchdog->requests[watchdog->peers + peer];
        if (*request != MPI_REQUEST_NULL || watchdog->outgoing[peer].leaving)
            continue;
        watchdog->outgoing[peer] = watchdog->own;
        MPI_Issend(&watchdog->outgoing[peer], sizeof(struct beat), MPI_BYTE, peer_rank(watchdog, peer), 0,
                   watchdog->handle, request);
    }
}

/* All have told each other that they leave. */
static bool have_parted(const struct watchdog *watchdog)
{
    for (int i = 0; i < 2 * watchdog->peers; i++)
        if (watchdog->requests[i] != MPI_REQUEST_NULL)
            return false;
    return watchdog->own.leaving != 0;
}

/* --- judging --- */

static void look_at_ourselves(struct watchdog *watchdog, double now, bool ending)
{
    struct activity activity = activity_now();
    if (activity.advances != watchdog->advances)
        watchdog->advanced = now;
    watchdog->advances = activity.advances;
    watchdog->own =
        (struct beat){.idle = now - watchdog->advanced, .waiting = activity.waiting, .leaving = ending};
    snprintf(watchdog->own.phase, sizeof watchdog->own.phase, "%s", activity.phase);
    if (watchdog->watched[0].rank != watchdog->comm->rank)
        return;
    watchdog->watched[0].beat = watchdog->own;
    watchdog->watched[0].heard = now;
}

/* Other ranks than 0 only hear whether rank 0 is there: the rest it sees itself. */
static enum stall judge(const struct watchdog *watchdog, int index, double now, double patience,
                        double *seconds)
{
    enum stall stall = stall_judge(watchdog->watched, watchdog->count, index, now, patience, seconds);
    bool foreign = watchdog->comm->rank != 0 && watchdog->handle != MPI_COMM_NULL;
    return foreign && stall != STALL_SILENT ? STALL_NONE : stall;
}

/* Whether this rank is the one to warn; a rank alone with itself does not speak for all. */
static bool warns(const struct watchdog *watchdog, enum stall stall)
{
    return watchdog->comm->rank == 0 ||
           (watchdog->handle != MPI_COMM_NULL ? watchdog->comm->rank == 1 : stall != STALL_STUCK);
}

static void warn(struct watchdog *watchdog, int index, double now)
{
    struct watched *watched = &watchdog->watched[index];
    double seconds = 0;
    char text[256];
    enum stall stall = judge(watchdog, index, now, watchdog->warning, &seconds);
    if ((stall == STALL_NONE) == (watched->told == STALL_NONE) ||
        !warns(watchdog, stall != STALL_NONE ? stall : watched->told))
        return;
    if (stall == STALL_NONE)
        seconds = now - watched->since;
    else
        watched->since = now - seconds;
    watched->told = stall;
    stall_describe(text, sizeof text, stall, watched, watchdog->hosts[watched->rank], seconds);
    log_warning("%s", text);
}

static void leave(int number)
{
    (void)number;
    _exit(EXIT_CODE);
}

/* MPI_Abort may wait for a host that nobody reaches. */
static void end_job(const struct watchdog *watchdog)
{
    struct sigaction action = {.sa_handler = leave};
    sigemptyset(&action.sa_mask);
    sigaction(SIGALRM, &action, NULL);
    alarm(EXIT_PATIENCE);
    comm_abort(watchdog->comm, EXIT_CODE);
}

/* Rank 0 first, and then rank 1, so that one of them says it, and the job ends before the others do. Of those
 * who are still there then, one on each host says it. */
static void end_if_hopeless(const struct watchdog *watchdog, int index, double now)
{
    static const char what_follows[] =
        " (run.stall_abort); the same command continues from the newest checkpoint";
    const struct watched *watched = &watchdog->watched[index];
    int rank = watchdog->comm->rank;
    double seconds = 0, later = rank == 0 ? 0 : rank == 1 ? 1 : 3;
    char text[256];
    enum stall stall = judge(watchdog, index, now, watchdog->abort + later, &seconds);
    if (stall == STALL_NONE)
        return;
    stall_describe(text, sizeof text, stall, watched, watchdog->hosts[watched->rank], seconds);
    if (rank == 0)
        log_error("%s; the job ends%s", text, what_follows);
    else if (rank == 1 || rank == watchdog->comm->node_first)
        log_warning("%s; the job ends%s", text, what_follows);
    end_job(watchdog);
}

/* --- the thread --- */

/* The machine may sleep, and this process may be stopped. */
static void notice_absence(struct watchdog *watchdog, double now)
{
    if (now - watchdog->last_look > watchdog->period + AWAY) {
        stall_forgive(watchdog->watched, watchdog->count, now);
        watchdog->advanced = now;
    }
    watchdog->last_look = now;
}

static void look(struct watchdog *watchdog, bool ending)
{
    double now = clock_seconds_asleep();
    notice_absence(watchdog, now);
    look_at_ourselves(watchdog, now, ending);
    if (watchdog->handle != MPI_COMM_NULL)
        exchange_beats(watchdog, now);
    for (int i = 0; i < watchdog->count; i++) {
        if (watchdog->warning > 0)
            warn(watchdog, i, now);
        if (watchdog->abort > 0)
            end_if_hopeless(watchdog, i, now);
    }
}

/* Waits for the next look, or until the course changes; under the lock. */
static void rest(struct watchdog *watchdog)
{
    struct timespec until;
    double seconds = watchdog->course == ENDING ? LAST_PERIOD : watchdog->period;
    clock_gettime(CLOCK_MONOTONIC, &until);
    double nanoseconds = (double)until.tv_nsec + 1e9 * seconds;
    until.tv_sec += (time_t)(nanoseconds / 1e9);
    until.tv_nsec = (long)nanoseconds % 1000000000;
    pthread_cond_timedwait(&watchdog->wake, &watchdog->lock, &until);
}

static void *watch(void *context)
{
    struct watchdog *watchdog = context;
    pthread_mutex_lock(&watchdog->lock);
    while (watchdog->course == NOT_YET)
        pthread_cond_wait(&watchdog->wake, &watchdog->lock);
    bool parted = watchdog->course == NEVER;
    for (int peer = 0; peer < watchdog->peers && !parted; peer++)
        receive_beat(watchdog, peer);
    while (!parted) {
        bool ending = watchdog->course == ENDING;
        pthread_mutex_unlock(&watchdog->lock);
        look(watchdog, ending);
        parted = have_parted(watchdog);
        pthread_mutex_lock(&watchdog->lock);
        if (!parted && ending == (watchdog->course == ENDING))
            rest(watchdog);
    }
    pthread_mutex_unlock(&watchdog->lock);
    return NULL;
}

static void set_course(struct watchdog *watchdog, enum course course)
{
    pthread_mutex_lock(&watchdog->lock);
    watchdog->course = course;
    pthread_cond_signal(&watchdog->wake);
    pthread_mutex_unlock(&watchdog->lock);
}

/* --- beginning and ending --- */

static bool has_terminal(void)
{
    int descriptor = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (descriptor >= 0)
        close(descriptor);
    return descriptor >= 0;
}

/* Memory for the ranks to be watched and for messages. */
static enum status prepare(struct watchdog *watchdog)
{
    const struct comm *comm = watchdog->comm;
    bool connected = comm->size > 1 && comm->threads_may_call;
    watchdog->count = connected && comm->rank == 0 ? comm->size : 1;
    watchdog->peers = !connected ? 0 : comm->rank == 0 ? comm->size - 1 : 1;
    int64_t requests = 2 * (int64_t)watchdog->peers;
    watchdog->hosts = memory_allocate(comm->size, sizeof *watchdog->hosts, "the watchdog");
    watchdog->watched = memory_allocate(watchdog->count, sizeof *watchdog->watched, "the watchdog");
    watchdog->incoming = memory_allocate(watchdog->peers + 1, sizeof *watchdog->incoming, "the watchdog");
    watchdog->outgoing = memory_allocate(watchdog->peers + 1, sizeof *watchdog->outgoing, "the watchdog");
    watchdog->requests = memory_allocate(requests + 1, sizeof *watchdog->requests, "the watchdog");
    watchdog->done = memory_allocate(requests + 1, sizeof *watchdog->done, "the watchdog");
    if (watchdog->hosts == NULL || watchdog->watched == NULL || watchdog->incoming == NULL ||
        watchdog->outgoing == NULL || watchdog->requests == NULL || watchdog->done == NULL)
        return STATUS_FAILED;
    watchdog->last_look = watchdog->advanced = clock_seconds_asleep();
    for (int i = 0; i < watchdog->count; i++)
        watchdog->watched[i] = (struct watched){
            .rank = connected ? i : comm->rank, .beat = {.phase = "setup"}, .heard = watchdog->last_look};
    for (int64_t i = 0; i < requests; i++)
        watchdog->requests[i] = MPI_REQUEST_NULL;
    return STATUS_OK;
}

static void release(struct watchdog *watchdog)
{
    if (watchdog->handle != MPI_COMM_NULL)
        MPI_Comm_free(&watchdog->handle);
    pthread_cond_destroy(&watchdog->wake);
    pthread_mutex_destroy(&watchdog->lock);
    memory_free(watchdog->hosts);
    memory_free(watchdog->watched);
    memory_free(watchdog->incoming);
    memory_free(watchdog->outgoing);
    memory_free(watchdog->requests);
    memory_free(watchdog->done);
    memory_free(watchdog);
}

static enum status start_thread(struct watchdog *watchdog)
{
    int code = pthread_create(&watchdog->thread, NULL, watch, watchdog);
    enum status status =
        code == 0 ? STATUS_OK : fail(STATUS_FAILED, "cannot start the watchdog's thread: %s", strerror(code));
    status = comm_agree(watchdog->comm, status);
    set_course(watchdog, status == STATUS_OK ? WATCHING : NEVER);
    if (status != STATUS_OK && code == 0)
        pthread_join(watchdog->thread, NULL);
    return status;
}

/* Limits are rank 0's. */
static void set_limits(struct watchdog *watchdog, int64_t warning, int64_t abort)
{
    double limits[2] = {(double)warning, (double)abort};
    if (abort == WATCHDOG_AUTO)
        limits[1] = has_terminal() ? 0 : ABORT_SECONDS;
    comm_broadcast(watchdog->comm, limits, sizeof limits, 0);
    watchdog->warning = limits[0];
    watchdog->abort = limits[1];
    watchdog->period = LONGEST_PERIOD;
    for (int i = 0; i < 2; i++)
        if (limits[i] > 0 && limits[i] / 8 < watchdog->period)
            watchdog->period = limits[i] / 8;
}

static void make_lock(struct watchdog *watchdog)
{
    pthread_condattr_t attributes;
    pthread_mutex_init(&watchdog->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&watchdog->wake, &attributes);
    pthread_condattr_destroy(&attributes);
}

enum status watchdog_begin(struct comm *comm, int64_t warning, int64_t abort, struct watchdog **out)
{
    *out = NULL;
    struct watchdog *watchdog = memory_allocate(1, sizeof *watchdog, "the watchdog");
    TRY(comm_agree(comm, watchdog != NULL ? STATUS_OK : STATUS_FAILED));
    watchdog->comm = comm;
    watchdog->handle = MPI_COMM_NULL;
    make_lock(watchdog);
    set_limits(watchdog, warning, abort);
    bool wanted = watchdog->warning > 0 || watchdog->abort > 0;
    enum status status = wanted ? comm_agree(comm, prepare(watchdog)) : STATUS_OK;
    if (wanted && status == STATUS_OK) {
        char host[HOST_BYTES] = "";
        gethostname(host, sizeof host - 1);
        comm_gather(comm, host, sizeof host, watchdog->hosts);
        if (watchdog->peers > 0)
            MPI_Comm_dup(comm->handle, &watchdog->handle);
        else if (comm->size > 1)
            log_info("watchdog: this MPI library allows no calls from several threads, so each rank watches "
                     "itself only");
        activity_watch();
        activity_begin("setup");
        status = start_thread(watchdog);
    }
    if (!wanted || status != STATUS_OK)
        release(watchdog);
    else
        *out = watchdog;
    return status;
}

void watchdog_end(struct watchdog *watchdog)
{
    if (watchdog == NULL)
        return;
    activity_begin("end");
    activity_wait();
    set_course(watchdog, ENDING);
    pthread_join(watchdog->thread, NULL);
    release(watchdog);
}
