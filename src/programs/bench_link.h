/* Messages between two ranks alone: what a link does before the exchange makes anything of it. */
#ifndef LLMPI_SRC_PROGRAMS_BENCH_LINK_H
#define LLMPI_SRC_PROGRAMS_BENCH_LINK_H

#include "llmpi/base/status.h"
#include "llmpi/comm/comm.h"

#include <stdint.h>

struct link_speed {
    int groups;                /* of ranks that share memory; the rest is 0 where there is one only */
    double latency, message;   /* seconds of a short message; between two in a stream */
    double one_way, both_ways; /* bytes per second; the latter each way, while both are busy */
};

/* Measures between the first ranks of the first two groups, best of `rounds`. The same result on every rank.
 * **Collective** */
enum status link_measure(struct comm *comm, int64_t rounds, struct link_speed *out);

#endif
