/* The Euclidean norm of gradients. */
#ifndef LLMPI_OPTIMIZE_NORM_H
#define LLMPI_OPTIMIZE_NORM_H

#include <stdint.h>

#define NORM_CHUNK 4096 /* elements */

/* The squares of each chunk of n elements, summed in double precision: ceil(n / NORM_CHUNK) sums, the same
 * bits for any number of threads. NaN or infinity in, NaN or infinity out. */
void norm_chunks(const float *values, int64_t n, double *sums);

/* The sum of such sums along a fixed binary tree. */
double norm_tree(const double *sums, int64_t count);

#endif
