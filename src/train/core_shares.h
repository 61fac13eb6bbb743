/* Dividing the cores of a node among its ranks. Data-parallel ranks wait for the slowest of them, so every
 * rank gets the same number of cores: a run of neighbours, within one NUMA node where there are at least as
 * many ranks as nodes. */
#ifndef LLMPI_SRC_TRAIN_CORE_SHARES_H
#define LLMPI_SRC_TRAIN_CORE_SHARES_H

#include "llmpi/base/topology.h"

#include <stdint.h>

/* Rank r of `ranks` gets cores[first[r]] and the following ones, as many as are returned; `cores` are in
 * topology_cores' order. `threads` (or 0) is how many cores a rank asks for: where so many are there only if
 * a rank may straddle two NUMA nodes, it may. Returns 0, with `first` unspecified, when there are more ranks
 * than cores: then all share all of them. */
int64_t core_shares(const struct core *cores, int64_t count, int64_t ranks, int64_t threads, int64_t *first);

#endif
