/* Arithmetic of counts. */
#ifndef LLMPI_BASE_INTEGER_H
#define LLMPI_BASE_INTEGER_H

#include <stdint.h>

static inline int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* How many units hold n things; n >= 0, unit >= 1, and their sum in 64 bits. */
static inline int64_t divide_up(int64_t n, int64_t unit)
{
    return (n + unit - 1) / unit;
}

/* The smallest multiple of the unit that is n or more; as above. */
static inline int64_t round_up(int64_t n, int64_t unit)
{
    return divide_up(n, unit) * unit;
}

#endif
