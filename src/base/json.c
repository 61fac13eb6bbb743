/* The door to json-c, and the checks that it leaves out. A struct json is a json_object; json-c's null is a
 * NULL pointer, so here null is the address of a constant. Before json-c sees a text, one pass over the bytes
 * refuses what it would take or change silently: lone surrogates (they become U+FFFD), a NUL (it ends the
 * text), control characters in strings, single quotes, NaN, comments. What is left of its mildness: "-01" and
 * "1." are numbers.
 *
 * Why json-c: taking the member "text" out of the 2,800 lines of FineWeb in shared/data (20 MB, one core,
 * best of four) runs at 76 MB/s with jansson 2.14, at 645 MB/s with yajl 2.1 (events only; a tree would be
 * ours to build) and at 689 MB/s with json-c 0.16; json_parse with the checks, which include UTF-8, at 376
 * MB/s. */
#include "llmpi/base/json.h"

#include "llmpi/base/file.h"
#include "llmpi/base/utf8.h"

#include <json-c/json.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { DEEPEST = 512 };                 /* nesting; json_free recurses that deep */
enum { LONGEST = INT_MAX - (1 << 16) }; /* json-c counts bytes in an int */

static const char null_value = 'n';

static struct json_object *inside(const struct json *value)
{
    bool null = value == NULL || (const char *)value == &null_value;
    return null ? NULL : (struct json_object *)(uintptr_t)(const void *)value; /* json-c has few const */
}

static struct json *outside(const struct json_object *value)
{
    const void *pointer = value != NULL ? (const void *)value : &null_value;
    return (struct json *)(uintptr_t)pointer;
}

static enum status fail_at(const char *text, size_t length, size_t at, const char *problem)
{
    size_t line = 1, start = 0;
    for (size_t i = 0; i < at && i < length; i++)
        if (text[i] == '\n') {
            line++;
            start = i + 1;
        }
    char found[16] = "the end";
    unsigned char byte = at < length ? (unsigned char)text[at] : 0;
    if (at < length)
        snprintf(found, sizeof found, byte > 0x20 && byte < 0x7F ? "'%c'" : "byte 0x%02X", byte);
    return fail(STATUS_FAILED, "line %zu column %zu: %s, found %s", line, at - start + 1, problem, found);
}

