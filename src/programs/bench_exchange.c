/* `llmpi bench exchange`: the exchange of gradients and parameters alone (train/exchange.h), beside
 * MPI_Allreduce of the same numbers, since both leave every rank with sums of all, and beside the bandwidth
 * of the memory. A size is one block of a parameter table made for it; its gradients are whole numbers whose
 * sums are known, so that a wrong result cannot be a fast one. */
#include "bench.h"
#include "bench_link.h"

#include "llmpi/base/clock.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/kernels/threads.h"
#include "llmpi/train/exchange.h"
#include "llmpi/train/placement.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SIZES = 16, FACTOR = 8, LEAST = 64 << 10, ADDED = 1 << 25 };

static const struct flag flags[] = {
    {"--max-mb", "N", "The largest size, MiB of fp32 numbers; each smaller one is an eighth (512)"},
    {"--rounds", "N", "How often each size is measured, in turn with MPI_Allreduce (5)"},
    {"--wire", "fp32|bf16", "Numbers in messages between nodes (fp32)"},
    {"--bucket-mb", "N", "MiB that travel between nodes as one unit (4)"},
    {"--threads", "N", "Threads of a rank (its share of the cores)"},
    {"--json", NULL, "Print one JSON object"},
};
static const struct command command = {
    .name = "bench exchange",
    .positionals = "",
    .flags = flags,
    .flag_count = sizeof flags / sizeof *flags,
    .help =
        "Measures the exchange of gradients over the ranks it is started with (at least 2, by mpirun or "
        "srun) from 64 KiB up: seconds of the sum and of the gather on the slowest rank, best of all rounds, "
        "beside MPI_Allreduce. Bus bandwidth is that of nccl-tests, 2 (R - 1) / R x bytes / seconds "
        "with R ranks. The share of the memory's bandwidth counts what cannot be avoided (each rank's "
        "gradients are read, sums written, parameters read and written by each rank), and passes 100 % where "
        "that fits in caches. Between nodes, messages of two ranks alone are measured too; "
        "`llmpi scale --exchange` takes the JSON from there",
};

/* Seconds on the slowest rank: of the best round, by sum + gather, and of the best MPI_Allreduce. */
struct size {
    int64_t bytes;
    double sum, gather, allreduce;
};

struct exchange_bench {
    struct comm *comm;
    struct exchange_settings settings;
    int64_t rounds, nodes, count;
    struct size sizes[SIZES];
    double memory; /* bytes per second of all ranks together */
    struct link_speed link;
};

/* One size at work. */
struct trial {
    struct comm *comm;
    struct parameter row;
    struct parameter_table table;
    struct exchange *exchange;
    float *parameters, *packed; /* all; this rank's part */
    struct share part;
    float tolerance; /* relative */
};

/* --- numbers that are known --- */

static float value_of(int64_t rank, int64_t element)
{
    return (float)(1 + ((element + rank) & 3));
}

static void fill(float *values, int64_t count, int rank)
{
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < count; i++)
        values[i] = value_of(rank, i);
}

/* Whether these elements from number `first` on are the sums over all ranks. */
static enum status check(const struct trial *trial, const float *values, struct share share, const char *what)
{
    float sums[4] = {0};
    int64_t wrong = -1;
    for (int rank = 0; rank < comm_size(trial->comm); rank++)
        for (int i = 0; i < 4; i++)
            sums[i] += value_of(rank, i);
#pragma omp parallel for schedule(static) reduction(max : wrong)
    for (int64_t i = share.first; i < share.first + share.count; i++)
        if (!(fabsf(values[i] - sums[i & 3]) <= trial->tolerance * sums[i & 3]))
            wrong = i;
    if (wrong < 0)
        return STATUS_OK;
    return fail(STATUS_FAILED, "%s of %" PRId64 " numbers: number %" PRId64 " is %g instead of %g", what,
                trial->table.total, wrong, (double)values[wrong], (double)sums[wrong & 3]);
}

/* --- one round --- */

static double slowest(struct comm *comm, double since)
{
    double seconds = clock_seconds() - since;
    comm_max_double(comm, &seconds, 1);
    return seconds;
}

