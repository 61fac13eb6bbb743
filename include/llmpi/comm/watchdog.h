/* The watchdog: a thread in each rank that notices when a rank stops getting on, says which, and ends the job
 * rather than let it burn its allocation. MPI libraries tell survivors of a lost rank nothing.
 *
 * About once a second each rank tells rank 0, and rank 0 all others, that it is there, what its main thread
 * does (base/activity.h) and since when that has not got on. Rank 0 watches all ranks, the others watch rank
 * 0. A rank is
 *   late    when its messages come, but its main thread does not get on, and does not wait for others,
 *   silent  when no messages come: it is stopped or dead, or the network is down.
 * When all ranks wait for each other, the job is stuck. After `warning` seconds of that the rank is named in
 * a warning, with its host, its phase and for how long; by rank 0, or of rank 0 by rank 1. Another line says
 * when it goes on. After `abort` seconds the job ends with status 1 (MPI_Abort; where that hangs, each rank
 * leaves by itself some seconds later).
 *
 * When this process itself was stopped or the machine asleep, nobody is to blame: all counts begin anew. So
 * Ctrl-Z of a whole job and a closed laptop are no stalls.
 *
 * Where the MPI library allows no calls from several threads, each rank watches itself only. */
#ifndef LLMPI_COMM_WATCHDOG_H
#define LLMPI_COMM_WATCHDOG_H

#include "llmpi/base/status.h"
#include "llmpi/comm/comm.h"

#include <stdint.h>

struct watchdog;

/* Watches the calling thread of every rank from now on. `warning` and `abort` in seconds, those of rank 0
 * count; 0: never. An `abort` of WATCHDOG_AUTO is 15 minutes, and never where rank 0 has a terminal, where
 * somebody can decide. *out is NULL with both 0. **Collective** */
#define WATCHDOG_AUTO (-1)
enum status watchdog_begin(struct comm *comm, int64_t warning, int64_t abort, struct watchdog **out);

/* Watches until all ranks have called it. NULL is fine. **Collective** */
void watchdog_end(struct watchdog *watchdog);

#endif
