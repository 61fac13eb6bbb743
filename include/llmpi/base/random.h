/* Random numbers that are a pure function of where they are used: (seed, stream, index) -> number. Nothing is
 * carried along, so a run may stop, continue, or use another number of ranks and draw the same numbers.
 *
 * The generator is Philox4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3",
 * SC 2011, doi:10.1145/2063384.2063405. Key = seed, counter = (index, stream). */
#ifndef LLMPI_BASE_RANDOM_H
#define LLMPI_BASE_RANDOM_H

#include <stdint.h>

/* One block: four independent 32-bit numbers. */
void random_block(uint64_t seed, uint64_t stream, uint64_t index, uint32_t out[4]);

/* 64 random bits. */
uint64_t random_bits(uint64_t seed, uint64_t stream, uint64_t index);

/* A double in [0, 1), 53 bits. */
double random_uniform(uint64_t seed, uint64_t stream, uint64_t index);

/* Four independent standard normal numbers from one block (Box and Muller 1958), with 32 random bits each. */
void random_normals(uint64_t seed, uint64_t stream, uint64_t index, double out[4]);

/* An integer in [0, n), n > 0 (multiply and shift; bias below n / 2^64). */
uint64_t random_below(uint64_t seed, uint64_t stream, uint64_t index, uint64_t n);

/* A pseudo-random permutation of [0, n): the image of `index` < n under the bijection named by (seed,
 * stream). A four-round Feistel network over the next even number of bits, walked until it lands below n
 * (Black and Rogaway, "Ciphers with arbitrary finite domains", 2002); below four steps on average. */
uint64_t random_permute(uint64_t seed, uint64_t stream, uint64_t index, uint64_t n);

/* Streams in use, so that no two purposes draw the same numbers. Add 2^32 * something for sub-streams. */
enum random_stream {
    RANDOM_INITIALISATION = 1,
    RANDOM_SAMPLER = 2,
    RANDOM_DROPOUT = 3,
    RANDOM_SAMPLE = 4,
    RANDOM_STORY = 5,
    RANDOM_BENCH = 6,
    RANDOM_QUESTION = 8
};

#endif
