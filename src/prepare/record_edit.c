/* A scan for the members of the outermost object. The record was parsed before, so that brackets match and
 * strings end; still no byte outside of it is looked at. */
#include "llmpi/prepare/record_edit.h"

#include "llmpi/base/json.h"

#include <stdbool.h>
#include <string.h>

/* The end of the string that begins with the quote at `at`. */
static size_t skip_string(const char *record, size_t length, size_t at)
{
    for (at++; at < length && record[at] != '"'; at++)
        at += record[at] == '\\';
    return at < length ? at + 1 : length;
}

static size_t skip_space(const char *record, size_t length, size_t at)
{
    while (at < length && memchr(" \t\r\n", record[at], 4) != NULL)
        at++;
    return at;
}

/* The end of the value at `at`: the comma or bracket that follows it. */
static size_t skip_value(const char *record, size_t length, size_t at)
{
    for (int depth = 0; at < length;) {
        char byte = record[at];
        if (byte == '"') {
            at = skip_string(record, length, at);
            continue;
        }
        if (depth == 0 && (byte == ',' || byte == '}' || byte == ']'))
            return at;
        depth += byte == '{' || byte == '[';
        depth -= byte == '}' || byte == ']';
        at++;
    }
    return at;
}

/* Whether a quoted name, which may have escapes, is `field`. */
static bool is_name(const char *quoted, size_t length, const char *field)
{
    struct json *name = NULL;
    size_t bytes = 0;
    if (memchr(quoted, '\\', length) == NULL)
        return length == strlen(field) + 2 && memcmp(quoted + 1, field, length - 2) == 0;
    bool same = json_parse(quoted, length, &name) == STATUS_OK;
    const char *text = same ? json_get_text(name, &bytes) : NULL;
    same = text != NULL && bytes == strlen(field) && memcmp(text, field, bytes) == 0;
    json_free(name);
    return same;
}

/* The place of the value of the last member with this name. */
static bool find_member(const char *record, size_t length, const char *field, size_t *begin, size_t *end)
{
    bool found = false;
    size_t at = skip_space(record, length, 0) + 1;
    for (;;) {
        at = skip_space(record, length, at);
        if (at >= length || record[at] != '"')
            return found;
        size_t name = at, name_end = skip_string(record, length, at);
        at = skip_space(record, length, skip_space(record, length, name_end) + 1); /* behind the colon */
        size_t value_end = skip_value(record, length, at);
        if (is_name(record + name, name_end - name, field)) {
            *begin = at;
            *end = value_end;
            found = true;
        }
        if (value_end >= length || record[value_end] != ',')
            return found;
        at = value_end + 1;
    }
}

enum status record_replace_text(const char *record, size_t length, const char *field, const char *text,
                                size_t text_length, struct buffer *out)
{
    size_t begin, end;
    if (!find_member(record, length, field, &begin, &end))
        return fail(STATUS_FAILED, "a record has no member \"%s\", expected one with its text", field);
    while (end > begin && memchr(" \t\r\n", record[end - 1], 4) != NULL)
        end--;
    TRY(buffer_append(out, record, begin));
    TRY(json_write_text(out, text, text_length));
    return buffer_append(out, record + end, length - end);
}

enum status record_add_reason(const char *record, size_t length, const char *rule, const char *reason,
                              struct buffer *out)
{
    const char *brace = length > 0 ? memrchr(record, '}', length) : NULL;
    if (brace == NULL)
        return fail(STATUS_FAILED, "a record is no JSON object");
    TRY(buffer_append(out, record, (size_t)(brace - record)));
    TRY(buffer_printf(out, ", \"rejected_by\": "));
    TRY(json_write_text(out, rule, strlen(rule)));
    TRY(buffer_printf(out, ", \"rejected_because\": "));
    TRY(json_write_text(out, reason, strlen(reason)));
    return buffer_append(out, "}", 1);
}
