/* `llmpi bench step CONFIG`: the trainer's own step on tokens drawn at random, so that nothing has to be
 * prepared. Afterwards, with the model's memory free again, its matrix products alone are measured: what a
 * step takes beyond them is what can still be won without faster products. */
#include "bench_products.h"

#include "llmpi/base/clock.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/base/random.h"
#include "llmpi/kernels/threads.h"
#include "llmpi/model/model.h"
#include "llmpi/train/placement.h"
#include "llmpi/train/precision.h"
#include "llmpi/train/state.h"
#include "llmpi/train/step.h"
#include "llmpi/train/trainer.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define STEP_FLOP 4e12 /* of a rank in a step: some seconds on one core */

enum { PRODUCT_ROUNDS = 3, TIMED_PHASES = PHASE_UPDATE + 1 };

static const struct flag flags[] = {
    {"--steps", "N", "Steps that are measured, after one that is not (5)"},
    {"--steps-only", NULL, "Do not measure matrix products afterwards, which takes seconds"},
    {"--json", NULL, "Print one JSON object"},
};
static const struct command command = {
    .name = "bench step",
    .positionals = "CONFIG",
    .minimum = 1,
    .maximum = 1,
    .flags = flags,
    .flag_count = sizeof flags / sizeof *flags,
    .configuration = true,
    .help = "Measures training steps on random tokens, without shards, on any number of ranks. A step has "
            "train.batch_size sequences; where that is not given on the command line, only as many "
            "micro-batches as make 4 TFLOP per rank, at least one for each slot",
};

/* Seconds of a phase in all measured steps: mean, least and most of the ranks. */
struct phase_seconds {
    double mean, least, most;
};

struct step_bench {
    struct config *config; /* with the batch and the vocabulary that are measured */
    struct comm *comm;
    struct model_shape shape;
    enum element element;
    int64_t steps, parameters, configured_batch;
    double *seconds; /* of each step, on the slowest rank */
    struct timing time;
    struct timers timers; /* of all measured steps, on this rank */
    struct phase_seconds phases[TIMED_PHASES];
    double hidden; /* seconds of all measured steps in which messages travelled while ranks computed: mean */
    struct step_result last;
    int64_t nodes;              /* hosts that the ranks are on */
    int64_t memory, memory_sum; /* bytes: the largest rank's, and of all ranks */
    double product_seconds;     /* of a step, on the slowest rank */
    double peak;                /* FLOP per second of all ranks; 0 where products are not measured */
};

/* Sequence `number` is a function of (seed, number), as in training. */
static enum status draw_tokens(void *context, int64_t number, const struct sequence *out)
{
    const struct config *config = context;
    for (int64_t i = 0; i <= config->model.context_length; i++)
        out->tokens[i] =
            (uint32_t)random_below((uint64_t)config->run.seed, RANDOM_BENCH + ((uint64_t)number << 32),
                                   (uint64_t)i, (uint64_t)config->tokenizer.vocab_size);
    return STATUS_OK;
}

/* Rank 0 looks for the tokenizer. */
static enum status set_vocabulary(struct step_bench *bench)
{
    enum status status = STATUS_OK;
    if (comm_rank(bench->comm) == 0)
        status = bench_shape(bench->config, &bench->shape);
    TRY(comm_agree(bench->comm, status));
    comm_broadcast(bench->comm, &bench->shape, sizeof bench->shape, 0);
    bench->config->tokenizer.vocab_size = bench->shape.vocab_size;
    return STATUS_OK;
}

