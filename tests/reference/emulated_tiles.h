/* The tile instructions of AMX in plain C, for processors without them. The kernels on tiles, and a test of
 * them, are compiled once more with this header before everything else (tests/CMakeLists.txt), and then run
 * as if there were AMX wherever there is AVX512_BF16: what is tested is their code, not the processor. Every
 * source file has eight tiles for each thread, of 16 rows of 64 bytes (Intel Architecture Instruction Set
 * Extensions Programming Reference, chapter 3). A tile that was not configured ends the program. */
#ifndef LLMPI_TESTS_EMULATED_TILES_H
#define LLMPI_TESTS_EMULATED_TILES_H

#ifdef __x86_64__

#include "llmpi/base/cpu.h"

#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local struct {
    uint32_t words[8][16][16];
    bool configured;
} emulated;

static inline void emulated_load(int tile, const void *base, int64_t stride)
{
    if (!emulated.configured)
        abort();
    for (int row = 0; row < 16; row++)
        memcpy(emulated.words[tile][row], (const char *)base + row * stride, 64);
}

static inline void emulated_store(int tile, void *base, int64_t stride)
{
    if (!emulated.configured)
        abort();
    for (int row = 0; row < 16; row++)
        memcpy((char *)base + row * stride, emulated.words[tile][row], 64);
}

static inline float emulated_float(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Denormal numbers, which count as zero in AMX, do not here; no test tells these apart. */
static inline void emulated_multiply(int sum, int left, int right)
{
    if (!emulated.configured)
        abort();
    for (int row = 0; row < 16; row++) {
        for (int pair = 0; pair < 16; pair++) {
            uint32_t a = emulated.words[left][row][pair];
            for (int column = 0; column < 16; column++) {
                uint32_t b = emulated.words[right][pair][column];
                float c = emulated_float(emulated.words[sum][row][column]);
                c += emulated_float(a << 16) * emulated_float(b << 16);
                c += emulated_float(a & 0xffff0000u) * emulated_float(b & 0xffff0000u);
                memcpy(&emulated.words[sum][row][column], &c, sizeof c);
            }
        }
    }
}

#undef _tile_loadd
#undef _tile_stored
#undef _tile_zero
#undef _tile_dpbf16ps
#undef _tile_loadconfig
#undef _tile_release
#define _tile_loadd(tile, base, stride)  emulated_load(tile, base, stride)
#define _tile_stored(tile, base, stride) emulated_store(tile, base, stride)
#define _tile_zero(tile)                 memset(emulated.words[tile], 0, sizeof emulated.words[tile])
#define _tile_dpbf16ps(sum, left, right) emulated_multiply(sum, left, right)
#define _tile_loadconfig(configuration)  (emulated.configured = (configuration)->palette == 1)
#define _tile_release()                  (emulated.configured = false)
#define cpu_level()                      (cpu_level() >= CPU_AVX512_BF16 ? CPU_AMX : cpu_level())

#endif
#endif
