/* What the values of a GGUF file hold; gguf_open has checked that their bytes are there. */
#include "llmpi/storage/gguf_reader.h"

#include <string.h>

static const struct {
    const char *name;
    int bytes;
} types[GGUF_TYPES] = {
    [GGUF_UINT8] = {"uint8", 1},     [GGUF_INT8] = {"int8", 1},       [GGUF_UINT16] = {"uint16", 2},
    [GGUF_INT16] = {"int16", 2},     [GGUF_UINT32] = {"uint32", 4},   [GGUF_INT32] = {"int32", 4},
    [GGUF_FLOAT32] = {"float32", 4}, [GGUF_BOOLEAN] = {"boolean", 1}, [GGUF_TEXT] = {"text", 8},
    [GGUF_ARRAY] = {"array", 12},    [GGUF_UINT64] = {"uint64", 8},   [GGUF_INT64] = {"int64", 8},
    [GGUF_FLOAT64] = {"float64", 8}};

const char *gguf_type_name(enum gguf_type type)
{
    return types[type].name;
}

int gguf_type_size(enum gguf_type type)
{
    return types[type].bytes;
}

bool gguf_get_integer(const struct gguf_value *value, int64_t *out)
{
    if (value == NULL || value->type == GGUF_FLOAT32 || value->type == GGUF_FLOAT64 ||
        value->type == GGUF_BOOLEAN || value->type == GGUF_TEXT || value->type == GGUF_ARRAY)
        return false;
    uint64_t bits = number_decode(value->bytes, types[value->type].bytes);
    if (value->type == GGUF_UINT64 && bits > INT64_MAX)
        return false;
    *out = value->type == GGUF_INT8    ? (int8_t)bits
           : value->type == GGUF_INT16 ? (int16_t)bits
           : value->type == GGUF_INT32 ? (int32_t)bits
                                       : (int64_t)bits;
    return true;
}

bool gguf_get_number(const struct gguf_value *value, double *out)
{
    if (value == NULL || (value->type != GGUF_FLOAT32 && value->type != GGUF_FLOAT64))
        return false;
    uint64_t bits = number_decode(value->bytes, types[value->type].bytes);
    if (value->type == GGUF_FLOAT32) {
        uint32_t half = (uint32_t)bits;
        float number;
        memcpy(&number, &half, sizeof number);
        *out = (double)number;
    } else {
        memcpy(out, &bits, sizeof *out);
    }
    return true;
}

bool gguf_get_boolean(const struct gguf_value *value, bool *out)
{
    if (value == NULL || value->type != GGUF_BOOLEAN)
        return false;
    *out = *value->bytes != 0;
    return true;
}

const char *gguf_get_text(const struct gguf_value *value, size_t *length)
{
    if (value == NULL || value->type != GGUF_TEXT)
        return NULL;
    *length = (size_t)number_decode(value->bytes, 8);
    return value->bytes + 8;
}

bool gguf_next(const struct gguf_value *array, struct gguf_value *element)
{
    if (array == NULL || array->type != GGUF_ARRAY || element->count >= array->count)
        return false;
    if (element->count == 0) {
        *element = (struct gguf_value){.type = array->element, .bytes = array->bytes};
    } else {
        size_t length = 0;
        gguf_get_text(element, &length);
        element->bytes += (size_t)types[element->type].bytes + length;
    }
    element->count++;
    return true;
}
