/* What the benchmarks of `llmpi bench` share. Each measurement is repeated, and the best and the median are
 * shown: the best says what the machine can do, both together how much it was disturbed. */
#ifndef LLMPI_SRC_PROGRAMS_BENCH_H
#define LLMPI_SRC_PROGRAMS_BENCH_H

#include "llmpi/base/status.h"
#include "llmpi/programs/arguments.h"

#include <stdint.h>

/* One benchmark; its command is named "bench NAME". `run` may be called by all ranks together. */
struct bench {
    const struct command *command;
    enum status (*run)(struct program *program);
};

extern const struct bench bench_tokenizer;

struct timing {
    double best, median; /* seconds */
};

/* Of `count` (at least 1) measurements, which it sorts. */
struct timing timing_of(double *seconds, int64_t count);

#endif
