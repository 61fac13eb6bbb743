/* Beginning and ending, agreeing on errors, and broadcasts. A communicator of one rank never calls MPI after
 * it began, so that comm_alone() and a start without a launcher go the same way. */
#include "llmpi/comm/comm.h"

#include "comm_private.h"
#include "llmpi/base/activity.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __SANITIZE_ADDRESS__
#include <dlfcn.h>
#endif

static struct comm *comm_create(MPI_Comm handle, bool started_mpi, int rank, int size)
{
    struct comm *comm = memory_allocate(1, sizeof *comm, "a communicator");
    if (comm != NULL)
        *comm = (struct comm){handle, started_mpi, rank, size, .node_size = 1, .node_first = rank};
    return comm;
}

struct comm *comm_alone(void)
{
    return comm_create(MPI_COMM_NULL, false, 0, 1);
}

static void find_node_ranks(struct comm *comm)
{
    MPI_Comm node;
    MPI_Comm_split_type(comm->handle, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
    MPI_Comm_size(node, &comm->node_size);
    MPI_Allreduce(&comm->rank, &comm->node_first, 1, MPI_INT, MPI_MIN, node);
    MPI_Comm_free(&node);
}

/* A start without a launcher needs neither a daemon of its own nor a search for network hardware, which take
 * most of Open MPI's start (measured with 4.1.4: 0.32 s with both, 0.02 s without). Nor does it need a folder
 * of sessions: all such starts of a user share one, and one that ends removes it under another that begins. The
 * user's own settings stay. */
static void hasten_single_start(void)
{
    static const char *const launcher[] = {
        "OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMIX_NAMESPACE", "PMI_RANK", "PMI_SIZE",
        "SLURM_STEP_NUM_TASKS"};
    for (size_t i = 0; i < sizeof launcher / sizeof *launcher; i++)
        if (getenv(launcher[i]) != NULL)
            return;
    setenv("OMPI_MCA_ess_singleton_isolated", "1", 0);
    setenv("OMPI_MCA_orte_create_session_dirs", "0", 0);
    setenv("OMPI_MCA_pml", "ob1", 0);
}

#ifdef __SANITIZE_ADDRESS__
/* In a sanitizer build, MPI's plugins stay loaded: of memory that an unloaded one leaked nobody could tell
 * that it is not ours (tests/lsan.supp names the plugins). */
int dlclose(void *handle)
{
    (void)handle;
    return 0;
}
#endif

enum status comm_begin(struct comm **out)
{
    int provided, rank, size;
    *out = NULL;
    hasten_single_start();
    MPI_Init_thread(NULL, NULL, MPI_THREAD_MULTIPLE, &provided);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    log_set_rank(rank, size);
    enum status status = provided < MPI_THREAD_FUNNELED
                             ? fail(STATUS_FAILED, "this MPI library does not allow threads beside it "
                                                   "(MPI_THREAD_FUNNELED), which the kernels need")
                             : comm_check_launcher(size);
    if (status == STATUS_OK) {
        *out = comm_create(MPI_COMM_WORLD, true, rank, size);
        if (*out != NULL) {
            (*out)->threads_may_call = provided >= MPI_THREAD_MULTIPLE;
            find_node_ranks(*out);
            return requests_begin(*out);
        }
        status = STATUS_FAILED;
    }
    MPI_Finalize();
    return status;
}

void comm_end(struct comm *comm)
{
    if (comm == NULL)
        return;
    if (comm->started_mpi) {
        requests_end(comm);
        MPI_Barrier(comm->handle);
        MPI_Finalize();
    }
    memory_free(comm);
}

int comm_rank(const struct comm *comm)
{
    return comm->rank;
}

int comm_size(const struct comm *comm)
{
    return comm->size;
}

int comm_node_size(const struct comm *comm)
{
    return comm->node_size;
}

int comm_node_first(const struct comm *comm)
{
    return comm->node_first;
}

/* A request to stop is the mildest: a rank that failed meanwhile decides. */
static int severity(enum status status)
{
    return status == STATUS_OK ? 0 : status == STATUS_STOPPED ? 1 : status == STATUS_FAILED ? 2 : 3;
}

enum status comm_agree(struct comm *comm, enum status mine)
{
    static const enum status by_severity[] = {STATUS_OK, STATUS_STOPPED, STATUS_FAILED, STATUS_USAGE};
    if (comm->size == 1)
        return mine;
    /* Pairs (value, rank): the largest value wins, and of equals the lowest rank. */
    int pairs[2][2] = {{severity(mine), comm->rank}, {-severity(mine), comm->rank}};
    activity_wait();
    MPI_Allreduce(MPI_IN_PLACE, pairs, 2, MPI_2INT, MPI_MAXLOC, comm->handle);
    activity_advance();
    int worst = pairs[0][0], best = -pairs[1][0], rank = pairs[0][1];
    if (worst == 0)
        return STATUS_OK;
    char message[4096] = "";
    if (comm->rank == rank)
        snprintf(message, sizeof message, "%s", status_message());
    MPI_Bcast(message, sizeof message, MPI_CHAR, rank, comm->handle);
    if (best == worst)
        return fail(by_severity[worst], "%s", message);
    return fail(by_severity[worst], "rank %d: %s", rank, message);
}

void comm_broadcast(struct comm *comm, void *data, size_t bytes, int root)
{
    if (comm->size == 1)
        return;
    char *next = data;
    while (bytes > 0) {
        int piece = bytes < (size_t)comm_piece() ? (int)bytes : comm_piece();
        activity_wait();
        MPI_Bcast(next, piece, MPI_BYTE, root, comm->handle);
        activity_advance();
        next += piece;
        bytes -= (size_t)piece;
    }
}

enum status comm_broadcast_buffer(struct comm *comm, struct buffer *buffer, int root)
{
    if (comm->size == 1)
        return STATUS_OK;
    uint64_t length = buffer->length;
    comm_broadcast(comm, &length, sizeof length, root);
    enum status status = STATUS_OK;
    if (comm->rank != root) {
        buffer_clear(buffer);
        status = buffer_reserve(buffer, length);
    }
    TRY(comm_agree(comm, status));
    comm_broadcast(comm, buffer->data, length, root);
    if (comm->rank != root) {
        buffer->length = length;
        buffer->data[length] = '\0';
    }
    return STATUS_OK;
}

void comm_gather(struct comm *comm, const void *mine, size_t bytes, void *all)
{
    if (comm->size == 1) {
        memcpy(all, mine, bytes);
        return;
    }
    activity_wait();
    MPI_Allgather(mine, (int)bytes, MPI_BYTE, all, (int)bytes, MPI_BYTE, comm->handle);
    activity_advance();
}

void comm_barrier(struct comm *comm)
{
    if (comm->size == 1)
        return;
    activity_wait();
    MPI_Barrier(comm->handle);
    activity_advance();
}

void comm_abort(struct comm *comm, int code)
{
    if (comm->started_mpi)
        MPI_Abort(comm->handle, code);
    _exit(code);
}

const char *comm_library(void)
{
    static char text[MPI_MAX_LIBRARY_VERSION_STRING];
    int length;
    MPI_Get_library_version(text, &length);
    text[strcspn(text, "\r\n,")] = '\0';
    return text;
}
