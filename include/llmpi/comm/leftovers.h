/* What jobs that were killed have left in shared memory and among temporary files. Ranks in good health leave
 * nothing; SIGKILL leaves some MiB a rank, which would fill /dev/shm after enough crashes. */
#ifndef LLMPI_COMM_LEFTOVERS_H
#define LLMPI_COMM_LEFTOVERS_H

#include "llmpi/comm/comm.h"

/* The lowest rank of each node removes there, of this user's,
 *   /dev/shm/llmpi-*                             memory of a team (team.h) that was being set up,
 *   /dev/shm/vader_segment.* and osc_sm.*        Open MPI's memory of ranks of this host,
 *   $TMPDIR/ompi.HOST.UID/pid.N (default /tmp)   Open MPI's folder of the mpirun with process number N,
 * if nobody uses it any more: jobs that run beside this one are not disturbed. A line in the log says what
 * was removed; what cannot be removed stays silently. With one rank nothing happens. **Collective** */
void leftovers_remove(struct comm *comm);

#endif
