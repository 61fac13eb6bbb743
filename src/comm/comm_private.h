/* What the files of src/comm share, and what their test reaches: cutting long messages in pieces, and the
 * check of the launcher. Nobody else includes this. */
#ifndef LLMPI_COMM_PRIVATE_H
#define LLMPI_COMM_PRIVATE_H

#include "llmpi/base/status.h"

#include <mpi.h>
#include <stdbool.h>
#include <stdint.h>

struct comm {
    MPI_Comm handle;
    bool started_mpi; /* false: alone; MPI is never called */
    int rank, size;
    int node_size, node_first; /* ranks on this host, and the lowest of them */
    bool threads_may_call;     /* several threads may call MPI at the same time */
    struct requests *requests; /* NULL: no other ranks */
};

/* Between comm_begin and comm_end: what requests.h needs. **Collective** */
enum status requests_begin(struct comm *comm);
void requests_end(struct comm *comm);

/* The most elements (or bytes) that one MPI call moves: an MPI count is an int. */
int comm_piece(void);

/* Replaces that limit, so that a test can see the cutting with little data; 0 restores it. */
void comm_set_piece(int elements);

/* Compares the number of ranks that MPI sees with what the launcher's environment variables say. */
enum status comm_check_launcher(int size);

#endif