static double run_sum(struct trial *trial)
{
    fill(exchange_gradients(trial->exchange), trial->table.total, comm_rank(trial->comm));
    comm_barrier(trial->comm);
    double since = clock_seconds();
    exchange_block_ready(trial->exchange, 0);
    exchange_finish(trial->exchange);
    return slowest(trial->comm, since);
}

/* The owner's part of the parameters is its own business, as in an update. */
static double run_gather(struct trial *trial)
{
    size_t bytes = (size_t)trial->part.count * sizeof *trial->packed;
    memcpy(trial->packed, exchange_gradients(trial->exchange) + trial->part.first, bytes);
    memcpy(trial->parameters + trial->part.first, trial->packed, bytes);
    comm_barrier(trial->comm);
    double since = clock_seconds();
    exchange_publish(trial->exchange, 0, trial->packed);
    exchange_take(trial->exchange, 0, trial->parameters);
    exchange_release(trial->exchange);
    return slowest(trial->comm, since);
}

static double run_allreduce(struct trial *trial)
{
    fill(trial->parameters, trial->table.total, comm_rank(trial->comm));
    comm_barrier(trial->comm);
    double since = clock_seconds();
    comm_sum_float(trial->comm, trial->parameters, trial->table.total);
    return slowest(trial->comm, since);
}

/* The first round of a size: touches all memory, and looks at all results. */
static enum status run_checked(struct trial *trial)
{
    struct share all = {0, trial->table.total};
    run_sum(trial);
    TRY(comm_agree(trial->comm, check(trial, exchange_gradients(trial->exchange), trial->part, "the sum")));
    run_gather(trial);
    TRY(comm_agree(trial->comm, check(trial, trial->parameters, all, "the gather")));
    run_allreduce(trial);
    return comm_agree(trial->comm, check(trial, trial->parameters, all, "MPI_Allreduce"));
}

static enum status run_rounds(struct trial *trial, int64_t rounds, struct size *size)
{
    size->sum = size->gather = size->allreduce = INFINITY;
    TRY(run_checked(trial));
    for (int64_t round = 0; round < rounds; round++) {
        double sum = run_sum(trial), gather = run_gather(trial);
        if (sum + gather < size->sum + size->gather) {
            size->sum = sum;
            size->gather = gather;
        }
        size->allreduce = fmin(size->allreduce, run_allreduce(trial));
    }
    return STATUS_OK;
}

static enum status measure_size(const struct exchange_bench *bench, struct size *size)
{
    int64_t count = size->bytes / (int64_t)sizeof(float);
    struct trial trial = {
        .comm = bench->comm,
        .row = {.name = "block", .dimensions = 1, .sizes = {count, 1}, .count = count, .trainable = true},
        .tolerance = bench->settings.wire == ELEMENT_BF16 ? 0x1p-8f : 0};
    trial.table = (struct parameter_table){
        .rows = &trial.row, .count = 1, .blocks = 1, .trainable = count, .total = count};
    TRY(exchange_create(&trial.table, bench->comm, &bench->settings, &trial.exchange));
    const struct ownership *ownership = exchange_ownership(trial.exchange);
    trial.part = ownership_part(ownership, 0, ownership->rank);
    trial.parameters = memory_allocate(count, sizeof *trial.parameters, "parameters");
    trial.packed = memory_allocate(trial.part.count, sizeof *trial.packed, "a part of the parameters");
    enum status status =
        comm_agree(bench->comm, trial.parameters != NULL && trial.packed != NULL ? STATUS_OK : STATUS_FAILED);
    if (status == STATUS_OK)
        status = run_rounds(&trial, bench->rounds, size);
    memory_free(trial.packed);
    memory_free(trial.parameters);
    exchange_destroy(trial.exchange);
    return status;
}

/* --- all of it --- */

