/* Every kind is a warm-up followed by a weight between peak and final that falls from 1 to 0. */
#include "llmpi/optimize/schedule.h"

#include <math.h>

static const double pi = 3.14159265358979323846;

/* How far `step` is from `start` to the last step: 0 .. 1. */
static double progress(const struct schedule *schedule, int64_t start, int64_t step)
{
    if (step >= schedule->steps)
        return 1.0;
    return step <= start ? 0.0 : (double)(step - start) / (double)(schedule->steps - start);
}

/* The share of the peak in the rate. */
static double peak_share(const struct schedule *schedule, int64_t step)
{
    int64_t decay_start = schedule->steps - schedule->decay_steps;
    switch (schedule->kind) {
    case SCHEDULE_KIND_COSINE:
        return 0.5 * (1.0 + cos(pi * progress(schedule, schedule->warmup_steps, step)));
    case SCHEDULE_KIND_LINEAR:
        return 1.0 - progress(schedule, schedule->warmup_steps, step);
    case SCHEDULE_KIND_WSD:
        return 1.0 - progress(schedule,
                              decay_start > schedule->warmup_steps ? decay_start : schedule->warmup_steps,
                              step);
    case SCHEDULE_KIND_CONSTANT:
        break;
    }
    return 1.0;
}

double schedule_rate(const struct schedule *schedule, int64_t step)
{
    if (step < schedule->warmup_steps && step < schedule->steps)
        return schedule->peak * (double)step / (double)schedule->warmup_steps;
    double share = peak_share(schedule, step);
    return share * schedule->peak + (1.0 - share) * schedule->final;
}
