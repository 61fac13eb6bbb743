/* A request is a message of one number on a communicator of its own, from the rank that was asked to each of
 * the others: one hop, since a rank in the middle would pass it on only after its micro-batch. A rank that
 * has heard of a request makes none, so that it sends at most one message to each other rank. */
#include "llmpi/comm/requests.h"

#include "comm_private.h"
#include "llmpi/base/activity.h"
#include "llmpi/base/clock.h"
#include "llmpi/base/memory.h"

#include <time.h>

#define LOOK_SECONDS 0.01    /* between two looks for messages, which cost a microsecond each */
#define WAIT_NS      1000000 /* at most, between two looks of a rank that waits */

struct requests {
    MPI_Comm handle;
    enum stop_reason known;
    double looked;
    int number;         /* what is sent */
    MPI_Request *sends; /* to each rank; NULL: we have not asked */
    int heard;          /* messages received */
};

enum status requests_begin(struct comm *comm)
{
    if (comm->size == 1)
        return STATUS_OK;
    comm->requests = memory_allocate(1, sizeof *comm->requests, "requests to stop");
    enum status status = comm_agree(comm, comm->requests != NULL ? STATUS_OK : STATUS_FAILED);
    if (status == STATUS_OK) {
        MPI_Comm_dup(comm->handle, &comm->requests->handle);
    } else {
        memory_free(comm->requests);
        comm->requests = NULL;
    }
    return status;
}

/* Without memory, the next decision of all ranks carries the request, a little later. */
static void tell_others(struct comm *comm, enum stop_reason reason)
{
    struct requests *requests = comm->requests;
    requests->number = (int)reason;
    requests->sends = memory_allocate(comm->size, sizeof *requests->sends, "requests to stop");
    for (int rank = 0; rank < comm->size && requests->sends != NULL; rank++) {
        requests->sends[rank] = MPI_REQUEST_NULL;
        if (rank != comm->rank)
            MPI_Isend(&requests->number, 1, MPI_INT, rank, 0, requests->handle, &requests->sends[rank]);
    }
}

static enum stop_reason hear(struct requests *requests)
{
    int number = STOP_NONE;
    MPI_Recv(&number, 1, MPI_INT, MPI_ANY_SOURCE, 0, requests->handle, MPI_STATUS_IGNORE);
    requests->heard++;
    return (enum stop_reason)number;
}

enum stop_reason requests_look(struct comm *comm)
{
    struct requests *requests = comm->requests;
    enum stop_reason own = stopping_look();
    if (requests == NULL)
        return own;
    double now = clock_seconds();
    if (requests->known != STOP_NONE || (own == STOP_NONE && now - requests->looked < LOOK_SECONDS))
        return requests->known;
    int waiting = 0;
    requests->looked = now;
    MPI_Iprobe(MPI_ANY_SOURCE, 0, requests->handle, &waiting, MPI_STATUS_IGNORE);
    if (waiting) {
        requests->known = hear(requests);
    } else if (own != STOP_NONE) {
        requests->known = own;
        tell_others(comm, own);
    }
    return requests->known;
}

enum status requests_check(struct comm *comm)
{
    enum stop_reason reason = requests_look(comm);
    return reason == STOP_NONE ? STATUS_OK
                               : fail(STATUS_STOPPED, "stopped on request: %s", stopping_name(reason));
}

void requests_wait(struct comm *comm)
{
    struct timespec pause = {0, WAIT_NS >> 6};
    if (comm->requests == NULL)
        return;
    MPI_Request barrier;
    int done = 0;
    activity_wait();
    MPI_Ibarrier(comm->requests->handle, &barrier);
    for (MPI_Test(&barrier, &done, MPI_STATUS_IGNORE); !done; MPI_Test(&barrier, &done, MPI_STATUS_IGNORE)) {
        requests_look(comm);
        nanosleep(&pause, NULL);
        pause.tv_nsec = pause.tv_nsec < WAIT_NS ? 2 * pause.tv_nsec : WAIT_NS;
    }
    activity_advance();
}

enum stop_reason requests_agree(struct comm *comm)
{
    int64_t reason = (int64_t)requests_look(comm);
    comm_max_int64(comm, &reason, 1);
    if (comm->requests != NULL)
        comm->requests->known = (enum stop_reason)reason;
    return (enum stop_reason)reason;
}

enum status requests_conclude(struct comm *comm, enum status status, const char *what)
{
    if (status != STATUS_STOPPED)
        return status;
    return fail(status, "stopped by %s; %s", stopping_name(requests_agree(comm)), what);
}

/* Every message has been received before its communicator goes. */
void requests_end(struct comm *comm)
{
    struct requests *requests = comm->requests;
    if (requests == NULL)
        return;
    int asked = requests->sends != NULL, askers = 0;
    MPI_Allreduce(&asked, &askers, 1, MPI_INT, MPI_SUM, requests->handle);
    while (requests->heard < askers - asked)
        hear(requests);
    if (asked)
        MPI_Waitall(comm->size, requests->sends, MPI_STATUSES_IGNORE);
    MPI_Comm_free(&requests->handle);
    memory_free(requests->sends);
    memory_free(requests);
    comm->requests = NULL;
}
