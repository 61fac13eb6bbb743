/* Ranks of a host share a file, in which the mean of their rates stands: it is written by the lowest of them,
 * which they find by a table of digests of host names. When one rank has to measure, all do, so that those
 * of its host disturb it as they will in the steps. */
#include "llmpi/train/gemm_peak.h"

#include "llmpi/base/buffer.h"
#include "llmpi/base/digest.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/base/version.h"
#include "llmpi/kernels/matmul_peak.h"
#include "llmpi/kernels/threads.h"
#include "llmpi/train/peak_cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECONDS 0.2
#define TURNS   4

/* The name of the first processor in Linux's list; "unknown" where it has none, as on ARM. */
static void read_processor(char *out, size_t size)
{
    FILE *file = fopen("/proc/cpuinfo", "re");
    char line[256];
    snprintf(out, size, "unknown");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || colon == NULL)
            continue;
        snprintf(out, size, "%.*s", (int)strcspn(colon + 1, "\n"), colon + 1);
        break;
    }
    if (file != NULL)
        fclose(file);
}

/* Everything that the rate depends on. */
static enum status peak_key(const struct precision *precision, struct comm *comm, struct buffer *out)
{
    char processor[128];
    read_processor(processor, sizeof processor);
    return buffer_printf(out, "%s, %s, %s, %s, %d threads, %d ranks, %s, llmpi %s (%s)", processor,
                         cpu_level_name(precision->level), precision_name(precision->element),
                         precision->products, threads_count(), comm_node_size(comm), threads_blas_library(),
                         version_number(), version_commit());
}

static enum status gain_key(const struct precision *precision, struct buffer *out)
{
    char processor[128];
    read_processor(processor, sizeof processor);
    return buffer_printf(out, "%s, %s, gain of %s by %s, %s, llmpi %s (%s)", processor,
                         cpu_level_name(precision->level), precision_name(precision->element),
                         precision->products, threads_blas_library(), version_number(), version_commit());
}

static enum status measure_peak(enum element element, double *rate)
{
    int64_t size = 0;
    return matmul_peak(element, SECONDS, rate, &size);
}

/* The best of some turns each: what disturbs one of them must not decide. */
static enum status measure_gain(enum element element, double *gain)
{
    double best[2] = {0, 0};
    for (int turn = 0; turn < 2 * TURNS; turn++) {
        double rate = 0;
        int64_t size = 0;
        TRY(matmul_peak(turn % 2 == 0 ? ELEMENT_FP32 : element, SECONDS / TURNS, &rate, &size));
        best[turn % 2] = rate > best[turn % 2] ? rate : best[turn % 2];
    }
    *gain = best[1] / best[0];
    return STATUS_OK;
}

/* Of each rank: its host and what it measured. */
struct table {
    int64_t *hosts;
    double *figures;
};

static void fill_table(struct table *table, struct comm *comm, double figure)
{
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    table->hosts[comm_rank(comm)] = (int64_t)digest_bytes(host, strlen(host));
    table->figures[comm_rank(comm)] = figure;
    comm_sum_int64(comm, table->hosts, comm_size(comm));
    comm_sum_double(comm, table->figures, comm_size(comm));
}

/* Mean figure of the ranks on this rank's host; *lowest when this rank is the first of them. */
static double mean_of_host(const struct table *table, struct comm *comm, bool *lowest)
{
    int64_t mine = table->hosts[comm_rank(comm)], count = 0;
    double sum = 0;
    *lowest = true;
    for (int rank = 0; rank < comm_size(comm); rank++) {
        if (table->hosts[rank] != mine)
            continue;
        *lowest = *lowest && rank >= comm_rank(comm);
        sum += table->figures[rank];
        count++;
    }
    return sum / (double)count;
}

typedef enum status (*measurement)(enum element element, double *figure);

static enum status measure(measurement function, enum element element, struct comm *comm, const char *path,
                           const char *key, double *figure)
{
    struct table table = {memory_allocate(comm_size(comm), sizeof *table.hosts, "hosts"),
                          memory_allocate(comm_size(comm), sizeof *table.figures, "rates of products")};
    bool lowest = false;
    enum status status =
        comm_agree(comm, table.hosts != NULL && table.figures != NULL ? STATUS_OK : STATUS_FAILED);
    if (status == STATUS_OK) { /* comm_agree has brought the ranks together */
        status = comm_agree(comm, function(element, figure));
        if (status == STATUS_OK) {
            fill_table(&table, comm, *figure);
            *figure = mean_of_host(&table, comm, &lowest);
        }
    }
    if (lowest && path != NULL)
        peak_cache_write(path, key, *figure);
    memory_free(table.hosts);
    memory_free(table.figures);
    return status;
}

/* This host's figure from its file or, when that of any rank lacks it, measured by all; *origin (to be freed)
 * says which. */
static enum status find(measurement function, enum element element, struct comm *comm, const char *key,
                        double *figure, struct buffer *origin)
{
    char *path = peak_cache_path();
    *figure = path != NULL ? peak_cache_read(path, key) : 0;
    int64_t missing = !(*figure > 0);
    comm_max_int64(comm, &missing, 1);
    enum status status = missing > 0 ? measure(function, element, comm, path, key, figure) : STATUS_OK;
    if (status == STATUS_OK)
        status = comm_agree(comm, buffer_printf(origin, missing > 0 ? "measured at start" : "from %s", path));
    free(path);
    return status;
}

enum status gemm_peak_agree(const struct precision *precision, struct comm *comm, double *rate)
{
    struct buffer key = {0}, origin = {0};
    char text[16];
    enum status status = comm_agree(comm, peak_key(precision, comm, &key));
    if (status == STATUS_OK)
        status = find(measure_peak, precision->element, comm, key.data, rate, &origin);
    if (status == STATUS_OK) {
        comm_sum_double(comm, rate, 1);
        log_info("GEMM peak %sFLOP/s (%s)", log_count(text, *rate), origin.data);
    }
    buffer_free(&key);
    buffer_free(&origin);
    return status;
}

void gemm_peak_forget(const struct precision *precision, struct comm *comm)
{
    struct buffer key = {0};
    char *path = comm_rank(comm) == 0 ? peak_cache_path() : NULL;
    if (path != NULL && peak_key(precision, comm, &key) == STATUS_OK)
        peak_cache_write(path, key.data, 0);
    buffer_free(&key);
    free(path);
}

enum status gemm_peak_gain(const struct precision *precision, struct comm *comm, double *gain)
{
    struct buffer key = {0}, origin = {0};
    enum status status = comm_agree(comm, gain_key(precision, &key));
    if (status == STATUS_OK)
        status = find(measure_gain, precision->element, comm, key.data, gain, &origin);
    if (status == STATUS_OK) {
        comm_min_double(comm, gain, 1);
        log_info("products of bf16 numbers are %.2f times as fast as of fp32 (%s)", *gain, origin.data);
    }
    buffer_free(&key);
    buffer_free(&origin);
    return status;
}
