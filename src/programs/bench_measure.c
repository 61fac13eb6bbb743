/* Taking turns and timing. */
#include "bench.h"
#include "llmpi/base/clock.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/kernels/threads.h"
#include "llmpi/programs/tokenizer_source.h"
#include "llmpi/train/precision.h"
#include "llmpi/train/state.h"
#include "llmpi/train/step.h"

#include <stdlib.h>

#define TURN 0.01 /* seconds that an item is repeated for in its turn, at least */

static int compare_seconds(const void *a, const void *b)
{
    double first = *(const double *)a, second = *(const double *)b;
    return (first > second) - (first < second);
}

struct timing timing_of(double *seconds, int64_t count)
{
    qsort(seconds, (size_t)count, sizeof *seconds, compare_seconds);
    return (struct timing){seconds[0], seconds[count / 2]};
}

/* Mean seconds of a call in one turn; never 0, since speeds are divided by it. */
static double take_turn(const struct measured *item)
{
    double started = clock_seconds(), passed = 0;
    int64_t calls = 0;
    do {
        item->run(item->context);
        calls++;
        passed = clock_seconds() - started;
    } while (passed < TURN);
    return passed / (double)calls;
}

enum status bench_measure(struct measured *items, int64_t count, int64_t rounds)
{
    double *seconds = memory_allocate(count * rounds, sizeof *seconds, "measurements");
    struct progress progress;
    if (seconds == NULL)
        return STATUS_FAILED;
    progress_begin(&progress, "measuring", (double)(count * (rounds + 1)), "measurements");
    for (int64_t i = 0; i < count; i++) {
        items[i].run(items[i].context);
        progress_update(&progress, (double)(i + 1), NULL);
    }
    for (int64_t round = 0; round < rounds; round++) {
        for (int64_t i = 0; i < count; i++) {
            seconds[i * rounds + round] = take_turn(&items[i]);
            progress_update(&progress, (double)((round + 1) * count + i + 1), NULL);
        }
    }
    progress_end(&progress, (double)(count * (rounds + 1)));
    for (int64_t i = 0; i < count; i++)
        items[i].time = timing_of(seconds + i * rounds, rounds);
    memory_free(seconds);
    return STATUS_OK;
}

void bench_add(float *sum, const float *added, int64_t count)
{
#pragma omp parallel for simd schedule(static)
    for (int64_t i = 0; i < count; i++)
        sum[i] += added[i];
}

float *bench_values(int64_t count, const char *what)
{
    float *values = memory_allocate(count, sizeof *values, what);
    for (int64_t i = 0; values != NULL && i < count; i++) {
        uint32_t mixed = (uint32_t)i * 2654435761u; /* Weyl's sequence of the golden ratio */
        values[i] = ((float)(mixed >> 8) - 0x1p23f) * 0x1p-26f;
    }
    return values;
}

void *bench_elements(enum element element, int64_t count, const char *what)
{
    float *values = bench_values(count, what);
    if (values != NULL && element == ELEMENT_BF16)
        for (int64_t i = 0; i < count; i++)
            element_from_float((bf16 *)values + i, values + i, 1);
    return values;
}

enum status bench_shape(const struct config *config, struct model_shape *shape)
{
    int64_t vocab_size;
    bool known;
    TRY(tokenizer_source_vocab_size(config, &vocab_size, &known));
    *shape = state_model_shape(config, vocab_size);
    return STATUS_OK;
}

enum status bench_use(const struct program *program, struct model_use *use)
{
    const struct config *config = &program->config;
    struct precision precision;
    threads_set(threads_choose(config->run.threads));
    TRY(precision_agree(config, program->comm, &precision));
    *use = state_model_use(config, precision.element, step_micro_batch(config, 1), true);
    return STATUS_OK;
}