/* All ranks at once, as in an exchange. */
static enum status measure_memory(struct exchange_bench *bench)
{
    float *sum = bench_values(ADDED, "memory"), *added = bench_values(ADDED, "memory");
    double best = INFINITY;
    enum status status = comm_agree(bench->comm, sum != NULL && added != NULL ? STATUS_OK : STATUS_FAILED);
    for (int64_t round = 0; status == STATUS_OK && round < bench->rounds; round++) {
        comm_barrier(bench->comm);
        double since = clock_seconds();
        bench_add(sum, added, ADDED);
        best = fmin(best, slowest(bench->comm, since));
    }
    bench->memory = 3.0 * sizeof *sum * ADDED * comm_size(bench->comm) / best;
    memory_free(sum);
    memory_free(added);
    return status;
}

static enum status measure(struct exchange_bench *bench, int64_t max_bytes)
{
    bench->nodes = comm_node_first(bench->comm) == comm_rank(bench->comm);
    comm_sum_int64(bench->comm, &bench->nodes, 1);
    TRY(measure_memory(bench));
    TRY(link_measure(bench->comm, bench->rounds, &bench->link));
    for (int64_t bytes = max_bytes; bytes >= LEAST && bench->count < SIZES; bytes /= FACTOR)
        bench->count++;
    for (int64_t i = bench->count - 1; i >= 0; i--, max_bytes /= FACTOR)
        bench->sizes[i].bytes = max_bytes;
    for (int64_t i = 0; i < bench->count; i++)
        TRY(measure_size(bench, &bench->sizes[i]));
    return STATUS_OK;
}

/* --- report --- */

static double bus_rate(const struct exchange_bench *bench, const struct size *size, double seconds)
{
    double ranks = comm_size(bench->comm); /* nccl-tests, doc/PERFORMANCE.md, "Bus bandwidth" */
    return 2 * (ranks - 1) / ranks * (double)size->bytes / seconds;
}

/* Percent of the memory's bandwidth that the least traffic takes: R ranks' gradients are read, the groups'
 * sums written, and parameters read and written by R ranks. */
static double memory_percent(const struct exchange_bench *bench, const struct size *size)
{
    double times = 3.0 * comm_size(bench->comm) + bench->link.groups;
    return 100 * times * (double)size->bytes / (size->sum + size->gather) / bench->memory;
}

static void print_table(const struct exchange_bench *bench)
{
    const struct link_speed *link = &bench->link;
    char text[16];
    printf("%d ranks x %d thread%s on %" PRId64 " node%s, best of %" PRId64
           " rounds; memory %.1f GB/s (a += b on all ranks at once)\n",
           comm_size(bench->comm), threads_count(), threads_count() == 1 ? "" : "s", bench->nodes,
           bench->nodes == 1 ? "" : "s", bench->rounds, bench->memory / 1e9);
    if (link->groups > 1)
        printf("%d groups with shared memory, %s messages in buckets of %" PRId64
               " MiB; between the first two: %.1f us a message,\n%.2f us in a stream, %.3f GB/s one way, "
               "%.3f GB/s each way at once\n",
               link->groups, bench->settings.wire == ELEMENT_BF16 ? "bf16" : "fp32",
               bench->settings.bucket_bytes >> 20, 1e6 * link->latency, 1e6 * link->message,
               link->one_way / 1e9, link->both_ways / 1e9);
    printf("\n%-12s %11s %11s %11s %14s %7s %16s %10s\n", "", "sum ms", "gather ms", "both ms",
           "MPI_Allreduce", "faster", "bus GB/s", "of memory");
    for (int64_t i = 0; i < bench->count; i++) {
        const struct size *size = &bench->sizes[i];
        double both = size->sum + size->gather;
        printf("%-12s %11.3f %11.3f %11.3f %14.3f %6.2fx %7.2f (%6.2f) %9.1f%%\n",
               log_bytes(text, (double)size->bytes), 1e3 * size->sum, 1e3 * size->gather, 1e3 * both,
               1e3 * size->allreduce, size->allreduce / both, bus_rate(bench, size, both) / 1e9,
               bus_rate(bench, size, size->allreduce) / 1e9, memory_percent(bench, size));
    }
    printf("\nIn brackets: MPI_Allreduce's.\n");
}

