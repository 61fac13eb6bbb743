/* One function does the work of a rank, in its thread or in the foreground. Rank 0 goes through the pieces of
 * all ranks in the order of the file, with some that others own on their way ahead of it; the other ranks
 * send theirs in the same order. A rank that cannot go on still attends, so that nobody waits for it. */
#include "llmpi/train/checkpoint_writer.h"

#include "llmpi/base/activity.h"
#include "llmpi/base/clock.h"
#include "llmpi/base/file.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/comm/messages.h"
#include "snapshot.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { WINDOW = 4 }; /* pieces on their way at a time */
_Static_assert(WINDOW *PIECE_ELEMENTS * sizeof(float) == CHECKPOINT_WRITER_ROOM, "as the header says");

struct checkpoint_writer {
    const char *directory;
    const struct config *config;
    const struct train_state *state;
    struct run_files *files;
    struct comm *comm;
    struct messages *messages; /* NULL with a single owner */
    struct snapshot snapshot;
    bool prepared, background; /* background: there is memory for copies, and a thread may send them */
    float *room;               /* rank 0: for WINDOW pieces of others */
    message_count pending[WINDOW];
    bool running;
    pthread_t thread;
    _Atomic int64_t advances; /* of the thread: grows with every piece */
    _Atomic double longest;   /* seconds of a save */

    /* The save in work, or the last one. */
    struct tensor_file *file;
    char *path;
    int64_t step;
    double score, since, held; /* held: seconds until training could go on */
    enum status status;        /* on rank 0; the others learn of it when they wait */
    char reason[4096];
};

static bool is_root(const struct checkpoint_writer *writer)
{
    return comm_rank(writer->comm) == 0;
}

/* --- creating --- */

/* Waits for the thread, whose getting on is that of the thread that waits. */
static void join(struct checkpoint_writer *writer)
{
    int64_t seen;
    struct timespec until;
    do {
        seen = writer->advances;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec++;
        if (pthread_timedjoin_np(writer->thread, NULL, &until) == 0)
            writer->running = false;
        else if (writer->advances != seen)
            activity_advance();
    } while (writer->running);
}

enum status checkpoint_writer_create(const char *directory, const struct config *config,
                                     const struct train_state *state, struct run_files *files,
                                     struct comm *comm, struct checkpoint_writer **out)
{
    struct checkpoint_writer *writer = memory_allocate(1, sizeof *writer, "the writer of checkpoints");
    *out = NULL;
    TRY(comm_agree(comm, writer != NULL ? STATUS_OK : STATUS_FAILED));
    *writer = (struct checkpoint_writer){
        .directory = directory, .config = config, .state = state, .files = files, .comm = comm};
    snapshot_begin(&writer->snapshot, state);
    *out = writer;
    if (exchange_ownership(state->exchange)->ranks == 1)
        return STATUS_OK;
    enum status status = messages_create(comm, &writer->messages);
    if (status == STATUS_OK && is_root(writer)) {
        writer->room =
            memory_allocate(WINDOW * PIECE_ELEMENTS, sizeof *writer->room, "pieces of checkpoints");
        status = writer->room != NULL ? STATUS_OK : STATUS_FAILED;
    }
    return comm_agree(comm, status);
}

void checkpoint_writer_destroy(struct checkpoint_writer *writer)
{
    if (writer == NULL)
        return;
    if (writer->running)
        join(writer);
    messages_destroy(writer->messages);
    snapshot_free(&writer->snapshot);
    tensor_file_close(writer->file);
    memory_free(writer->room);
    free(writer->path);
    memory_free(writer);
}

/* At the first save: memory for copies, as all ranks of the node will take it. */
static void prepare(struct checkpoint_writer *writer)
{
    int rank = comm_rank(writer->comm);
    int64_t bytes = snapshot_bytes(writer->state, rank), available = memory_available();
    char wanted[16], there[16];
    if (writer->prepared)
        return;
    writer->prepared = true;
    if (!writer->config->checkpoint.background)
        return;
    if (writer->messages != NULL && !messages_travel_alone(writer->messages))
        log_info(
            "this MPI library lets no second thread send (MPI_THREAD_MULTIPLE): training waits for saves");
    else if (bytes > available / comm_node_size(writer->comm) ||
             snapshot_allocate(&writer->snapshot, rank) != STATUS_OK)
        log_warning(
            "a copy for saving beside training needs %s of memory, and %s are free on this node: training "
            "waits for saves",
            log_bytes(wanted, (double)bytes), log_bytes(there, (double)available));
    else
        writer->background = true;
}

/* --- the work of a rank --- */

static void wait_for(struct checkpoint_writer *writer, int slot)
{
    static const struct timespec moment = {0, 100000};
    while (writer->pending[slot] > 0) {
        messages_progress(writer->messages);
        if (writer->pending[slot] > 0)
            nanosleep(&moment, NULL);
    }
}

static int64_t bytes_of(const struct piece *piece)
{
    return piece->share.count * (int64_t)sizeof(float);
}

static void send_pieces(struct checkpoint_writer *writer)
{
    struct pieces pieces = {.state = writer->state};
    struct piece piece;
    int64_t sent = 0;
    while (pieces_next(&pieces, &piece)) {
        if (piece.owner != comm_rank(writer->comm))
            continue;
        int slot = (int)(sent++ % WINDOW);
        wait_for(writer, slot);
        messages_send(writer->messages, 0, 0,
                      snapshot_part(&writer->snapshot, piece.series, piece.block) + piece.skip,
                      bytes_of(&piece), &writer->pending[slot]);
        writer->advances++;
    }
    for (int slot = 0; slot < WINDOW && writer->messages != NULL; slot++)
        wait_for(writer, slot);
}

