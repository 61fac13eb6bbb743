/* The compiler rounds binary16; bfloat16 is rounded by adding to the bits. Any alignment of the file's side.
 */
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

int64_t number_write(enum number number, void *out, const float *in, int64_t n)
{
    char *next = out;
    int64_t overflows = 0;
    if (number == NUMBER_F32) {
        memcpy(out, in, (size_t)n * sizeof *in);
        return 0;
    }
    for (int64_t i = 0; i < n; i++, next += 2) {
        _Float16 half = (_Float16)in[i];
        uint16_t brain = round_bf16(in[i]);
        float back = number == NUMBER_F16 ? (float)half : widen_bf16(brain);
        memcpy(next, number == NUMBER_F16 ? (const void *)&half : (const void *)&brain, 2);
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
        _Float16 half;
        uint16_t brain;
        memcpy(&half, next, 2);
        memcpy(&brain, next, 2);
        out[i] = number == NUMBER_F16 ? (float)half : widen_bf16(brain);
    }
}
