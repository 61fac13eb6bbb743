/* The learning rate of each step. */
#ifndef LLMPI_OPTIMIZE_SCHEDULE_H
#define LLMPI_OPTIMIZE_SCHEDULE_H

#include <stdint.h>

enum schedule_kind {
    SCHEDULE_KIND_COSINE,   /* half a cosine from peak to final (Loshchilov and Hutter 2017, arXiv:1608.03983)
                             */
    SCHEDULE_KIND_LINEAR,   /* a line from peak to final */
    SCHEDULE_KIND_CONSTANT, /* peak */
    SCHEDULE_KIND_WSD /* peak, then a line to final in the last decay_steps (Hu et al. 2024, arXiv:2404.06395)
                       */
};

struct schedule {
    enum schedule_kind kind;
    double peak, final; /* learning rates */
    int64_t steps, warmup_steps, decay_steps;
};

/* The learning rate of `step` (1 .. steps). The first warmup_steps rise linearly: step / warmup_steps * peak.
 * The last step has the final rate; steps after it keep it. */
double schedule_rate(const struct schedule *schedule, int64_t step);

#endif
