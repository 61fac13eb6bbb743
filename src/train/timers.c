/* Phase times, and the table that a run ends with (after PETSc's -log_view). */
#include "llmpi/train/timers.h"

#include "llmpi/base/clock.h"
#include "llmpi/base/log.h"

#include <string.h>

const char *timers_name(enum phase phase)
{
    static const char *const names[PHASES] = {"data",     "compute", "exchange",  "update",
                                              "evaluate", "sample",  "checkpoint"};
    return names[phase];
}

void timers_add(struct timers *timers, enum phase phase, double *since)
{
    double now = clock_seconds();
    timers->seconds[phase] += now - *since;
    *since = now;
}

void timers_report(const struct timers *timers, double total, struct comm *comm)
{
    double sum[PHASES], least[PHASES], most[PHASES], named = 0;
    memcpy(sum, timers->seconds, sizeof sum);
    memcpy(least, sum, sizeof sum);
    memcpy(most, sum, sizeof sum);
    comm_sum_double(comm, sum, PHASES);
    comm_min_double(comm, least, PHASES);
    comm_max_double(comm, most, PHASES);
    log_info("%-12s %10s %10s %10s %7s", "phase", "mean s", "least s", "most s", "share");
    for (int i = 0; i < PHASES; i++) {
        double mean = sum[i] / comm_size(comm);
        named += mean;
        log_info("%-12s %10.2f %10.2f %10.2f %6.1f%%", timers_name((enum phase)i), mean, least[i], most[i],
                 total > 0 ? 100 * mean / total : 0.0);
    }
    log_info("%-12s %10.2f %10s %10s %6.1f%%", "other", total - named, "", "",
             total > 0 ? 100 * (total - named) / total : 0.0);
}
