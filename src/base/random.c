/* Philox4x32-10 and what is drawn from it. */
#include "llmpi/base/random.h"

#include <math.h>

void random_block(uint64_t seed, uint64_t stream, uint64_t index, uint32_t out[4])
{
    uint32_t c0 = (uint32_t)index, c1 = (uint32_t)(index >> 32);
    uint32_t c2 = (uint32_t)stream, c3 = (uint32_t)(stream >> 32);
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

uint64_t random_bits(uint64_t seed, uint64_t stream, uint64_t index)
{
    uint32_t block[4];
    random_block(seed, stream, index, block);
    return (uint64_t)block[1] << 32 | block[0];
}

static double unit(uint32_t high, uint32_t low)
{
    return (double)(((uint64_t)high << 32 | low) >> 11) * 0x1p-53;
}

double random_uniform(uint64_t seed, uint64_t stream, uint64_t index)
{
    uint32_t block[4];
    random_block(seed, stream, index, block);
    return unit(block[1], block[0]);
}

void random_normals(uint64_t seed, uint64_t stream, uint64_t index, double out[4])
{
    uint32_t block[4];
    random_block(seed, stream, index, block);
    for (int pair = 0; pair < 4; pair += 2) {
        double radius = sqrt(-2.0 * log(((double)block[pair] + 0.5) * 0x1p-32)); /* never log(0) */
        double angle = 6.283185307179586477 * 0x1p-32 * (double)block[pair + 1];
        out[pair] = radius * cos(angle);
        out[pair + 1] = radius * sin(angle);
    }
}

uint64_t random_below(uint64_t seed, uint64_t stream, uint64_t index, uint64_t n)
{
    return (uint64_t)((unsigned __int128)random_bits(seed, stream, index) * n >> 64);
}

uint64_t random_permute(uint64_t seed, uint64_t stream, uint64_t index, uint64_t n)
{
    int half = 1;
    while (half < 32 && (n - 1) >> (2 * half) != 0)
        half++;
    uint64_t mask = ((uint64_t)1 << half) - 1;
    do {
        uint64_t left = index >> half, right = index & mask;
        for (uint64_t round = 0; round < 4; round++) {
            uint64_t mixed = left ^ (random_bits(seed, stream, right << 2 | round) & mask);
            left = right;
            right = mixed;
        }
        index = left << half | right;
    } while (index >= n);
    return index;
}