/* The value of four hexadecimal digits, or -1. */
static int32_t hexadecimal(const char *text, size_t length)
{
    int32_t value = 0;
    for (size_t i = 0; i < 4; i++) {
        char c = i < length ? text[i] : '\0';
        int32_t digit = c >= '0' && c <= '9'                     ? c - '0'
                        : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                                 : -1;
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* Length of the escape at `text` (a backslash), or 0 when it names half a character. Letters are json-c's
 * matter. */
static size_t escape_length(const char *text, size_t length)
{
    if (length < 2 || text[1] != 'u')
        return 2;
    int32_t unit = hexadecimal(text + 2, length - 2);
    if (unit < 0xD800 || unit > 0xDFFF)
        return unit < 0 ? 2 : 6;
    bool pair = unit < 0xDC00 && length >= 12 && text[6] == '\\' && text[7] == 'u';
    int32_t low = pair ? hexadecimal(text + 8, 4) : -1;
    return low >= 0xDC00 && low <= 0xDFFF ? 12 : 0;
}

/* Bytes that end a run of plain bytes in a string, and bytes that occur outside of strings. */
static const bool special[256] = {[0 ... 0x1F] = true, ['"'] = true, ['\\'] = true};
static const bool structure[256] = {
    ['{'] = true, ['}'] = true,  ['['] = true,  [']'] = true,  [':'] = true,
    [','] = true, ['"'] = true,  [' '] = true,  ['+'] = true,  ['-'] = true,
    ['.'] = true, ['\t'] = true, ['\n'] = true, ['\r'] = true, ['E'] = true,
    ['t'] = true, ['r'] = true,  ['u'] = true,  ['e'] = true,  ['f'] = true,
    ['a'] = true, ['l'] = true,  ['s'] = true,  ['n'] = true,  ['0' ... '9'] = true};

/* Checks a string from behind its opening quote; *at ends behind its closing quote, or at the end of the
 * text. */
static enum status check_string(const char *text, size_t length, size_t *at)
{
    for (;;) {
        while (*at < length && !special[(unsigned char)text[*at]])
            (*at)++;
        if (*at >= length)
            return STATUS_OK;
        if (text[*at] == '"') {
            (*at)++;
            return STATUS_OK;
        }
        if (text[*at] != '\\')
            return fail_at(text, length, *at, "a control character in a string, expected it escaped");
        size_t skip = escape_length(text + *at, length - *at);
        if (skip == 0)
            return fail_at(text, length, *at, "half of a surrogate pair, expected a whole character");
        *at += skip;
    }
}

/* The pass before json-c. */
static enum status check(const char *text, size_t length)
{
    int64_t invalid = utf8_find_invalid(text, length);
    if (invalid >= 0)
        return fail_at(text, length, (size_t)invalid, "invalid UTF-8");
    for (size_t at = 0; at < length;) {
        if (!structure[(unsigned char)text[at]])
            return fail_at(text, length, at, "unexpected character");
        if (text[at++] == '"')
            TRY(check_string(text, length, &at));
    }
    return STATUS_OK;
}

enum status json_parse(const char *text, size_t length, struct json **out)
{
    *out = NULL;
    if (length > LONGEST)
        return fail(STATUS_FAILED, "line 1 column 1: %zu bytes of JSON, allowed at most %d", length, LONGEST);
    TRY(check(text, length));
    struct json_tokener *tokener = json_tokener_new_ex(DEEPEST);
    if (tokener == NULL)
        return fail(STATUS_FAILED, "out of memory: a JSON parser");
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
    struct json_object *value = json_tokener_parse_ex(tokener, text, (int)length);
    size_t end = json_tokener_get_parse_end(tokener);
    if (json_tokener_get_error(tokener) ==
        json_tokener_continue) { /* a number may go on: say that it does not */
        value = json_tokener_parse_ex(tokener, "", 1);
        end = length;
    }
    enum json_tokener_error error = json_tokener_get_error(tokener);
    json_tokener_free(tokener);
    if (error != json_tokener_success)
        return fail_at(text, length, end, json_tokener_error_desc(error));
    *out = outside(value);
    return STATUS_OK;
}

enum status json_read_file(const char *path, struct json **out)
{
    struct buffer text = {0};
    *out = NULL;
    enum status status = file_read_text(path, &text);
    if (status == STATUS_OK && json_parse(text.data != NULL ? text.data : "", text.length, out) != STATUS_OK)
        status = fail(STATUS_FAILED, "%s: %s", path, status_message());
    buffer_free(&text);
    return status;
}

void json_free(struct json *document)
{
    json_object_put(inside(document));
}

/* json-c moves integers that do not fit to the ends of its range: those count as numbers. */
static bool fits(struct json_object *integer)
{
    int64_t value = json_object_get_int64(integer);
    return value > INT64_MIN && value < INT64_MAX;
}

enum json_kind json_kind(const struct json *value)
{
    if (value == NULL)
        return KIND_NONE;
    switch (json_object_get_type(inside(value))) {
    case json_type_object:
        return KIND_OBJECT;
    case json_type_array:
        return KIND_ARRAY;
    case json_type_string:
        return KIND_TEXT;
    case json_type_int:
        return fits(inside(value)) ? KIND_INTEGER : KIND_NUMBER;
    case json_type_double:
        return KIND_NUMBER;
    case json_type_boolean:
        return KIND_BOOLEAN;
    case json_type_null:
        break;
    }
    return KIND_NULL;
}

const struct json *json_get_member(const struct json *object, const char *name)
{
    struct json_object *value = NULL;
    bool found = json_kind(object) == KIND_OBJECT && json_object_object_get_ex(inside(object), name, &value);
    return found ? outside(value) : NULL;
}

const char *json_get_text(const struct json *value, size_t *length)
{
    if (json_kind(value) != KIND_TEXT)
        return NULL;
    *length = (size_t)json_object_get_string_len(inside(value));
    return json_object_get_string(inside(value));
}

bool json_get_integer(const struct json *value, int64_t *out)
{
    if (json_kind(value) != KIND_INTEGER)
        return false;
    *out = json_object_get_int64(inside(value));
    return true;
}

bool json_get_number(const struct json *value, double *out)
{
    if (json_kind(value) != KIND_INTEGER && json_kind(value) != KIND_NUMBER)
        return false;
    *out = json_object_get_double(inside(value));
    return true;
}

bool json_get_boolean(const struct json *value, bool *out)
{
    if (json_kind(value) != KIND_BOOLEAN)
        return false;
    *out = json_object_get_boolean(inside(value)) != 0;
    return true;
}

int64_t json_get_count(const struct json *array)
{
    return json_kind(array) == KIND_ARRAY ? (int64_t)json_object_array_length(inside(array)) : 0;
}

const struct json *json_get_element(const struct json *array, int64_t index)
{
    if (index < 0 || index >= json_get_count(array))
        return NULL;
    return outside(json_object_array_get_idx(inside(array), (size_t)index));
}

enum status json_each(const struct json *object,
                      enum status (*visit)(void *context, const char *name, size_t length,
                                           const struct json *value),
                      void *context)
{
    if (json_kind(object) != KIND_OBJECT)
        return STATUS_OK;
    struct json_object_iterator at = json_object_iter_begin(inside(object));
    struct json_object_iterator end = json_object_iter_end(inside(object));
    for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
        const char *name = json_object_iter_peek_name(&at);
        TRY(visit(context, name, strlen(name), outside(json_object_iter_peek_value(&at))));
    }
    return STATUS_OK;
}

/* The escape of a character that cannot stand for itself in a string, or NULL; `text` holds it. */
static const char *escape(char text[8], const char *at, int size)
{
    unsigned char byte = (unsigned char)*at;
    if (size == 0)
        return "\xEF\xBF\xBD";
    if (byte == '\n')
        return "\\n";
    if (byte != '"' && byte != '\\' && byte >= 0x20)
        return NULL;
    snprintf(text, 8, byte < 0x20 ? "\\u%04x" : "\\%c", byte);
    return text;
}

enum status json_write_text(struct buffer *out, const char *text, size_t length)
{
    TRY(buffer_append(out, "\"", 1));
    size_t plain = 0; /* text from here to `at` stands for itself */
    for (size_t at = 0; at < length;) {
        char escaped[8];
        uint32_t character = 0;
        int size = utf8_decode(text + at, length - at, &character);
        const char *replacement = escape(escaped, text + at, size);
        size_t next = at + (size > 0 ? (size_t)size : 1);
        if (replacement != NULL) {
            TRY(buffer_append(out, text + plain, at - plain));
            TRY(buffer_append(out, replacement, strlen(replacement)));
            plain = next;
        }
        at = next;
    }
    TRY(buffer_append(out, text + plain, length - plain));
    return buffer_append(out, "\"", 1);
}

enum status json_write_number(struct buffer *out, double number)
{
    return isfinite(number) ? buffer_printf(out, "%.17g", number) : buffer_append(out, "null", 4);
}
