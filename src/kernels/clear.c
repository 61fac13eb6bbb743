/* memset and memcpy on all threads: one thread alone cannot use all of the memory's bandwidth. */
#include "llmpi/kernels/clear.h"

#include <string.h>

enum { PIECE = 1 << 16 }; /* floats: large beside the start of a loop */

void clear_floats(float *values, int64_t count)
{
#pragma omp parallel for schedule(static) if (count > PIECE)
    for (int64_t first = 0; first < count; first += PIECE) {
        int64_t here = count - first < PIECE ? count - first : PIECE;
        memset(values + first, 0, (size_t)here * sizeof *values);
    }
}

void copy_floats(float *out, const float *in, int64_t count)
{
#pragma omp parallel for schedule(static) if (count > PIECE)
    for (int64_t first = 0; first < count; first += PIECE) {
        int64_t here = count - first < PIECE ? count - first : PIECE;
        memcpy(out + first, in + first, (size_t)here * sizeof *out);
    }
}
