/* Two gatherings: first every rank tells where it may run and how many threads it was asked for, from which
 * the ranks of a node compute the same division; then every rank tells its place, for the log. */
#include "llmpi/train/placement.h"

#include "core_shares.h"
#include "llmpi/base/affinity.h"
#include "llmpi/base/integer.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/kernels/threads.h"
#include "placement_private.h"

#include <stdlib.h>

/* What one rank tells the others. Ranks of a node with the same `limit` share its cores. */
struct request {
    int64_t node;          /* the lowest rank of its node */
    int64_t divide;        /* whether its mask may become a part of `limit` */
    int64_t threads;       /* asked for; 0: as many as it has cores */
    struct cpu_mask limit; /* processors that it may use */
};

/* One rank's view while it works. */
struct placing {
    struct comm *comm;
    struct comm_launcher launcher;
    struct request mine, *all;           /* one for each rank */
    int64_t usable;                      /* cores of this node that are the job's */
    const char *why_threads, *why_cores; /* settings that decided, or NULL */
    struct cpu_mask old_mask, mask;      /* before and after */
    struct topology topology;
    struct core cores[CPU_MASK_LIMIT];
};

/* A setting that is a number above 0, else 0. */
static int64_t read_count(const char *name)
{
    const char *text = getenv(name);
    int64_t count = text != NULL ? strtoll(text, NULL, 10) : 0;
    return count > 0 ? count : 0;
}

static void ask_threads(struct placing *placing, const struct config *config)
{
    placing->mine.threads = config->run.threads > 0 ? config->run.threads : threads_environment();
    placing->why_threads = config->run.threads > 0     ? "run.threads"
                           : placing->mine.threads > 0 ? "OMP_NUM_THREADS"
                                                       : NULL;
}

/* What of this node is the job's, as the launcher saw it; false where that cannot be known. */
static bool node_mask(enum comm_starter starter, struct cpu_mask *out)
{
    if (starter == COMM_STARTER_MPIRUN)
        return affinity_of_ancestor(comm_launcher_names, out) || affinity_possible(out);
    return starter == COMM_STARTER_SRUN && read_count("SLURM_CPUS_ON_NODE") > 0 && affinity_possible(out);
}

static void count_usable(struct placing *placing, const struct cpu_mask *node)
{
    int64_t processors = cpu_mask_count(node), slurm = read_count("SLURM_CPUS_ON_NODE");
    topology_read("/sys", node, &placing->topology);
    placing->usable = topology_cores(&placing->topology, node, placing->cores);
    if (placing->launcher.starter == COMM_STARTER_SRUN && slurm < processors) /* not confined by cgroups */
        placing->usable = divide_up(placing->usable * slurm, processors);
}

/* Where this rank may run, and whether we may choose there. */
static void ask_cores(struct placing *placing, const struct config *config)
{
    struct cpu_mask node;
    struct request *mine = &placing->mine;
    if (!threads_mask(&placing->old_mask))
        return;
    placing->why_cores = config->run.bind == RUN_BIND_NONE ? "run.bind"
                         : threads_bound()                 ? "OMP_PROC_BIND or OMP_PLACES"
                                                           : placing->launcher.binding;
    mine->limit = placing->old_mask;
    mine->divide = placing->why_cores == NULL;
    if (!node_mask(placing->launcher.starter, &node))
        node = mine->limit;
    else if (mine->divide && placing->launcher.starter == COMM_STARTER_MPIRUN)
        mine->limit = node;
    count_usable(placing, &node);
    if (placing->launcher.starter == COMM_STARTER_SRUN && placing->why_cores == NULL)
        placing->why_cores = "what srun gave the ranks (--cpus-per-task)";
}

/* Ranks of this node that share our limit: how many, which of them we are, and the most threads one wants. */
struct group {
    int64_t ranks, index, threads;
};

