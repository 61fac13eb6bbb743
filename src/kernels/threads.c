/* Thread counts. BLAS's own side of it is in matmul_fp32.c, the one file that knows which library is linked.
 */
#include "llmpi/kernels/threads.h"

#include <omp.h>
#include <unistd.h>

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
    int64_t threads = omp_get_num_threads(), each = ((n + threads - 1) / threads + 63) / 64 * 64;
    int64_t first = each * omp_get_thread_num();
    if (first > n)
        first = n;
    return (struct share){first, each < n - first ? each : n - first};
}

int threads_cores(void)
{
    return omp_get_num_procs();
}

int threads_cores_online(void)
{
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
}
