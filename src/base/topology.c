/* Reads a one-line file per processor and per NUMA node. Files that are missing (containers hide some) or
 * make no sense leave the plain assumption in place. */
#include "llmpi/base/topology.h"

#include <stdio.h>
#include <stdlib.h>

/* A file that holds a list of processors or nodes. */
static bool read_list(const char *path, struct cpu_mask *out)
{
    char text[16384]; /* sysfs files are no longer than four pages in practice */
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = '\0';
    return cpu_mask_parse(text, out);
}

static int lowest(const struct cpu_mask *mask)
{
    int cpu = 0;
    while (cpu < CPU_MASK_LIMIT && !cpu_mask_has(mask, cpu))
        cpu++;
    return cpu;
}

static void read_siblings(const char *root, int cpu, struct topology *out)
{
    char path[4096];
    struct cpu_mask siblings;
    snprintf(path, sizeof path, "%s/devices/system/cpu/cpu%d/topology/thread_siblings_list", root, cpu);
    if (read_list(path, &siblings) && cpu_mask_has(&siblings, cpu))
        out->core[cpu] = (int16_t)lowest(&siblings);
}

static void read_nodes(const char *root, struct topology *out)
{
    char path[4096];
    struct cpu_mask nodes, cpus;
    snprintf(path, sizeof path, "%s/devices/system/node/online", root);
    if (!read_list(path, &nodes))
        return;
    for (int node = 0; node < CPU_MASK_LIMIT; node++) {
        if (!cpu_mask_has(&nodes, node))
            continue;
        snprintf(path, sizeof path, "%s/devices/system/node/node%d/cpulist", root, node);
        if (!read_list(path, &cpus))
            continue;
        for (int cpu = 0; cpu < CPU_MASK_LIMIT; cpu++)
            if (cpu_mask_has(&cpus, cpu))
                out->node[cpu] = (int16_t)node;
    }
}

void topology_read(const char *root, const struct cpu_mask *cpus, struct topology *out)
{
    for (int cpu = 0; cpu < CPU_MASK_LIMIT; cpu++) {
        out->core[cpu] = (int16_t)cpu;
        out->node[cpu] = 0;
        if (cpu_mask_has(cpus, cpu))
            read_siblings(root, cpu, out);
    }
    read_nodes(root, out);
}

static int compare_cores(const void *left, const void *right)
{
    const struct core *a = left, *b = right;
    return a->node != b->node ? a->node - b->node : a->cpu - b->cpu;
}

int64_t topology_cores(const struct topology *topology, const struct cpu_mask *allowed, struct core *out)
{
    struct cpu_mask seen = {0}; /* by the core's lowest processor */
    int64_t count = 0;
    for (int cpu = 0; cpu < CPU_MASK_LIMIT; cpu++) {
        if (!cpu_mask_has(allowed, cpu) || cpu_mask_has(&seen, topology->core[cpu]))
            continue;
        cpu_mask_add(&seen, topology->core[cpu]);
        out[count++] = (struct core){cpu, topology->node[cpu]};
    }
    qsort(out, (size_t)count, sizeof *out, compare_cores);
    return count;
}

void topology_add_core(const struct topology *topology, const struct cpu_mask *allowed, struct core core,
                       struct cpu_mask *out)
{
    for (int cpu = core.cpu; cpu < CPU_MASK_LIMIT; cpu++)
        if (cpu_mask_has(allowed, cpu) && topology->core[cpu] == topology->core[core.cpu])
            cpu_mask_add(out, cpu);
}
