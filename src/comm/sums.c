/* Reductions and messages of any length, in pieces that fit MPI's int counts. Pieces depend on the
 * counts alone, so every rank cuts alike. */
#include "comm_private.h"
#include "llmpi/comm/comm.h"

#include "llmpi/base/activity.h"
#include "llmpi/base/memory.h"

#include <string.h>

static int piece_limit = 0; /* 0: the default */

int comm_piece(void)
{
    return piece_limit > 0 ? piece_limit : 1 << 30;
}

void comm_set_piece(int elements)
{
    piece_limit = elements;
}

static void reduce(struct comm *comm, void *values, int64_t count, size_t size, MPI_Datatype type,
                   MPI_Op operation)
{
    if (comm->size == 1)
        return;
    char *next = values;
    while (count > 0) {
        int piece = count < comm_piece() ? (int)count : comm_piece();
        activity_wait();
        MPI_Allreduce(MPI_IN_PLACE, next, piece, type, operation, comm->handle);
        activity_advance();
        next += (size_t)piece * size;
        count -= piece;
    }
}

void comm_sum_float(struct comm *comm, float *values, int64_t count)
{
    reduce(comm, values, count, sizeof *values, MPI_FLOAT, MPI_SUM);
}

void comm_sum_double(struct comm *comm, double *values, int64_t count)
{
    reduce(comm, values, count, sizeof *values, MPI_DOUBLE, MPI_SUM);
}

void comm_sum_int64(struct comm *comm, int64_t *values, int64_t count)
{
    reduce(comm, values, count, sizeof *values, MPI_INT64_T, MPI_SUM);
}

void comm_max_int64(struct comm *comm, int64_t *values, int64_t count)
{
    reduce(comm, values, count, sizeof *values, MPI_INT64_T, MPI_MAX);
}

void comm_max_double(struct comm *comm, double *values, int64_t count)
{
    reduce(comm, values, count, sizeof *values, MPI_DOUBLE, MPI_MAX);
}

void comm_min_double(struct comm *comm, double *values, int64_t count)
{
    reduce(comm, values, count, sizeof *values, MPI_DOUBLE, MPI_MIN);
}

/* One piece's length: what is left of a message, at most the limit. */
static int next_piece(int64_t left)
{
    return left < comm_piece() ? (int)left : comm_piece();
}

/* Sends `out` to one rank while `in` comes from another. The k-th pieces of both directions travel in one
 * call; a direction that is finished takes no further part. */
static void transfer(struct comm *comm, const char *out, int64_t out_bytes, int to, char *in,
                     int64_t in_bytes, int from)
{
    while (out_bytes > 0 || in_bytes > 0) {
        int sent = next_piece(out_bytes), received = next_piece(in_bytes);
        activity_wait();
        MPI_Sendrecv(out, sent, MPI_BYTE, sent > 0 ? to : MPI_PROC_NULL, 0, in, received, MPI_BYTE,
                     received > 0 ? from : MPI_PROC_NULL, 0, comm->handle, MPI_STATUS_IGNORE);
        activity_advance();
        if (sent > 0)
            out += sent;
        if (received > 0)
            in += received;
        out_bytes -= sent;
        in_bytes -= received;
    }
}

void comm_pass(struct comm *comm, void *data, size_t bytes, int from, int to)
{
    if (from == to)
        return;
    if (comm->rank == from)
        transfer(comm, data, (int64_t)bytes, to, NULL, 0, MPI_PROC_NULL);
    else if (comm->rank == to)
        transfer(comm, NULL, 0, MPI_PROC_NULL, data, (int64_t)bytes, from);
}

/* In round d every rank sends to the rank d above it and receives from the rank d below. */
static void exchange_rounds(struct comm *comm, const struct buffer *outgoing, const int64_t *lengths,
                            const int64_t *offsets, char *incoming)
{
    for (int distance = 0; distance < comm->size; distance++) {
        int to = (comm->rank + distance) % comm->size;
        int from = (comm->rank - distance + comm->size) % comm->size;
        char *place = incoming + offsets[from];
        if (distance == 0 && lengths[from] > 0)
            memcpy(place, outgoing[to].data, (size_t)lengths[from]);
        if (distance > 0)
            transfer(comm, outgoing[to].data, (int64_t)outgoing[to].length, to, place, lengths[from], from);
    }
}

enum status comm_exchange(struct comm *comm, const struct buffer *outgoing, struct buffer *incoming,
                          int64_t *lengths)
{
    int64_t *table = memory_allocate(3 * (int64_t)comm->size, sizeof *table, "message lengths");
    TRY(comm_agree(comm, table == NULL ? STATUS_FAILED : STATUS_OK));
    int64_t *sent = table, *received = table + comm->size, *offsets = table + 2 * comm->size, total = 0;
    for (int rank = 0; rank < comm->size; rank++)
        sent[rank] = (int64_t)outgoing[rank].length;
    if (comm->size == 1)
        received[0] = sent[0];
    else
        MPI_Alltoall(sent, 1, MPI_INT64_T, received, 1, MPI_INT64_T, comm->handle);
    for (int rank = 0; rank < comm->size; rank++) {
        offsets[rank] = total;
        total += received[rank];
    }
    enum status status = comm_agree(comm, buffer_reserve(incoming, (size_t)total));
    if (status == STATUS_OK) {
        exchange_rounds(comm, outgoing, received, offsets, incoming->data + incoming->length);
        incoming->length += (size_t)total;
        incoming->data[incoming->length] = '\0';
        if (lengths != NULL)
            memcpy(lengths, received, (size_t)comm->size * sizeof *lengths);
    }
    memory_free(table);
    return status;
}
