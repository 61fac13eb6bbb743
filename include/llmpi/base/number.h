/* Formats of numbers in files that other programs read and write. */
#ifndef LLMPI_BASE_NUMBER_H
#define LLMPI_BASE_NUMBER_H

#include "llmpi/base/status.h"

#include <stddef.h>
#include <stdint.h>

/* IEEE 754 binary32 and binary16, and the upper half of binary32; little-endian. */
enum number { NUMBER_F32, NUMBER_F16, NUMBER_BF16, NUMBERS };

size_t number_size(enum number number);

/* "f32", "f16", "bf16". */
const char *number_name(enum number number);

/* The format of that name; STATUS_USAGE for any other. */
enum status number_find(const char *name, enum number *out);

/* n numbers into and out of a format, rounded to nearest, ties to even. number_write returns how many finite
 * ones became infinite, being too large for the format. */
int64_t number_write(enum number number, void *out, const float *in, int64_t n);
void number_read(enum number number, float *out, const void *in, int64_t n);

/* The whole number in so many bytes, at most 8, little-endian. */
uint64_t number_decode(const char *bytes, int count);

/* Writes a whole number as so many bytes, at most 8, little-endian; higher bytes are left out. */
void number_encode(uint64_t number, char *bytes, int count);

#endif
