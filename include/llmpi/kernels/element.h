/* The number format of activations. Buffers of activations are addressed by element type, never by
 * sizeof(float), so that narrower formats can be added behind it. */
#ifndef LLMPI_KERNELS_ELEMENT_H
#define LLMPI_KERNELS_ELEMENT_H

#include <stddef.h>

enum element { ELEMENT_FP32 };

/* Bytes of one element. */
static inline size_t element_size(enum element element)
{
    (void)element;
    return 4;
}

#endif