/* Writes a stretch of the parameter array, tensor by tensor. */
static enum status write_piece(struct checkpoint_writer *writer, const struct piece *piece,
                               const float *values)
{
    const struct parameter_table *table = model_table(writer->state->model);
    int64_t begin = piece->share.first, end = begin + piece->share.count;
    for (int64_t i = 0; i < table->count; i++) {
        const struct parameter *row = &table->rows[i];
        int64_t first = row->offset > begin ? row->offset : begin;
        int64_t last = row->offset + row->count < end ? row->offset + row->count : end;
        if (first < last)
            TRY(tensor_file_write(writer->file, checkpoint_index(table, (int)piece->series, i),
                                  (first - row->offset) * (int64_t)sizeof *values, values + (first - begin),
                                  (last - first) * (int64_t)sizeof *values));
    }
    return STATUS_OK;
}

/* Lets the next pieces of others come, as far as there is room: `received` are done with, *asked under way.
 */
static void ask_ahead(struct checkpoint_writer *writer, struct pieces *ahead, int64_t received,
                      int64_t *asked)
{
    struct piece piece;
    while (*asked < received + WINDOW && pieces_next(ahead, &piece)) {
        if (piece.owner == 0)
            continue;
        int slot = (int)((*asked)++ % WINDOW);
        messages_receive(writer->messages, piece.owner, 0, writer->room + slot * PIECE_ELEMENTS,
                         bytes_of(&piece), &writer->pending[slot]);
    }
}

static enum status write_pieces(struct checkpoint_writer *writer)
{
    struct pieces pieces = {.state = writer->state}, ahead = pieces;
    struct piece piece;
    int64_t received = 0, asked = 0;
    enum status status = STATUS_OK;
    while (pieces_next(&pieces, &piece)) {
        const float *values;
        if (piece.owner == 0) {
            values = snapshot_part(&writer->snapshot, piece.series, piece.block) + piece.skip;
        } else {
            int slot = (int)(received % WINDOW);
            ask_ahead(writer, &ahead, received, &asked);
            wait_for(writer, slot);
            values = writer->room + slot * PIECE_ELEMENTS;
            received++;
        }
        if (status == STATUS_OK)
            status = write_piece(writer, &piece, values);
        writer->advances++;
    }
    return status;
}

/* Rank 0: what is written becomes a checkpoint. */
static enum status publish(struct checkpoint_writer *writer)
{
    if (writer->files != NULL)
        TRY(run_files_sync(writer->files));
    struct tensor_file *file = writer->file;
    writer->file = NULL;
    return tensor_file_publish(file, writer->score);
}

static void note_failure(struct checkpoint_writer *writer)
{
    tensor_file_close(writer->file);
    writer->file = NULL;
    writer->status = STATUS_FAILED;
    snprintf(writer->reason, sizeof writer->reason, "%s", status_message());
    log_warning("step %lld is not saved: %s", (long long)writer->step, writer->reason);
}

static void *work(void *context)
{
    struct checkpoint_writer *writer = context;
    char size[16], seconds[32], wait[48] = "";
    if (!is_root(writer)) {
        send_pieces(writer);
        return NULL;
    }
    enum status status = write_pieces(writer);
    if (status == STATUS_OK)
        status = publish(writer);
    if (status != STATUS_OK) {
        note_failure(writer);
        return NULL;
    }
    double took = clock_seconds() - writer->since;
    writer->longest = took > writer->longest ? took : writer->longest;
    if (writer->held > 0)
        snprintf(wait, sizeof wait, ", training waited %.2f s", writer->held);
    log_info("saved %s (%s, %s%s)", writer->path, log_bytes(size, (double)file_size(writer->path)),
             log_duration(seconds, took), wait);
    if (checkpoint_retain(writer->directory, writer->config) != STATUS_OK)
        log_warning("%s", status_message());
    return NULL;
}

/* Signals are for the thread that trains. */
static bool start_thread(struct checkpoint_writer *writer)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    writer->running = pthread_create(&writer->thread, NULL, work, writer) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return writer->running;
}

/* --- saving --- */

/* Rank 0: the file to be written. */
static enum status begin_file(struct checkpoint_writer *writer, const struct checkpoint_notes *notes)
{
    free(writer->path);
    writer->path = checkpoint_path(writer->directory, writer->step);
    if (writer->path == NULL)
        return STATUS_FAILED;
    return checkpoint_lay_out(writer->path, writer->config, writer->state, notes, &writer->file);
}

void checkpoint_writer_save(struct checkpoint_writer *writer, const struct checkpoint_notes *notes)
{
    checkpoint_writer_wait(writer); /* where that failed, it was warned of */
    prepare(writer);
    writer->status = STATUS_OK;
    writer->step = writer->state->step;
    writer->score = notes->validation_loss;
    writer->since = clock_seconds();
    if (is_root(writer) && begin_file(writer, notes) != STATUS_OK)
        note_failure(writer);
    if (comm_agree(writer->comm, writer->status) != STATUS_OK)
        return;
    snapshot_take(&writer->snapshot);
    writer->held = writer->background ? clock_seconds() - writer->since : 0;
    if (!writer->background || !start_thread(writer))
        work(writer);
}

enum status checkpoint_writer_wait(struct checkpoint_writer *writer)
{
    if (writer->running)
        join(writer);
    if (writer->status != STATUS_OK)
        fail(writer->status, "step %lld is not saved: %s", (long long)writer->step, writer->reason);
    return comm_agree(writer->comm, writer->status);
}

double checkpoint_writer_seconds(const struct checkpoint_writer *writer)
{
    return writer->longest;
}
