/* A list of requests that either the caller or the thread tests, under one lock. The thread exists only where
 * the library allows calls from several threads (MPI_THREAD_MULTIPLE), and waits without a request. */
#include "llmpi/comm/messages.h"

#include "comm_private.h"
#include "llmpi/base/clock.h"
#include "llmpi/base/memory.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define FIRST_CAPACITY 1024
#define PAUSE_NS       30000 /* between two looks of the thread, when nothing came: it shares a core with work */

struct messages {
    MPI_Comm handle; /* of its own, so that tags meet no others */
    MPI_Request *requests;
    message_count **pending; /* of each request: whose count it belongs to */
    int *done;               /* room for MPI_Testsome */
    int count, capacity;
    double since, seconds; /* since when anything is on its way, and for how long anything was before that */
    bool threaded, end;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t work;
};

/* Tests all requests; under the lock. True when some were done. */
static bool test_all(struct messages *messages)
{
    int done = 0;
    if (messages->count == 0)
        return false;
    MPI_Testsome(messages->count, messages->requests, &done, messages->done, MPI_STATUSES_IGNORE);
    if (done <= 0) /* or MPI_UNDEFINED */
        return false;
    for (int i = 0; i < done; i++)
        atomic_fetch_sub(messages->pending[messages->done[i]], 1);
    int kept = 0;
    for (int i = 0; i < messages->count; i++) /* those done have become MPI_REQUEST_NULL */
        if (messages->requests[i] != MPI_REQUEST_NULL) {
            messages->requests[kept] = messages->requests[i];
            messages->pending[kept++] = messages->pending[i];
        }
    messages->count = kept;
    if (kept == 0)
        messages->seconds += clock_seconds() - messages->since;
    return true;
}

static void *attend(void *context)
{
    struct messages *messages = context;
    static const struct timespec pause = {0, PAUSE_NS};
    pthread_mutex_lock(&messages->lock);
    while (!messages->end) {
        if (messages->count == 0) {
            pthread_cond_wait(&messages->work, &messages->lock);
            continue;
        }
        bool moved = test_all(messages);
        pthread_mutex_unlock(&messages->lock);
        if (!moved)
            nanosleep(&pause, NULL);
        pthread_mutex_lock(&messages->lock);
    }
    pthread_mutex_unlock(&messages->lock);
    return NULL;
}

/* Room for one more request; on the step's path only where more are on their way than ever before. */
static bool grow(struct messages *messages)
{
    if (messages->count < messages->capacity)
        return true;
    int64_t larger = messages->capacity > 0 ? 2 * (int64_t)messages->capacity : FIRST_CAPACITY;
    void *requests = memory_resize(messages->requests, larger, sizeof *messages->requests, "messages");
    if (requests != NULL)
        messages->requests = requests;
    void *pending = memory_resize(messages->pending, larger, sizeof *messages->pending, "messages");
    if (pending != NULL)
        messages->pending = pending;
    void *done = memory_resize(messages->done, larger, sizeof *messages->done, "messages");
    if (done != NULL)
        messages->done = done;
    if (requests == NULL || pending == NULL || done == NULL)
        return false;
    messages->capacity = (int)larger;
    return true;
}

enum status messages_create(struct comm *comm, struct messages **out)
{
    struct messages *messages = memory_allocate(1, sizeof *messages, "messages");
    *out = NULL;
    TRY(comm_agree(comm, messages != NULL && grow(messages) ? STATUS_OK : STATUS_FAILED));
    pthread_mutex_init(&messages->lock, NULL);
    pthread_cond_init(&messages->work, NULL);
    messages->handle = MPI_COMM_NULL;
    if (comm->size > 1)
        MPI_Comm_dup(comm->handle, &messages->handle);
    messages->threaded = comm->size > 1 && comm->threads_may_call &&
                         pthread_create(&messages->thread, NULL, attend, messages) == 0;
    *out = messages;
    return STATUS_OK;
}

void messages_destroy(struct messages *messages)
{
    if (messages == NULL)
        return;
    if (messages->threaded) {
        pthread_mutex_lock(&messages->lock);
        messages->end = true;
        pthread_cond_signal(&messages->work);
        pthread_mutex_unlock(&messages->lock);
        pthread_join(messages->thread, NULL);
    }
    if (messages->handle != MPI_COMM_NULL)
        MPI_Comm_free(&messages->handle);
    pthread_cond_destroy(&messages->work);
    pthread_mutex_destroy(&messages->lock);
    free(messages->requests);
    free(messages->pending);
    free(messages->done);
    memory_free(messages);
}

/* Starts the pieces of a message; `send` tells its direction. */
static void start(struct messages *messages, bool send, int other, int tag, char *data, int64_t bytes,
                  message_count *pending)
{
    pthread_mutex_lock(&messages->lock);
    if (messages->count == 0 && bytes > 0)
        messages->since = clock_seconds();
    while (bytes > 0) {
        int piece = bytes < comm_piece() ? (int)bytes : comm_piece();
        if (!grow(messages))
            MPI_Abort(messages->handle, 1); /* without memory for a few numbers */
        MPI_Request *request = &messages->requests[messages->count];
        if (send)
            MPI_Isend(data, piece, MPI_BYTE, other, tag, messages->handle, request);
        else
            MPI_Irecv(data, piece, MPI_BYTE, other, tag, messages->handle, request);
        messages->pending[messages->count++] = pending;
        atomic_fetch_add(pending, 1);
        data += piece;
        bytes -= piece;
    }
    pthread_cond_signal(&messages->work);
    pthread_mutex_unlock(&messages->lock);
}

void messages_send(struct messages *messages, int to, int tag, const void *data, int64_t bytes,
                   message_count *pending)
{
    start(messages, true, to, tag, (char *)data, bytes, pending); /* only read */
}

void messages_receive(struct messages *messages, int from, int tag, void *data, int64_t bytes,
                      message_count *pending)
{
    start(messages, false, from, tag, data, bytes, pending);
}

bool messages_travel_alone(const struct messages *messages)
{
    return messages->threaded;
}

void messages_progress(struct messages *messages)
{
    pthread_mutex_lock(&messages->lock);
    test_all(messages);
    pthread_mutex_unlock(&messages->lock);
}

double messages_seconds(struct messages *messages)
{
    pthread_mutex_lock(&messages->lock);
    double seconds = messages->seconds + (messages->count > 0 ? clock_seconds() - messages->since : 0);
    pthread_mutex_unlock(&messages->lock);
    return seconds;
}
