/* Ranks: who we are, agreeing, broadcasting, summing. MPI stays behind this header; with comm_alone() the
 * same code runs as one process without MPI.
 *
 * Functions marked **Collective** are called by all ranks of the communicator in the same order. MPI errors
 * end the job (MPI_Abort), since nothing can be trusted after one; so most functions here return nothing.
 * Counts are 64-bit: larger messages than MPI's `int` are cut in pieces inside. */
#ifndef LLMPI_COMM_COMM_H
#define LLMPI_COMM_COMM_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/status.h"

#include <stddef.h>
#include <stdint.h>

struct comm;

/* Starts MPI (thread support: multiple where the library has it, at least funneled) and gives the
 * communicator over all ranks. Checks that their number is what the launcher says it started
 * (OMPI_COMM_WORLD_SIZE, else SLURM_STEP_NUM_TASKS; a size of 1 beside SLURM_NTASKS or PMI_SIZE above 1 means
 * N runs of one rank: an error, as the program was started without a launcher that its MPI understands). Also
 * calls log_set_rank. **Collective** */
enum status comm_begin(struct comm **out);

/* One rank, without MPI. Never fails except without memory (NULL after fail()). */
struct comm *comm_alone(void);

/* Ends: MPI_Finalize after a barrier where MPI was started; frees. **Collective** */
void comm_end(struct comm *comm);

int comm_rank(const struct comm *comm);
int comm_size(const struct comm *comm);

/* How many ranks share this host with us, ourselves included. */
int comm_node_size(const struct comm *comm);

/* The lowest rank on this host: ranks share a host where it is the same. */
int comm_node_first(const struct comm *comm);

/* Ranks agree on the worst of their statuses: STATUS_USAGE, then STATUS_FAILED, then STATUS_STOPPED. The
 * message of the lowest rank that has it becomes every rank's status_message(), with "rank R: " in front when
 * `size` > 1 and only some ranks failed. Every rank returns the same status. Prints nothing: main() prints
 * the message once, from rank 0.
 * **Collective** */
enum status comm_agree(struct comm *comm, enum status mine);

/* `bytes` bytes from `root` to everyone. **Collective** */
void comm_broadcast(struct comm *comm, void *data, size_t bytes, int root);

/* Makes `buffer` on every rank a copy of rank `root`'s, whatever length it has there. **Collective** */
enum status comm_broadcast_buffer(struct comm *comm, struct buffer *buffer, int root);

/* Elementwise sums over the ranks, in place, the same result on every rank. The order of the sum depends on
 * the number of ranks only. **Collective** */
void comm_sum_float(struct comm *comm, float *values, int64_t count);
void comm_sum_double(struct comm *comm, double *values, int64_t count);
void comm_sum_int64(struct comm *comm, int64_t *values, int64_t count);

/* Elementwise maximum and minimum. **Collective** */
void comm_max_int64(struct comm *comm, int64_t *values, int64_t count);
void comm_max_double(struct comm *comm, double *values, int64_t count);
void comm_min_double(struct comm *comm, double *values, int64_t count);

/* Sends outgoing[r] to rank r; what comes from all ranks is appended to `incoming` in order of the sending
 * rank. lengths[r] (may be NULL) gets the bytes that came from rank r. Messages may be larger than 2 GiB.
 * **Collective** */
enum status comm_exchange(struct comm *comm, const struct buffer *outgoing, struct buffer *incoming,
                          int64_t *lengths);

/* `bytes` bytes (below 2 GiB) of every rank, in order of the ranks, into `all` on every rank.
 * **Collective** */
void comm_gather(struct comm *comm, const void *mine, size_t bytes, void *all);

/* `bytes` bytes (any number) from one rank to another, who both call it; the same rank twice is no message.
 */
void comm_pass(struct comm *comm, void *data, size_t bytes, int from, int to);

/* Everyone waits for everyone. **Collective** */
void comm_barrier(struct comm *comm);

/* Ends the whole job at once with this exit code; does not return. For broken invariants and lost ranks. */
void comm_abort(struct comm *comm, int code) __attribute__((noreturn));

/* Who started the ranks, and whether the user told it on which processors they run. */
enum comm_starter { COMM_STARTER_MPIRUN /* of Open MPI up to 4 */, COMM_STARTER_SRUN, COMM_STARTER_OTHER };
struct comm_launcher {
    enum comm_starter starter;
    const char *binding; /* the variable by which the user's wish arrives; NULL: no wish */
};

/* Judges by environment variables. */
struct comm_launcher comm_launcher(void);

/* Command names of the processes that start Open MPI's ranks on a node; the list ends with NULL. */
extern const char *const comm_launcher_names[];

/* Name and version of the MPI library, for `llmpi --version`. */
const char *comm_library(void);

#endif
