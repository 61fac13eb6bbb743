/* Is the number of ranks that MPI sees the number that was started? N processes that each believe to be alone
 * would train N times and write over each other's files, so that is an error. And has somebody chosen the
 * processors of the ranks? Which variable tells the truth when: tried with mpirun, srun and sbatch of Open
 * MPI 4.1 and Slurm 22.05. */
#include "comm_private.h"
#include "llmpi/comm/comm.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

const char *const comm_launcher_names[] = {"mpirun", "mpiexec", "orterun", "orted", NULL};

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

/* Whether a mapping policy (`mpirun --map-by`) names processors: PE=N or a part of the processor. One such as
 * "slot" or "node" only says which rank goes to which node. */
static bool names_processors(const char *policy)
{
    static const char *const parts[] = {"pe=",     "hwthread", "core",   "l1cache", "l2cache",
                                        "l3cache", "numa",     "socket", "package"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strcasestr(policy, parts[i]) != NULL)
            return true;
    return false;
}

/* mpirun hands its options on as variables: they exist only where the user set them, on the command line or
 * in the environment. */
static const char *asked_of_mpirun(void)
{
    static const char *const names[] = {"OMPI_MCA_hwloc_base_binding_policy", "OMPI_MCA_hwloc_base_cpu_set",
                                        "OMPI_MCA_hwloc_base_cpu_list", "OMPI_MCA_rmaps_base_cpus_per_rank",
                                        "OMPI_MCA_orte_rankfile"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (getenv(names[i]) != NULL)
            return names[i];
    const char *mapping = getenv("OMPI_MCA_rmaps_base_mapping_policy");
    return mapping != NULL && names_processors(mapping) ? "OMPI_MCA_rmaps_base_mapping_policy" : NULL;
}

struct comm_launcher comm_launcher(void)
{
    /* Other variables of mpirun appear without it too: MPI_Init sets them in a process started alone. */
    if (getenv("OMPI_MCA_orte_local_daemon_uri") != NULL)
        return (struct comm_launcher){COMM_STARTER_MPIRUN, asked_of_mpirun()};
    if (getenv("SLURM_STEP_NUM_TASKS") == NULL)
        return (struct comm_launcher){COMM_STARTER_OTHER, NULL};
    const char *type = getenv("SLURM_CPU_BIND_TYPE");
    bool unbound = type != NULL && strncmp(type, "none", 4) == 0;
    return (struct comm_launcher){COMM_STARTER_SRUN, unbound ? "SLURM_CPU_BIND_TYPE" : NULL};
}
