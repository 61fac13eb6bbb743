/* The door to jansson. A struct json is a json_t: the cast is the whole wrapper. */
#include "llmpi/base/json.h"

#include "llmpi/base/utf8.h"

#include <jansson.h>
#include <string.h>

static const json_t *inside(const struct json *value)
{
    return (const json_t *)(const void *)value;
}

static const struct json *outside(const json_t *value)
{
    return (const struct json *)(const void *)value;
}

enum status json_parse(const char *text, size_t length, struct json **out)
{
    json_error_t error;
    json_t *value = json_loadb(text, length, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    *out = (struct json *)(void *)value;
    if (value == NULL)
        return fail(STATUS_FAILED, "line %d column %d: %s", error.line, error.column, error.text);
    return STATUS_OK;
}

void json_free(struct json *document)
{
    json_decref((json_t *)(void *)document);
}

enum json_kind json_kind(const struct json *value)
{
    if (value == NULL)
        return KIND_NONE;
    switch (json_typeof(inside(value))) {
    case JSON_OBJECT:
        return KIND_OBJECT;
    case JSON_ARRAY:
        return KIND_ARRAY;
    case JSON_STRING:
        return KIND_TEXT;
    case JSON_INTEGER:
        return KIND_INTEGER;
    case JSON_REAL:
        return KIND_NUMBER;
    case JSON_TRUE:
    case JSON_FALSE:
        return KIND_BOOLEAN;
    default:
        return KIND_NULL;
    }
}

const struct json *json_get_member(const struct json *object, const char *name)
{
    return object == NULL ? NULL : outside(json_object_get(inside(object), name));
}

const char *json_get_text(const struct json *value, size_t *length)
{
    if (json_kind(value) != KIND_TEXT)
        return NULL;
    *length = json_string_length(inside(value));
    return json_string_value(inside(value));
}

bool json_get_integer(const struct json *value, int64_t *out)
{
    if (json_kind(value) != KIND_INTEGER)
        return false;
    *out = json_integer_value(inside(value));
    return true;
}

bool json_get_number(const struct json *value, double *out)
{
    if (json_kind(value) != KIND_INTEGER && json_kind(value) != KIND_NUMBER)
        return false;
    *out = json_number_value(inside(value));
    return true;
}

bool json_get_boolean(const struct json *value, bool *out)
{
    if (json_kind(value) != KIND_BOOLEAN)
        return false;
    *out = json_typeof(inside(value)) == JSON_TRUE;
    return true;
}

int64_t json_get_count(const struct json *array)
{
    return json_kind(array) == KIND_ARRAY ? (int64_t)json_array_size(inside(array)) : 0;
}

const struct json *json_get_element(const struct json *array, int64_t index)
{
    return json_kind(array) == KIND_ARRAY && index >= 0 ? outside(json_array_get(inside(array), (size_t)index)) : NULL;
}

enum status json_each(const struct json *object,
                      enum status (*visit)(void *context, const char *name, size_t length,
                                           const struct json *value),
                      void *context)
{
    json_t *members = (json_t *)(void *)(uintptr_t)(const void *)object; /* iteration changes nothing */
    for (void *at = json_object_iter(members); at != NULL; at = json_object_iter_next(members, at))
        TRY(visit(context, json_object_iter_key(at), strlen(json_object_iter_key(at)),
                  outside(json_object_iter_value(at))));
    return STATUS_OK;
}

enum status json_write_text(struct buffer *out, const char *text, size_t length)
{
    TRY(buffer_append(out, "\"", 1));
    for (size_t at = 0; at < length;) {
        uint32_t character = 0;
        int size = utf8_decode(text + at, length - at, &character);
        if (size == 0)
            TRY(buffer_append(out, "\xEF\xBF\xBD", 3));
        else if (character == '"' || character == '\\')
            TRY(buffer_printf(out, "\\%c", (int)character));
        else if (character == '\n')
            TRY(buffer_append(out, "\\n", 2));
        else if (character < 0x20)
            TRY(buffer_printf(out, "\\u%04x", character));
        else
            TRY(buffer_append(out, text + at, (size_t)size));
        at += size > 0 ? (size_t)size : 1;
    }
    return buffer_append(out, "\"", 1);
}
