/* memset, memcpy and element_from_float on all threads: one thread alone cannot use all of the memory's
 * bandwidth. */
#include "llmpi/kernels/clear.h"

#include "llmpi/kernels/threads.h"

#include <string.h>

static void clear_share(float *values, struct share share)
{
    memset(values + share.first, 0, (size_t)share.count * sizeof *values);
}

static void copy_share(float *out, const float *in, struct share share)
{
    memcpy(out + share.first, in + share.first, (size_t)share.count * sizeof *out);
}

void clear_floats(float *values, int64_t count)
{
    ON_THREADS(count, clear_share(values, threads_share(count)));
}

void copy_floats(float *out, const float *in, int64_t count)
{
    ON_THREADS(count, copy_share(out, in, threads_share(count)));
}

static void round_share(bf16 *out, const float *in, struct share share)
{
    element_from_float(out + share.first, in + share.first, share.count);
}

void round_floats(bf16 *out, const float *in, int64_t count)
{
    ON_THREADS(count, round_share(out, in, threads_share(count)));
}
