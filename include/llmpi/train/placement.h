/* Which cores and how many threads each rank computes with. Ranks of one node divide the cores that the job
 * may use there (src/train/core_shares.h says how); what the user told mpirun, srun or OpenMP about cores
 * stays as it is, and so does a mask from Slurm, taskset or a control group.
 *
 * Open MPI 4's mpirun, when not told otherwise, binds each of one or two ranks to a single core and more
 * ranks to a NUMA node each (mpirun(1)), and overlooks its own affinity mask: this default is replaced by
 * shares of the mask that mpirun itself runs with.
 *
 * Threads of a rank: run.threads; where that is 0, OMP_NUM_THREADS; where that is not set, the cores of its
 * share, but not more than SLURM_CPUS_PER_TASK. One thread per core: hardware threads of a core stay
 * together in a share. */
#ifndef LLMPI_TRAIN_PLACEMENT_H
#define LLMPI_TRAIN_PLACEMENT_H

#include "llmpi/base/status.h"
#include "llmpi/comm/comm.h"
#include "llmpi/config/config.h"

/* Sets the affinity masks of this process's threads (unless run.bind is none) and the number of threads of
 * the kernels, and logs ranks, threads and cores, with hints where cores idle or threads share cores. Before
 * the first parallel region: OpenMP's threads inherit the mask when they start. **Collective** */
enum status placement_apply(const struct config *config, struct comm *comm);

#endif