/* A batch of the configuration may take an hour on a few cores; one that is asked for is taken as it is. */
static void set_batch(struct step_bench *bench, const struct arguments *arguments)
{
    struct config *config = bench->config;
    int ranks = comm_size(bench->comm);
    int64_t passes = step_micro_batch(config, ranks) * step_slots(config, ranks); /* one for each slot */
    double flop = (double)passes * (double)config->model.context_length * model_flop_per_token(&bench->shape);
    double times = floor(STEP_FLOP * ranks / flop);
    bench->configured_batch = config->train.batch_size;
    config->train.local_after = 0; /* with local steps, these are measured */
    for (int64_t i = 0; i < arguments->overrides.count; i++)
        if (strncmp(arguments->overrides.items[i], "--train.batch_size=", 19) == 0)
            return;
    times = times > 1 ? times : 1;
    if ((double)passes * times < (double)config->train.batch_size)
        config->train.batch_size = passes * (int64_t)times;
}

/* --- steps --- */

static enum status run_step(struct step_bench *bench, struct stepper *stepper, bool measured, double *seconds)
{
    struct timers phases = {0};
    double since = clock_seconds();
    TRY(stepper_run(stepper, STATUS_OK, &phases, &bench->last));
    *seconds = clock_seconds() - since;
    comm_max_double(bench->comm, seconds, 1);
    for (int i = 0; measured && i < PHASES; i++)
        bench->timers.seconds[i] += phases.seconds[i];
    bench->hidden += measured ? bench->last.hidden_seconds / comm_size(bench->comm) : 0;
    return STATUS_OK;
}

static enum status run_steps(struct step_bench *bench, struct stepper *stepper)
{
    double first;
    TRY(run_step(bench, stepper, false, &first)); /* touches all memory for the first time */
    for (int64_t i = 0; i < bench->steps; i++)
        TRY(run_step(bench, stepper, true, &bench->seconds[i]));
    bench->time = timing_of(bench->seconds, bench->steps);
    return STATUS_OK;
}

static void gather_phases(struct step_bench *bench)
{
    double mean[TIMED_PHASES], least[TIMED_PHASES], most[TIMED_PHASES];
    memcpy(mean, bench->timers.seconds, sizeof mean);
    memcpy(least, mean, sizeof mean);
    memcpy(most, mean, sizeof mean);
    comm_sum_double(bench->comm, mean, TIMED_PHASES);
    comm_min_double(bench->comm, least, TIMED_PHASES);
    comm_max_double(bench->comm, most, TIMED_PHASES);
    comm_sum_double(bench->comm, &bench->hidden, 1);
    for (int i = 0; i < TIMED_PHASES; i++)
        bench->phases[i] = (struct phase_seconds){mean[i] / comm_size(bench->comm), least[i], most[i]};
}

static enum status measure_steps(struct step_bench *bench)
{
    struct train_state state = {0};
    struct stepper *stepper = NULL;
    int64_t micro_batch = step_micro_batch(bench->config, comm_size(bench->comm));
    struct sequences sequences = {.read = draw_tokens, .context = bench->config};
    struct model_use use = state_model_use(bench->config, bench->element, micro_batch, true);
    enum status status = state_create(bench->config, NULL, &use, bench->comm, &state);
    if (status == STATUS_OK) {
        parameter_initialise(model_table(state.model), (uint64_t)bench->config->run.seed,
                             model_parameters(state.model));
        model_refresh_all(state.model);
        bench->parameters = model_table(state.model)->total;
        status =
            comm_agree(bench->comm, stepper_create(bench->config, &state, sequences, bench->comm, &stepper));
    }
    if (status == STATUS_OK)
        status = run_steps(bench, stepper);
    if (status == STATUS_OK) {
        gather_phases(bench);
        stepper_settle(stepper, &bench->timers);
    }
    stepper_destroy(stepper);
    state_destroy(&state);
    return status;
}

/* All ranks at the same time, as in a step. */
static enum status measure_products(struct step_bench *bench)
{
    int ranks = comm_size(bench->comm);
    int64_t micro_batch = step_micro_batch(bench->config, ranks), size = 0;
    struct model_use use = state_model_use(bench->config, bench->element, micro_batch, true);
    struct products *products;
    enum status status = comm_agree(bench->comm, products_create(&bench->shape, &use, &products));
    if (status == STATUS_OK)
        status = comm_agree(bench->comm, products_measure(products, PRODUCT_ROUNDS));
    if (status == STATUS_OK) {
        double passes =
            (double)step_share(bench->config, ranks, comm_rank(bench->comm)) / (double)micro_batch;
        bench->product_seconds = passes * products_seconds(products, PRODUCT_KINDS);
        bench->peak = products_peak(products, &size);
        comm_max_double(bench->comm, &bench->product_seconds, 1);
        comm_sum_double(bench->comm, &bench->peak, 1);
    }
    products_destroy(products);
    return status;
}

