/* `llmpi bench kernels CONFIG`: every kernel of a step but the matrix products with weights (bench matmul has
 * them) beside what bounds it: those that move data beside the bandwidth of the memory, attention beside the
 * rate of matrix products. */
#include "bench_calls.h"

#include "llmpi/kernels/threads.h"
#include "llmpi/train/precision.h"
#include "llmpi/train/step.h"

#include <inttypes.h>
#include <stdio.h>

static const struct flag flags[] = {
    {"--rounds", "N", "How often everything is measured, in turn (5)"},
    {"--json", NULL, "Print one JSON object"},
};
static const struct command command = {
    .name = "bench kernels",
    .positionals = "CONFIG",
    .minimum = 1,
    .maximum = 1,
    .flags = flags,
    .flag_count = sizeof flags / sizeof *flags,
    .configuration = true,
    .alone = true,
    .help =
        "Measures every kernel of the model at train.micro_batch x model.context_length tokens, beside the "
        "rate of matrix products and the bandwidth of the memory (of a sum in place). What fits in the "
        "caches may pass that bandwidth, and so may what writes nearly as much as it reads",
};

/* GB/s or GFLOP/s. */
static double rate_of(const struct calls *calls, int64_t index)
{
    const struct call *call = &calls->calls[index];
    return (call->flop > 0 ? call->flop : call->bytes) / calls->items[index].time.best / 1e9;
}

static double percent_of(const struct calls *calls, int64_t index)
{
    int64_t bound = calls->calls[index].flop > 0 ? CALL_SQUARE : CALL_MEMORY;
    return 100 * rate_of(calls, index) / rate_of(calls, bound);
}

static void print_table(const struct calls *calls, const struct config *config, int64_t rounds)
{
    printf("kernels at %" PRId64 " x %" PRId64 " tokens, %" PRId64 " wide, %" PRId64
           " head%s, head chunk of %" PRId64 " rows, %s, %d thread%s, best of %" PRId64 " rounds\n\n",
           step_micro_batch(config, 1), calls->shape.context_length, calls->shape.n_embd, calls->shape.n_head,
           calls->shape.n_head == 1 ? "" : "s", calls->chunk_rows, precision_name(calls->element),
           threads_count(), threads_count() == 1 ? "" : "s", rounds);
    printf("%-24s %12s %12s %18s %8s\n", "", "ms", "median", "", "of bound");
    for (int64_t i = 0; i < calls->count; i++) {
        const struct timing time = calls->items[i].time;
        printf("%-24s %12.4f %12.4f %10.1f %-7s %7.0f%%\n", calls->calls[i].name, 1e3 * time.best,
               1e3 * time.median, rate_of(calls, i), calls->calls[i].flop > 0 ? "GFLOP/s" : "GB/s",
               percent_of(calls, i));
    }
}

static void print_json(const struct calls *calls, int64_t rounds)
{
    printf("{\"precision\": \"%s\", \"threads\": %d, \"rounds\": %" PRId64
           ", \"memory_gb_per_second\": %.3f, \"peak_gflops\": %.3f, \"kernels\": [",
           precision_name(calls->element), threads_count(), rounds, rate_of(calls, CALL_MEMORY),
           rate_of(calls, CALL_SQUARE));
    for (int64_t i = CALL_SQUARE + 1; i < calls->count; i++) {
        const struct timing time = calls->items[i].time;
        printf("%s{\"name\": \"%s\", \"ms\": %.6f, \"median_ms\": %.6f, \"%s\": %.3f, \"percent\": %.2f}",
               i == CALL_SQUARE + 1 ? "" : ", ", calls->calls[i].name, 1e3 * time.best, 1e3 * time.median,
               calls->calls[i].flop > 0 ? "gflops" : "gb_per_second", rate_of(calls, i),
               percent_of(calls, i));
    }
    printf("]}\n");
}

static enum status run(struct program *program)
{
    const struct config *config = &program->config;
    struct model_shape shape;
    struct calls calls;
    struct model_use use;
    int64_t rounds = 5;
    TRY(arguments_get_integer(&program->arguments, "--rounds", 1, 1000, &rounds));
    TRY(bench_shape(config, &shape));
    TRY(bench_use(program, &use));
    enum status status = calls_create(&shape, &use, &calls);
    if (status == STATUS_OK)
        status = bench_measure(calls.items, calls.count, rounds);
    if (status == STATUS_OK && arguments_has(&program->arguments, "--json"))
        print_json(&calls, rounds);
    else if (status == STATUS_OK)
        print_table(&calls, config, rounds);
    calls_free(&calls);
    return status;
}

const struct bench bench_kernels = {&command, run};
