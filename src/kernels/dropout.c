/* The same factor multiplies values on the way forward and gradients on the way back. */
#include "llmpi/kernels/dropout.h"

#include "dropout_mask.h"
#include "llmpi/base/clones.h"
#include "llmpi/base/random.h"

#include <string.h>

#define CHUNK 16384 /* elements: a share of work */

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

CLONED(void, apply_chunk,
       (float *y, const float *x, const struct dropout_mask *shared, int64_t first, int64_t n),
       (y, x, shared, first, n))
{
    const struct dropout_mask mask = *shared;
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i] * dropout_mask_factor(&mask, (uint64_t)(first + i));
}

void dropout_forward(float *y, const float *x, int64_t sequences, int64_t per_sequence,
                     const struct dropout *dropout)
{
    if (!dropout_active(dropout)) {
        if (y != x)
            memcpy(y, x, (size_t)(sequences * per_sequence) * sizeof *y);
        return;
    }
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t sequence = 0; sequence < sequences; sequence++) {
        for (int64_t i = 0; i < per_sequence; i += CHUNK) {
            struct dropout_mask mask = dropout_mask(dropout, sequence);
            int64_t at = sequence * per_sequence + i;
            apply_chunk(y + at, x + at, &mask, i, i + CHUNK < per_sequence ? CHUNK : per_sequence - i);
        }
    }
}

void dropout_backward(float *dx, const float *dy, int64_t sequences, int64_t per_sequence,
                      const struct dropout *dropout)
{
    dropout_forward(dx, dy, sequences, per_sequence, dropout);
}
