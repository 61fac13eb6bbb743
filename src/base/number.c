/* Both 16-bit formats are rounded by adding to the bits: not every compiler has a type of binary16 for a
 * portable x86 program. Any alignment of the file's side. */
#include "llmpi/base/number.h"

#include <math.h>
#include <string.h>

static const char *const names[NUMBERS] = {"f32", "f16", "bf16"};

size_t number_size(enum number number)
{
    return number == NUMBER_F32 ? 4 : 2;
}

const char *number_name(enum number number)
{
    return names[number];
}

enum status number_find(const char *name, enum number *out)
{
    for (int i = 0; i < NUMBERS; i++)
        if (strcmp(names[i], name) == 0) {
            *out = (enum number)i;
            return STATUS_OK;
        }
    return fail(STATUS_USAGE, "--type is '%.40s', allowed are f32, f16 and bf16", name);
}

/* NaN stays one. */
static uint16_t round_bf16(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (isnan(value))
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static float widen_bf16(uint16_t bits)
{
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

/* binary16 (IEEE 754): 5 bits of exponent with a bias of 15, 10 bits of fraction. 65520 lies half-way between
 * the largest number and the next power of two. */
static uint16_t round_f16(float value)
{
    uint32_t bits;
    float size = fabsf(value);
    memcpy(&bits, &size, sizeof bits);
    uint16_t sign = signbit(value) ? 0x8000 : 0;
    if (isnan(value))
        return sign | 0x7e00;
    if (size >= 65520.0f)
        return sign | 0x7c00;
    if (size < 0x1p-14f) /* subnormal: whole multiples of 2^-24 */
        return sign | (uint16_t)nearbyintf(size * 0x1p24f);
    return sign | (uint16_t)((bits - (112u << 23) + 0xfff + (bits >> 13 & 1)) >> 13);
}

static float widen_f16(uint16_t bits)
{
    uint32_t size = bits & 0x7fff, wide = (size << 13) + (112u << 23);
    float value;
    if (size >= 0x7c00)
        value = size == 0x7c00 ? INFINITY : NAN;
    else if (size < 0x0400)
        value = (float)size * 0x1p-24f;
    else
        memcpy(&value, &wide, sizeof value);
    return bits & 0x8000 ? -value : value;
}

int64_t number_write(enum number number, void *out, const float *in, int64_t n)
{
    char *next = out;
    int64_t overflows = 0;
    if (number == NUMBER_F32) {
        memcpy(out, in, (size_t)n * sizeof *in);
        return 0;
    }
    for (int64_t i = 0; i < n; i++, next += 2) {
        uint16_t bits = number == NUMBER_F16 ? round_f16(in[i]) : round_bf16(in[i]);
        float back = number == NUMBER_F16 ? widen_f16(bits) : widen_bf16(bits);
        memcpy(next, &bits, 2);
        overflows += isinf(back) && !isinf(in[i]);
    }
    return overflows;
}

void number_read(enum number number, float *out, const void *in, int64_t n)
{
    const char *next = in;
    if (number == NUMBER_F32) {
        memcpy(out, in, (size_t)n * sizeof *out);
        return;
    }
    for (int64_t i = 0; i < n; i++, next += 2) {
        uint16_t bits;
        memcpy(&bits, next, 2);
        out[i] = number == NUMBER_F16 ? widen_f16(bits) : widen_bf16(bits);
    }
}

uint64_t number_decode(const char *bytes, int count)
{
    uint64_t value = 0;
    for (int i = count - 1; i >= 0; i--)
        value = value << 8 | (unsigned char)bytes[i];
    return value;
}

void number_encode(uint64_t number, char *bytes, int count)
{
    for (int i = 0; i < count; i++)
        bytes[i] = (char)(number >> 8 * i & 0xff);
}
