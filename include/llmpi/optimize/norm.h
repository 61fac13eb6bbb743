/* The Euclidean norm of gradients. */
#ifndef LLMPI_OPTIMIZE_NORM_H
#define LLMPI_OPTIMIZE_NORM_H

#include <stdint.h>

#define NORM_CHUNK 4096 /* elements */

/* Sum of squares in double precision over fixed chunks of NORM_CHUNK elements, added along a fixed binary
 * tree: the same bits for any number of threads. NaN or infinity in, NaN or infinity out. */
double norm_squared(const float *values, int64_t n);

#endif