static void print_size_json(const struct exchange_bench *bench, const struct size *size)
{
    double both = size->sum + size->gather;
    printf("{\"bytes\": %" PRId64
           ", \"sum_seconds\": %.9g, \"gather_seconds\": %.9g, \"exchange_seconds\": %.9g, "
           "\"allreduce_seconds\": %.9g, \"ratio\": %.6g, \"bus_gb_per_second\": %.6g, "
           "\"allreduce_bus_gb_per_second\": %.6g, \"memory_percent\": %.6g}",
           size->bytes, size->sum, size->gather, both, size->allreduce, size->allreduce / both,
           bus_rate(bench, size, both) / 1e9, bus_rate(bench, size, size->allreduce) / 1e9,
           memory_percent(bench, size));
}

static void print_json(const struct exchange_bench *bench)
{
    const struct link_speed *link = &bench->link;
    printf("{\"ranks\": %d, \"threads\": %d, \"nodes\": %" PRId64 ", \"groups\": %d, \"rounds\": %" PRId64
           ", \"wire_bytes\": %zu, \"bucket_bytes\": %" PRId64
           ", \"memory_gb_per_second\": %.6g, \"sizes\": [",
           comm_size(bench->comm), threads_count(), bench->nodes, link->groups, bench->rounds,
           element_size(bench->settings.wire), bench->settings.bucket_bytes, bench->memory / 1e9);
    for (int64_t i = 0; i < bench->count; i++) {
        printf("%s", i == 0 ? "" : ", ");
        print_size_json(bench, &bench->sizes[i]);
    }
    printf("]");
    if (link->groups > 1)
        printf(", \"link\": {\"latency_seconds\": %.9g, \"message_seconds\": %.9g, "
               "\"one_way_gb_per_second\": %.6g, "
               "\"both_ways_gb_per_second\": %.6g}",
               link->latency, link->message, link->one_way / 1e9, link->both_ways / 1e9);
    printf("}\n");
}

/* --- command line --- */

static enum status parse(const struct arguments *arguments, struct exchange_bench *bench, int64_t *max_mb,
                         int64_t *threads)
{
    const char *wire = arguments_get(arguments, "--wire");
    int64_t bucket_mb = 4;
    TRY(arguments_get_integer(arguments, "--max-mb", 1, 1 << 20, max_mb));
    TRY(arguments_get_integer(arguments, "--rounds", 1, 1000, &bench->rounds));
    TRY(arguments_get_integer(arguments, "--bucket-mb", 1, 1024, &bucket_mb));
    TRY(arguments_get_integer(arguments, "--threads", 1, 4096, threads));
    bench->settings = (struct exchange_settings){
        .kind = EXCHANGE_SHARDED,
        .wire = wire != NULL && strcmp(wire, "bf16") == 0 ? ELEMENT_BF16 : ELEMENT_FP32,
        .bucket_bytes = bucket_mb << 20};
    if (wire != NULL && strcmp(wire, "bf16") != 0 && strcmp(wire, "fp32") != 0)
        return fail(STATUS_USAGE, "--wire is '%.100s' but must be fp32 or bf16", wire);
    if (comm_size(bench->comm) < 2)
        return fail(
            STATUS_USAGE,
            "one rank exchanges nothing: start at least two, as in `mpirun -np 2 llmpi bench exchange`");
    return STATUS_OK;
}

/* Placed as a run with the default configuration is. */
static enum status place(struct comm *comm, int64_t threads)
{
    struct config config;
    enum status status = comm_agree(comm, config_load(&config, NULL, NULL));
    config.run.threads = threads;
    if (status == STATUS_OK)
        status = placement_apply(&config, comm);
    config_free(&config);
    return status;
}

static enum status run(struct program *program)
{
    struct exchange_bench bench = {.comm = program->comm, .rounds = 5};
    int64_t max_mb = 512, threads = 0;
    TRY(comm_agree(bench.comm, parse(&program->arguments, &bench, &max_mb, &threads)));
    TRY(place(bench.comm, threads));
    TRY(measure(&bench, max_mb << 20));
    if (comm_rank(bench.comm) == 0 && arguments_has(&program->arguments, "--json"))
        print_json(&bench);
    else if (comm_rank(bench.comm) == 0)
        print_table(&bench);
    return STATUS_OK;
}

const struct bench bench_exchange = {&command, run};
