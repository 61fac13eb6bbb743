/* Token and position embedding. */
#ifndef LLMPI_KERNELS_EMBEDDING_H
#define LLMPI_KERNELS_EMBEDDING_H

#include <stdint.h>

/* y (rows, width) = wte[tokens[r]] + wpe[position[r]]. wpe NULL: no positions. position NULL: r % length. */
void embedding_forward(float *y, const float *wte, const float *wpe, const uint32_t *tokens,
                       const int32_t *position, int64_t rows, int64_t length, int64_t width);

/* dwte[tokens[r]] += dy[r], dwpe[position[r]] += dy[r] (dwpe NULL: none). The same sum for any number of
 * threads. */
void embedding_backward(float *dwte, float *dwpe, const float *dy, const uint32_t *tokens,
                        const int32_t *position, int64_t rows, int64_t length, int64_t width);

#endif
