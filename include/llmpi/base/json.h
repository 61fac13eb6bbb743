/* Reading JSON, and writing its strings. The library behind it stays in src/base/json.c. */
#ifndef LLMPI_BASE_JSON_H
#define LLMPI_BASE_JSON_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A JSON value: borrowed from its document except where json_parse made it. */
struct json;

/* Parses one JSON text (RFC 8259; a NUL inside strings as \u0000 is allowed; invalid UTF-8 is an error). The
 * caller frees the document with json_free. The message names the place as "line L column C: ..."; callers
 * put the file in front. Depth is bounded: hostile nesting is an error. */
enum status json_parse(const char *text, size_t length, struct json **out);
void json_free(struct json *document);

/* The same of a whole file; the message has the path in front. */
enum status json_read_file(const char *path, struct json **out);

/* What a value is; KIND_NONE for a NULL pointer (a missing member). */
enum json_kind {
    KIND_NONE,
    KIND_NULL,
    KIND_BOOLEAN,
    KIND_INTEGER,
    KIND_NUMBER,
    KIND_TEXT,
    KIND_ARRAY,
    KIND_OBJECT
};
enum json_kind json_kind(const struct json *value);

/* Member of an object, or NULL when the value is no object or has no such member. */
const struct json *json_get_member(const struct json *object, const char *name);

/* The text of a string in UTF-8 and its length (it may contain NUL), or NULL when the value is NULL or no
 * string. */
const char *json_get_text(const struct json *value, size_t *length);

/* True and *out when the value is an integer (a number, a boolean) of that kind. */
bool json_get_integer(const struct json *value, int64_t *out);
bool json_get_number(const struct json *value, double *out);
bool json_get_boolean(const struct json *value, bool *out);

/* Elements of an array; 0 and NULL for other values and indices out of range. */
int64_t json_get_count(const struct json *array);
const struct json *json_get_element(const struct json *array, int64_t index);

/* Calls `visit` for each member of an object, in any order, until it fails. */
enum status json_each(const struct json *object,
                      enum status (*visit)(void *context, const char *name, size_t length,
                                           const struct json *value),
                      void *context);

/* Appends `text` as a quoted JSON string; control characters, quotes and backslashes are escaped, UTF-8 is
 * kept. Invalid UTF-8 bytes become U+FFFD. */
enum status json_write_text(struct buffer *out, const char *text, size_t length);

/* Appends a number that reads back as the same double; what is not finite, which JSON cannot say, is null. */
enum status json_write_number(struct buffer *out, double number);

#endif
