/* What the benchmarks of `llmpi bench` share. Each measurement is repeated, and the best and the median are
 * kept: the best says what the machine can do, both together how much it was disturbed. */
#ifndef LLMPI_SRC_PROGRAMS_BENCH_H
#define LLMPI_SRC_PROGRAMS_BENCH_H

#include "llmpi/base/status.h"
#include "llmpi/kernels/element.h"
#include "llmpi/model/model.h"
#include "llmpi/programs/arguments.h"

#include <stdint.h>

/* One benchmark; its command is named "bench NAME". All ranks call `run` together, unless the command is
 * `alone`. */
struct bench {
    const struct command *command;
    enum status (*run)(struct program *program);
};

extern const struct bench bench_tokenizer, bench_matmul, bench_kernels, bench_step, bench_exchange,
    bench_generate;

struct timing {
    double best, median; /* seconds */
};

/* Of `count` (at least 1) measurements, which it sorts. */
struct timing timing_of(double *seconds, int64_t count);

/* Something that can be repeated, and how long one call takes. */
struct measured {
    void (*run)(void *context);
    void *context;
    struct timing time; /* filled by bench_measure */
};

/* Measures every item once per round, so that a slow moment of the machine hits all alike. A short item is
 * repeated within its turn, and every item runs once before the first round. */
enum status bench_measure(struct measured *items, int64_t count, int64_t rounds);

/* sum += added, as fast as the memory gives and takes 12 bytes an element: what kernels that move data are
 * held against. In place, since a processor reads what it is about to overwrite: an output of its own would
 * move a third more than is counted. */
void bench_add(float *sum, const float *added, int64_t count);

/* `count` floats in [-0.125, 0.125), all different for a while. NULL after fail(). Release with memory_free.
 */
float *bench_values(int64_t count, const char *what);

/* The same, of `element`, in as many bytes as floats would take. */
void *bench_elements(enum element element, int64_t count, const char *what);

/* The shape of the configuration's model, with the vocabulary of its tokenizer where there is one. */
enum status bench_shape(const struct config *config, struct model_shape *shape);

/* Without ranks: sets run.threads, or all cores of this process, and says how `llmpi train` would use the
 * model. */
enum status bench_use(const struct program *program, struct model_use *use);

#endif