/* --- report --- */

static double tokens_of_step(const struct step_bench *bench)
{
    return (double)(bench->config->train.batch_size * bench->config->model.context_length);
}

/* Training FLOP per second of all ranks, in the best step. */
static double model_rate(const struct step_bench *bench)
{
    return model_flop_per_token(&bench->shape) * tokens_of_step(bench) / bench->time.best;
}

static void print_phases(const struct step_bench *bench)
{
    double steps = (double)bench->steps, sum = 0;
    for (int i = 0; i < TIMED_PHASES; i++)
        sum += bench->phases[i].mean;
    printf("\n%-12s %12s %12s %12s %8s\n", "ms a step", "mean", "least", "most", "share");
    for (int i = 0; i < TIMED_PHASES; i++) {
        const struct phase_seconds *phase = &bench->phases[i];
        printf("%-12s %12.3f %12.3f %12.3f %7.1f%%\n", timers_name((enum phase)i), 1e3 * phase->mean / steps,
               1e3 * phase->least / steps, 1e3 * phase->most / steps, sum > 0 ? 100 * phase->mean / sum : 0);
    }
}

static void print_products(const struct step_bench *bench)
{
    printf("matrix products  %12.3f ms of it when measured alone, %.1f %% of the best step\n",
           1e3 * bench->product_seconds, 100 * bench->product_seconds / bench->time.best);
    printf("model FLOP/s     %12.1f G, %.1f %% of the peak of %.1f G\n", model_rate(bench) / 1e9,
           100 * model_rate(bench) / bench->peak, bench->peak / 1e9);
}

static void print_table(const struct step_bench *bench)
{
    const struct config *config = bench->config;
    int ranks = comm_size(bench->comm);
    char parameters[16], one[16], all[16];
    printf("%s parameters, %" PRId64 " x %" PRId64 " tokens a step, vocabulary %" PRId64
           ", %s, %d rank%s x %d thread%s\n",
           log_count(parameters, (double)bench->parameters), config->train.batch_size,
           config->model.context_length, bench->shape.vocab_size, precision_name(bench->element), ranks,
           ranks == 1 ? "" : "s", threads_count(), threads_count() == 1 ? "" : "s");
    if (config->train.batch_size < bench->configured_batch)
        printf("(train.batch_size is %" PRId64 ": --train.batch_size=%" PRId64
               " on the command line measures whole steps)\n",
               bench->configured_batch, bench->configured_batch);
    printf("\ntokens/s         %12.1f best of %" PRId64 " steps, median %.1f\n",
           tokens_of_step(bench) / bench->time.best, bench->steps,
           tokens_of_step(bench) / bench->time.median);
    printf("a step           %12.3f ms best, median %.3f\n", 1e3 * bench->time.best,
           1e3 * bench->time.median);
    if (bench->peak > 0)
        print_products(bench);
    printf("peak memory      %12s the largest rank, %s all ranks\n", log_bytes(one, (double)bench->memory),
           log_bytes(all, (double)bench->memory_sum));
    print_phases(bench);
}

