/* On which processors threads may run: asking and telling Linux (sched_setaffinity(2)). Every function
 * returns false, with nothing changed, where the system does not say or does not obey. */
#ifndef LLMPI_BASE_AFFINITY_H
#define LLMPI_BASE_AFFINITY_H

#include "llmpi/base/cpu_mask.h"

#include <stdbool.h>

/* Where the calling thread may run. */
bool affinity_get(struct cpu_mask *out);

/* Where it could be allowed to run: what the cpuset of its control group holds, whatever its own mask is. */
bool affinity_possible(struct cpu_mask *out);

/* Where the nearest ancestor process may run whose command name is one of `names` (ending with NULL). */
bool affinity_of_ancestor(const char *const *names, struct cpu_mask *out);

/* Lets every thread of this process run on `mask` and nowhere else; threads created later inherit it from
 * the calling thread. */
bool affinity_set(const struct cpu_mask *mask);

#endif
