/* Requests to stop early (base/stopping.h) among ranks: a rank that was asked tells the others, who look now
 * and then in the course of their work. So ranks learn of a request at different moments; what they make of
 * it they agree on where they meet anyway. */
#ifndef LLMPI_COMM_REQUESTS_H
#define LLMPI_COMM_REQUESTS_H

#include "llmpi/base/stopping.h"
#include "llmpi/comm/comm.h"

/* Who asked this rank, or another that has told us; STOP_NONE: nobody we know of. Stays the same from then
 * on. Each rank calls it when it likes, from the thread that began MPI: between micro-batches, documents,
 * tokens. Cheap enough for a hundred thousand calls a second. */
enum stop_reason requests_look(struct comm *comm);

/* STATUS_STOPPED where requests_look has a request. The message names it; whoever knows how far the work has
 * come replaces it. */
enum status requests_check(struct comm *comm);

/* Waits for all ranks as comm_barrier does, for longer and without taking the processor from them, and passes
 * on requests meanwhile: before ranks meet that have worked for different times. **Collective** */
void requests_wait(struct comm *comm);

/* The reason that all ranks name, from what each of them knows; tells those that knew of none.
 * **Collective** */
enum stop_reason requests_agree(struct comm *comm);

/* How work ended that all ranks left with this status: of STATUS_STOPPED the message becomes "stopped by
 * REASON; " and `what` a second start makes of it. **Collective** */
enum status requests_conclude(struct comm *comm, enum status status, const char *what);

#endif