static void print_shape_json(const struct step_bench *bench)
{
    const struct config *config = bench->config;
    const struct model_shape *shape = &bench->shape;
    printf("\"precision\": \"%s\", \"ranks\": %d, \"threads\": %d, \"sequences\": %" PRId64
           ", \"micro_batch\": %" PRId64 ", \"context_length\": %" PRId64 ", \"n_layer\": %" PRId64
           ", \"n_head\": %" PRId64 ", \"n_embd\": %" PRId64 ", \"vocab_size\": %" PRId64
           ", \"bias\": %s, \"tied_head\": %s, \"dropout\": %.17g, \"parameters\": %" PRId64,
           precision_name(bench->element), comm_size(bench->comm), threads_count(), config->train.batch_size,
           step_micro_batch(config, comm_size(bench->comm)), shape->context_length, shape->n_layer,
           shape->n_head, shape->n_embd, shape->vocab_size, shape->bias ? "true" : "false",
           shape->tied_head ? "true" : "false", shape->dropout, bench->parameters);
}

static void print_json(const struct step_bench *bench)
{
    const double steps = (double)bench->steps, tokens = tokens_of_step(bench);
    const struct {
        const char *name;
        double value;
    } rows[] = {
        {"nodes", (double)bench->nodes},
        {"steps", steps},
        {"seconds", bench->time.best},
        {"seconds_median", bench->time.median},
        {"flop_per_token", model_flop_per_token(&bench->shape)},
        {"model_gflops", model_rate(bench) / 1e9},
        {"peak_memory_bytes", (double)bench->memory},
        {"peak_memory_bytes_all_ranks", (double)bench->memory_sum},
        {"hidden_exchange_seconds", bench->hidden / steps},
        {"loss", bench->last.loss},
    };
    printf("{\"tokens_per_second\": %.17g, \"tokens_per_second_median\": %.17g, ", tokens / bench->time.best,
           tokens / bench->time.median);
    print_shape_json(bench);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        printf(", \"%s\": %.17g", rows[i].name, rows[i].value);
    if (bench->peak > 0)
        printf(", \"product_seconds\": %.17g, \"product_percent\": %.17g, \"peak_gflops\": %.17g, "
               "\"model_percent\": %.17g",
               bench->product_seconds, 100 * bench->product_seconds / bench->time.best, bench->peak / 1e9,
               100 * model_rate(bench) / bench->peak);
    for (int i = 0; i < TIMED_PHASES; i++)
        printf(", \"%s_seconds\": %.9g, \"%s_seconds_max\": %.9g", timers_name((enum phase)i),
               bench->phases[i].mean / steps, timers_name((enum phase)i), bench->phases[i].most / steps);
    printf("}\n");
}

static enum status measure(struct step_bench *bench, const struct arguments *arguments)
{
    struct precision precision;
    TRY(set_vocabulary(bench));
    set_batch(bench, arguments);
    TRY(placement_apply(bench->config, bench->comm));
    TRY(precision_agree(bench->config, bench->comm, &precision));
    precision_log(&precision);
    bench->element = precision.element;
    TRY(measure_steps(bench));
    bench->nodes = comm_node_first(bench->comm) == comm_rank(bench->comm);
    comm_sum_int64(bench->comm, &bench->nodes, 1);
    bench->memory = bench->memory_sum = memory_peak();
    comm_max_int64(bench->comm, &bench->memory, 1);
    comm_sum_int64(bench->comm, &bench->memory_sum, 1);
    return arguments_has(arguments, "--steps-only") ? STATUS_OK : measure_products(bench);
}

static enum status run(struct program *program)
{
    struct step_bench bench = {.config = &program->config, .comm = program->comm, .steps = 5};
    TRY(comm_agree(bench.comm,
                   arguments_get_integer(&program->arguments, "--steps", 1, 100000, &bench.steps)));
    bench.seconds = memory_allocate(bench.steps, sizeof *bench.seconds, "measurements");
    enum status status = comm_agree(bench.comm, bench.seconds != NULL ? STATUS_OK : STATUS_FAILED);
    if (status == STATUS_OK)
        status = measure(&bench, &program->arguments);
    if (status == STATUS_OK && comm_rank(bench.comm) == 0) {
        if (arguments_has(&program->arguments, "--json"))
            print_json(&bench);
        else
            print_table(&bench);
    }
    memory_free(bench.seconds);
    return status;
}

const struct bench bench_step = {&command, run};
