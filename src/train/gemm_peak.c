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
static enum status make_key(const struct precision *precision, struct comm *comm, struct buffer *out)
{
    char processor[128];
    read_processor(processor, sizeof processor);
    return buffer_printf(out, "%s, %s, %s, %s, %d threads, %d ranks, %s, llmpi %s (%s)", processor,
                         cpu_level_name(precision->level), precision_name(precision->element),
                         precision->products, threads_count(), comm_node_size(comm), threads_blas_library(),
                         version_number(), version_commit());
}

/* Of each rank: its host and what it measured. */
struct table {
    int64_t *hosts;
    double *rates;
};

static void fill_table(struct table *table, struct comm *comm, double rate)
{
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    table->hosts[comm_rank(comm)] = (int64_t)digest_bytes(host, strlen(host));
    table->rates[comm_rank(comm)] = rate;
    comm_sum_int64(comm, table->hosts, comm_size(comm));
    comm_sum_double(comm, table->rates, comm_size(comm));
}

/* Mean rate of the ranks on this rank's host; *lowest when this rank is the first of them. */
static double mean_of_host(const struct table *table, struct comm *comm, bool *lowest)
{
    int64_t mine = table->hosts[comm_rank(comm)], count = 0;
    double sum = 0;
    *lowest = true;
    for (int rank = 0; rank < comm_size(comm); rank++) {
        if (table->hosts[rank] != mine)
            continue;
        *lowest = *lowest && rank >= comm_rank(comm);
        sum += table->rates[rank];
        count++;
    }
    return sum / (double)count;
}

static enum status measure(enum element element, struct comm *comm, const char *path, const char *key,
                           double *rate)
{
    struct table table = {memory_allocate(comm_size(comm), sizeof *table.hosts, "hosts"),
                          memory_allocate(comm_size(comm), sizeof *table.rates, "rates of products")};
    int64_t size = 0;
    bool lowest = false;
    enum status status =
        comm_agree(comm, table.hosts != NULL && table.rates != NULL ? STATUS_OK : STATUS_FAILED);
    if (status == STATUS_OK) { /* comm_agree has brought the ranks together */
        status = comm_agree(comm, matmul_peak(element, SECONDS, rate, &size));
        if (status == STATUS_OK) {
            fill_table(&table, comm, *rate);
            *rate = mean_of_host(&table, comm, &lowest);
        }
    }
    if (lowest && path != NULL)
        peak_cache_write(path, key, *rate);
    memory_free(table.hosts);
    memory_free(table.rates);
    return status;
}

enum status gemm_peak_agree(const struct precision *precision, struct comm *comm, double *rate)
{
    struct buffer key = {0};
    char *path = peak_cache_path(), text[16];
    enum status status = comm_agree(comm, make_key(precision, comm, &key));
    *rate = status == STATUS_OK && path != NULL ? peak_cache_read(path, key.data) : 0;
    int64_t missing = !(*rate > 0);
    comm_max_int64(comm, &missing, 1);
    if (status == STATUS_OK && missing > 0)
        status = measure(precision->element, comm, path, key.data, rate);
    if (status == STATUS_OK) {
        comm_sum_double(comm, rate, 1);
        log_info("GEMM peak %sFLOP/s (%s%s)", log_count(text, *rate),
                 missing > 0 ? "measured at start" : "from ", missing > 0 ? "" : path);
    }
    free(path);
    buffer_free(&key);
    return status;
}
