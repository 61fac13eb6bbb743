/* Is the number of ranks that MPI sees the number that was started? N processes that each believe to be alone
 * would train N times and write over each other's files, so that is an error. Which variable tells the truth
 * when: tried with mpirun, srun and sbatch of Open MPI 4.1 and Slurm 22.05. */
#include "comm_private.h"

#include <stdlib.h>

/* The value of an environment variable as a count, or -1 when it is not set (or no count). */
static long read_count(const char *name)
{
    const char *text = getenv(name);
    if (text == NULL || *text == '\0')
        return -1;
    char *end;
    long count = strtol(text, &end, 10);
    return *end == '\0' ? count : -1;
}

static enum status complain(long started, int size, const char *name)
{
    return fail(
        STATUS_USAGE,
        "the launcher started %ld rank%s but MPI sees %d: use the mpirun of the MPI library that llmpi was "
        "built with, or `srun --mpi=pmix` (%s=%ld)",
        started, started == 1 ? "" : "s", size, name, started);
}

enum status comm_check_launcher(int size)
{
    long started = read_count("OMPI_COMM_WORLD_SIZE");
    if (started >= 0)
        return started == size ? STATUS_OK : complain(started, size, "OMPI_COMM_WORLD_SIZE");
    started = read_count("SLURM_STEP_NUM_TASKS");
    if (started >= 0)
        return started == size ? STATUS_OK : complain(started, size, "SLURM_STEP_NUM_TASKS");
    if (size > 1)
        return STATUS_OK;
    started = read_count("PMI_SIZE");
    if (started > 1)
        return complain(started, size, "PMI_SIZE");
    started = getenv("SLURM_JOB_ID") != NULL ? read_count("SLURM_NTASKS") : -1;
    if (started > 1)
        return fail(
            STATUS_USAGE,
            "this Slurm job has %ld tasks but llmpi was started alone in it: start it with mpirun or srun "
            "(`srun -n 1` for one rank)",
            started);
    return STATUS_OK;
}