static struct group find_group(const struct placing *placing)
{
    const struct request *mine = &placing->mine;
    struct group group = {0};
    for (int rank = 0; rank < comm_size(placing->comm); rank++) {
        const struct request *other = &placing->all[rank];
        if (other->node != mine->node || !cpu_mask_equal(&other->limit, &mine->limit))
            continue;
        group.index += rank < comm_rank(placing->comm);
        group.threads = other->threads > group.threads ? other->threads : group.threads;
        group.ranks++;
    }
    return group;
}

/* Our part of our limit: *place and the mask. */
static enum status divide(struct placing *placing, struct place *place)
{
    struct group group = find_group(placing);
    const struct cpu_mask *limit = &placing->mine.limit;
    topology_read("/sys", limit, &placing->topology);
    int64_t count = topology_cores(&placing->topology, limit, placing->cores), from = 0, share = 0;
    if (placing->mine.divide && count > 0) {
        int64_t *first = memory_allocate(group.ranks, sizeof *first, "shares of cores");
        if (first == NULL)
            return STATUS_FAILED;
        share = core_shares(placing->cores, count, group.ranks, group.threads, first);
        from = first[group.index];
        memory_free(first);
    }
    int64_t mine = share > 0 ? share : count / group.ranks;
    int64_t end = share > 0 ? from + share : count;
    for (int64_t i = share > 0 ? from : 0; i < end; i++) {
        topology_add_core(&placing->topology, limit, placing->cores[i], &placing->mask);
        cpu_mask_add(&place->cores, placing->cores[i].cpu);
    }
    place->threads = mine > 0 ? mine : 1;
    return STATUS_OK;
}

static void choose_threads(struct placing *placing, struct place *place)
{
    int64_t slurm = read_count("SLURM_CPUS_PER_TASK");
    if (placing->mine.threads > 0) {
        place->threads = placing->mine.threads;
    } else if (slurm > 0 && slurm < place->threads) {
        place->threads = slurm;
        placing->why_threads = "SLURM_CPUS_PER_TASK";
    }
}

static enum status describe(struct placing *placing, const struct place *mine)
{
    struct buffer text = {0};
    struct place *places =
        memory_allocate(comm_size(placing->comm), sizeof *places, "the places of the ranks");
    enum status status = comm_agree(placing->comm, places != NULL ? STATUS_OK : STATUS_FAILED);
    if (status == STATUS_OK) {
        comm_gather(placing->comm, mine, sizeof *mine, places);
        status = placement_describe(places, comm_size(placing->comm), placing->why_threads,
                                    placing->why_cores, &text);
    }
    if (status == STATUS_OK)
        log_info("%s", text.data);
    buffer_free(&text);
    memory_free(places);
    return status;
}

static enum status place_rank(struct placing *placing, const struct config *config)
{
    struct place place = {.node = comm_node_first(placing->comm)};
    placing->launcher = comm_launcher();
    placing->mine.node = place.node;
    ask_threads(placing, config);
    ask_cores(placing, config);
    comm_gather(placing->comm, &placing->mine, sizeof placing->mine, placing->all);
    place.usable = placing->usable;
    TRY(comm_agree(placing->comm, divide(placing, &place)));
    choose_threads(placing, &place);
    if (placing->mine.divide && !cpu_mask_equal(&placing->mask, &placing->old_mask) &&
        !affinity_set(&placing->mask))
        log_warning("the system does not let this rank have the cores that are its share");
    threads_set((int)place.threads);
    return describe(placing, &place);
}

enum status placement_apply(const struct config *config, struct comm *comm)
{
    struct placing *placing = memory_allocate(1, sizeof *placing, "the placement of a rank");
    struct request *all = memory_allocate(comm_size(comm), sizeof *all, "the requests of the ranks");
    enum status status = comm_agree(comm, placing != NULL && all != NULL ? STATUS_OK : STATUS_FAILED);
    if (status == STATUS_OK) {
        placing->comm = comm;
        placing->all = all;
        status = comm_agree(comm, place_rank(placing, config));
    }
    memory_free(all);
    memory_free(placing);
    return status;
}
