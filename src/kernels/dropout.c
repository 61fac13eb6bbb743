/* The same factor multiplies values on the way forward and gradients on the way back. */
#include "llmpi/kernels/dropout.h"

#include "dropout_mask.h"
#include "element_access.h"
#include "llmpi/base/clones.h"
#include "llmpi/base/integer.h"
#include "llmpi/base/random.h"
#include "llmpi/kernels/clear.h"
#include "llmpi/kernels/threads.h"

#include <string.h>

#define CHUNK 4096 /* elements of a sequence: a share of work */

struct dropout_mask dropout_mask(const struct dropout *dropout, int64_t sequence)
{
    uint64_t step = random_bits(dropout->seed, RANDOM_DROPOUT, dropout->step);
    uint64_t place = random_bits(step, RANDOM_DROPOUT, dropout->place);
    uint64_t key = random_bits(place, RANDOM_DROPOUT, (uint64_t)dropout->first_sequence + (uint64_t)sequence);
    double probability = dropout->probability < 1.0 ? dropout->probability : 1.0;
    float scale = probability < 1.0 ? (float)(1.0 / (1.0 - probability)) : 0.0f;
    return (struct dropout_mask){key, (uint64_t)(probability * 0x1p32), scale};
}

float dropout_factor(const struct dropout *dropout, int64_t sequence, int64_t index)
{
    if (!dropout_active(dropout))
        return 1.0f;
    struct dropout_mask mask = dropout_mask(dropout, sequence);
    return dropout_mask_factor(&mask, (uint64_t)index);
}

ELEMENT_LOOP void drop_loop(void *y, enum element to, const void *x, enum element from,
                            struct dropout_mask mask, int64_t first, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        element_store(y, to, i, element_load(x, from, i) * dropout_mask_factor(&mask, (uint64_t)(first + i)));
}

/* Elements [first, first + n) of a sequence, from one format into the same or a narrower one. */
CLONED(void, drop_chunk,
       (void *y, enum element to, const void *x, enum element from, const struct dropout_mask *mask,
        int64_t first, int64_t n),
       (y, to, x, from, mask, first, n))
{
    if (from == ELEMENT_BF16)
        drop_loop(y, ELEMENT_BF16, x, ELEMENT_BF16, *mask, first, n);
    else if (to == ELEMENT_BF16)
        drop_loop(y, ELEMENT_BF16, x, ELEMENT_FP32, *mask, first, n);
    else
        drop_loop(y, ELEMENT_FP32, x, ELEMENT_FP32, *mask, first, n);
}

/* By the threads of the region that calls it. */
static void drop(void *y, enum element to, const void *x, enum element from, int64_t sequences,
                 int64_t per_sequence, const struct dropout *dropout)
{
#pragma omp for collapse(2) schedule(static) nowait
    for (int64_t sequence = 0; sequence < sequences; sequence++) {
        for (int64_t i = 0; i < per_sequence; i += CHUNK) {
            struct dropout_mask mask = dropout_mask(dropout, sequence);
            int64_t at = sequence * per_sequence + i;
            drop_chunk(element_at(y, to, at), to, element_at_const(x, from, at), from, &mask, i,
                       smaller(CHUNK, per_sequence - i));
        }
    }
}

void dropout_forward(void *y, const void *x, enum element element, int64_t sequences, int64_t per_sequence,
                     const struct dropout *dropout)
{
    if (dropout_active(dropout))
        ON_THREADS(sequences * per_sequence, drop(y, element, x, element, sequences, per_sequence, dropout));
    else if (y != x)
        memcpy(y, x, (size_t)(sequences * per_sequence) * element_size(element));
}

void dropout_backward(void *dx, const float *dy, enum element element, int64_t sequences,
                      int64_t per_sequence, const struct dropout *dropout)
{
    int64_t n = sequences * per_sequence;
    if (dropout_active(dropout)) {
        ON_THREADS(n, drop(dx, element, dy, ELEMENT_FP32, sequences, per_sequence, dropout));
    } else if (element == ELEMENT_BF16) {
        round_floats(dx, dy, n);
    } else if (dx != dy) {
        memcpy(dx, dy, (size_t)n * sizeof *dy);
    }
}
