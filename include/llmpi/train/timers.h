/* Where the time goes: phases of a run, one table at the end. */
#ifndef LLMPI_TRAIN_TIMERS_H
#define LLMPI_TRAIN_TIMERS_H

#include "llmpi/comm/comm.h"

enum phase {
    PHASE_DATA,     /* reading windows of tokens */
    PHASE_COMPUTE,  /* forward and backward passes */
    PHASE_EXCHANGE, /* gradients and small sums over the ranks, waiting for the slowest included */
    PHASE_UPDATE,   /* norm, clipping, AdamW */
    PHASE_EVALUATE,
    PHASE_SAMPLE,
    PHASE_CHECKPOINT,
    PHASES
};

/* Seconds per phase; zero it to start. */
struct timers {
    double seconds[PHASES];
};

/* "data", "compute", ...: as in metrics.jsonl, where "_seconds" follows. */
const char *timers_name(enum phase phase);

/* Adds the time since *since to a phase and sets *since to now. */
void timers_add(struct timers *timers, enum phase phase, double *since);

/* Logs the table of phases: mean, least and most over the ranks, and the share of `total` seconds.
 * **Collective** */
void timers_report(const struct timers *timers, double total, struct comm *comm);

#endif
