/* Which logical processors are one core, and which cores are one NUMA node, from Linux's sysfs
 * (Documentation/ABI/stable/sysfs-devices-system-cpu and -node). */
#ifndef LLMPI_BASE_TOPOLOGY_H
#define LLMPI_BASE_TOPOLOGY_H

#include "llmpi/base/cpu_mask.h"

#include <stdint.h>

struct topology {
    int16_t core[CPU_MASK_LIMIT]; /* the lowest processor of the same core */
    int16_t node[CPU_MASK_LIMIT]; /* NUMA node */
};

/* A core of which some processor may be used. */
struct core {
    int cpu; /* its lowest processor that may be used: the core's name in messages */
    int node;
};

/* Reads about the processors in `cpus`; `root` is "/sys". Where nothing is said, every processor is a core
 * of its own, and all are in node 0. */
void topology_read(const char *root, const struct cpu_mask *cpus, struct topology *out);

/* The cores with processors in `allowed`, in order of their nodes and within a node of their processors.
 * `out` has room for CPU_MASK_LIMIT; returns how many there are. */
int64_t topology_cores(const struct topology *topology, const struct cpu_mask *allowed, struct core *out);

/* Adds those processors of a core to `out` that are in `allowed`. */
void topology_add_core(const struct topology *topology, const struct cpu_mask *allowed, struct core core,
                       struct cpu_mask *out);

#endif
