/* Numbers of either format in vectors of LANES floats, for loops that are written out by hand. Eight, the
 * register of AVX2: what is wider than a register the compiler carries through memory. A vector is passed by
 * address: by value, its size would be a matter of the instruction set. */
#ifndef LLMPI_SRC_KERNELS_LANES_H
#define LLMPI_SRC_KERNELS_LANES_H

#include "element_access.h"

#include <string.h>

enum { LANES = 8, DOT_ROWS = 4 };

typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));
typedef float loose_lanes __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));
typedef uint32_t lane_words __attribute__((vector_size(LANES * sizeof(uint32_t))));
typedef uint32_t loose_words __attribute__((vector_size(LANES * sizeof(uint32_t)), aligned(2), may_alias));
typedef uint16_t loose_halves __attribute__((vector_size(LANES * sizeof(uint16_t)), aligned(2), may_alias));

/* LANES numbers from element i on. */
ELEMENT_LOOP void load_whole(lanes *out, const void *values, enum element element, int64_t i)
{
    if (element == ELEMENT_FP32)
        *out = *(const loose_lanes *)((const float *)values + i);
    else
        *out = (lanes)(__builtin_convertvector(*(const loose_halves *)((const bf16 *)values + i), lane_words)
                       << 16);
}

/* LANES numbers, or `left` if those are fewer and zeros behind them. */
ELEMENT_LOOP void load_lanes(lanes *out, const void *values, enum element element, int64_t i, int64_t left)
{
    float part[LANES] = {0};
    if (left >= LANES) {
        load_whole(out, values, element, i);
        return;
    }
    memcpy(part, element_at_const(values, element, i), (size_t)left * element_size(element));
    load_whole(out, part, element, 0);
}

ELEMENT_LOOP float sum_lanes(const lanes *values)
{
    float sums[LANES / 2];
    for (int i = 0; i < LANES / 2; i++)
        sums[i] = (*values)[i] + (*values)[i + LANES / 2];
    for (int distance = LANES / 4; distance > 0; distance /= 2)
        for (int i = 0; i < distance; i++)
            sums[i] += sums[i + distance];
    return sums[0];
}

/* The first `left` of them, all if those are more. */
ELEMENT_LOOP void store_lanes(float *out, const lanes *values, int64_t left)
{
    if (left >= LANES)
        *(loose_lanes *)out = *values;
    else
        memcpy(out, values, (size_t)left * sizeof *out);
}

/* 2 LANES numbers in an order of their own, the same for both arguments of a product: words of two
 * bfloat16 give their halves without a shuffle. */
ELEMENT_LOOP void load_pair(lanes out[2], const void *values, enum element element, int64_t i)
{
    if (element == ELEMENT_FP32) {
        load_whole(&out[0], values, element, i);
        load_whole(&out[1], values, element, i + LANES);
        return;
    }
    lane_words two = *(const loose_words *)((const bf16 *)values + i);
    out[0] = (lanes)(two << 16);
    out[1] = (lanes)(two & 0xffff0000u);
}

/* Adds the products of 2 LANES numbers of `a` with those of each row. */
ELEMENT_LOOP void add_pair(lanes parts[][2], const void *a, const void *b, enum element element, int64_t i,
                           int64_t stride, int rows)
{
    lanes of_a[2], of_b[2];
    load_pair(of_a, a, element, i);
    for (int row = 0; row < rows; row++) {
        load_pair(of_b, b, element, row * stride + i);
        parts[row][0] += of_a[0] * of_b[0];
        parts[row][1] += of_a[1] * of_b[1];
    }
}

/* The dot products of `a` (n) with `rows` rows of b (at most DOT_ROWS, n). The bits of one do not depend on
 * the others. */
ELEMENT_LOOP void dot_rows(float *sums, const void *a, const void *b, enum element element, int64_t n,
                           int rows)
{
    enum { PAIR = 2 * LANES };
    lanes parts[DOT_ROWS][2] = {{{0}}};
    int64_t whole = n / PAIR * PAIR;
    size_t left = (size_t)(n - whole) * element_size(element);
    for (int64_t i = 0; i < whole; i += PAIR)
        add_pair(parts, a, b, element, i, n, rows);
    if (left > 0) {
        float tail[PAIR] = {0}, of_rows[DOT_ROWS * PAIR] = {0};
        memcpy(tail, element_at_const(a, element, whole), left);
        for (int row = 0; row < rows; row++)
            memcpy(element_at(of_rows, element, row * PAIR), element_at_const(b, element, row * n + whole),
                   left);
        add_pair(parts, tail, of_rows, element, 0, PAIR, rows);
    }
    for (int row = 0; row < rows; row++) {
        lanes both = parts[row][0] + parts[row][1];
        sums[row] = sum_lanes(&both);
    }
}

#endif
