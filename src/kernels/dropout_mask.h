/* The dropout mask, one element at a time, for kernels that apply it inside their own loops.
 *
 * Philox folds (seed, step, place, sequence) into one 64-bit key per sequence. Element `index` is the output
 * number index + 1 of SplitMix64 started from that key (Steele, Lea, Flood, "Fast splittable pseudorandom
 * number generators", OOPSLA 2014, doi:10.1145/2660193.2660195), whose counter form needs two multiplications
 * and vectorises. Its upper 32 bits are compared with probability * 2^32. */
#ifndef LLMPI_KERNELS_DROPOUT_MASK_H
#define LLMPI_KERNELS_DROPOUT_MASK_H

#include "llmpi/kernels/dropout.h"

#include <stdbool.h>
#include <stddef.h>

/* The mask of one sequence. */
struct dropout_mask {
    uint64_t key;
    uint64_t threshold; /* 0 .. 2^32: drop below */
    float scale;        /* of kept elements */
};

static inline bool dropout_active(const struct dropout *dropout)
{
    return dropout != NULL && dropout->probability > 0.0;
}

/* `sequence` counts from dropout->first_sequence. */
struct dropout_mask dropout_mask(const struct dropout *dropout, int64_t sequence);

/* 0 or the scale. */
static inline float dropout_mask_factor(const struct dropout_mask *mask, uint64_t index)
{
    uint64_t z = mask->key + (index + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    z = z ^ z >> 31;
    return z >> 32 < mask->threshold ? 0.0f : mask->scale;
}

#endif
