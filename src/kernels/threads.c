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

int threads_cores(void)
{
    return omp_get_num_procs();
}

int threads_cores_online(void)
{
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
}
