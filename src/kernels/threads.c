/* Thread counts. BLAS's own side of it is in matmul_fp32.c, the one file that knows which library is linked.
 */
#include "llmpi/kernels/threads.h"

#include "llmpi/base/affinity.h"
#include "llmpi/base/integer.h"
#include "llmpi/base/topology.h"

#include <limits.h>
#include <omp.h>
#include <stdlib.h>
#include <unistd.h>

enum { MOST_THREADS = 4096 }; /* as run.threads */

void threads_set(int threads)
{
    omp_set_dynamic(0);
    omp_set_num_threads(threads > 1 ? threads : 1);
}

int threads_count(void)
{
    return omp_get_max_threads();
}

struct share threads_share(int64_t n)
{
    int64_t threads = omp_get_num_threads(), each = round_up(divide_up(n, threads), 64);
    int64_t first = each * omp_get_thread_num();
    if (first > n)
        first = n;
    return (struct share){first, each < n - first ? each : n - first};
}

bool threads_bound(void)
{
    return omp_get_proc_bind() != omp_proc_bind_false;
}

/* A bound first thread has the mask of its place only. */
bool threads_mask(struct cpu_mask *out)
{
    int processors[CPU_MASK_LIMIT];
    if (omp_get_num_places() == 0)
        return affinity_get(out);
    *out = (struct cpu_mask){0};
    for (int place = 0; place < omp_get_num_places(); place++) {
        int count = omp_get_place_num_procs(place);
        if (count > CPU_MASK_LIMIT)
            return false;
        omp_get_place_proc_ids(place, processors);
        for (int i = 0; i < count; i++)
            if (processors[i] >= 0 && processors[i] < CPU_MASK_LIMIT)
                cpu_mask_add(out, processors[i]);
    }
    return true;
}

int threads_cores(void)
{
    struct cpu_mask mask;
    struct topology topology;
    struct core cores[CPU_MASK_LIMIT];
    if (!threads_mask(&mask))
        return omp_get_num_procs();
    topology_read("/sys", &mask, &topology);
    return (int)topology_cores(&topology, &mask, cores);
}

/* By its path, since /proc/self/exe is another program under valgrind. */
void threads_wait_briefly(char **arguments)
{
    char path[PATH_MAX] = "";
    if (getenv("GOMP_SPINCOUNT") == NULL && getenv("OMP_WAIT_POLICY") == NULL && threads_environment() != 1 &&
        readlink("/proc/self/exe", path, sizeof path - 1) > 0 && setenv("GOMP_SPINCOUNT", "1000", 0) == 0)
        execv(path, arguments);
}

int64_t threads_environment(void)
{
    const char *text = getenv("OMP_NUM_THREADS");
    if (text == NULL)
        return 0;
    char *end;
    long threads = strtol(text, &end, 10);
    bool number = end != text && (*end == '\0' || *end == ',' || *end == ' ');
    return number && threads > 0 && threads <= MOST_THREADS ? threads : 0;
}

int threads_choose(int64_t asked)
{
    if (asked <= 0)
        asked = threads_environment();
    return asked > 0 ? (int)asked : threads_cores();
}
