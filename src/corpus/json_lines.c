/* JSON lines (https://jsonlines.org): every line that is not blank is a document. All lines are found, so
 * that numbers are right; only the reader's own are parsed, and so only its own errors are seen. */
#include "llmpi/corpus/formats.h"

#include "llmpi/base/utf8.h"

#include <string.h>

/* The length of the line at the start of the window; without *newline it is what is left of the file. */
static enum status find_line(struct window *window, size_t *length, bool *newline)
{
    for (size_t searched = 0;;) {
        const char *text = window_text(window);
        const char *end =
            window->length > searched ? memchr(text + searched, '\n', window->length - searched) : NULL;
        *newline = end != NULL;
        *length = end != NULL ? (size_t)(end - text) : window->length;
        if (end != NULL)
            return STATUS_OK;
        searched = window->length;
        TRY(window_fill(window, searched + 1));
        if (window->length == searched)
            return STATUS_OK;
    }
}

static bool is_blank(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] != ' ' && text[i] != '\t' && text[i] != '\r')
            return false;
    return true;
}

static const char *name_of(enum json_kind kind)
{
    static const char *const names[] = {
        [KIND_NONE] = "nothing",     [KIND_NULL] = "null",       [KIND_BOOLEAN] = "a boolean",
        [KIND_INTEGER] = "a number", [KIND_NUMBER] = "a number", [KIND_TEXT] = "a string",
        [KIND_ARRAY] = "an array",   [KIND_OBJECT] = "an object"};
    return names[kind];
}

/* The names of the first members of an object, for a message. */
struct name_list {
    struct buffer text;
    int count;
};

static enum status list_member(void *context, const char *name, size_t length, const struct json *value)
{
    (void)value;
    enum { MOST = 6, LONGEST = 40 };
    struct name_list *list = context;
    if (list->count++ > MOST)
        return STATUS_OK;
    if (list->count > 1)
        TRY(buffer_append(&list->text, ", ", 2));
    if (list->count > MOST)
        return buffer_append(&list->text, "...", 3);
    return json_write_text(&list->text, name, length < LONGEST ? length : LONGEST);
}

/* The line is an object without the text. */
static enum status reject_member(struct reader *reader, const struct json *line)
{
    const char *field = reader->corpus->settings.text_field;
    enum json_kind kind = json_kind(json_get_member(line, field));
    int64_t *count = &reader->report.missing_field;
    if (kind != KIND_NONE)
        return reader_reject(reader, count, 0, "member \"%s\" is %s, expected a string", field,
                             name_of(kind));
    struct name_list names = {0};
    enum status status = json_each(line, list_member, &names);
    if (status == STATUS_OK)
        status = reader_reject(reader, count, 0, "no member \"%s\", found %s", field,
                               names.count > 0 ? names.text.data : "an empty object");
    buffer_free(&names.text);
    return status;
}

static const char *expected_in(const struct reader *reader)
{
    bool array = reader->corpus->is_array[reader->file];
    return array ? "an object or a string as each element" : "an object on each line";
}

/* An element of an array that is the text itself. */
static enum status take_string(struct reader *reader, struct document *out, bool *good)
{
    out->text = json_get_text(reader->json, &out->length);
    if (out->length == 0)
        return reader_reject(reader, &reader->report.empty, 0, "empty document: the element has no text");
    *good = true;
    return reader->corpus->settings.whole_records ? reader_make_record(reader, out) : STATUS_OK;
}

/* Takes the text out of a parsed line. */
static enum status take_text(struct reader *reader, struct document *out, bool *good)
{
    const struct json *line = reader->json;
    if (json_kind(line) == KIND_TEXT && reader->corpus->is_array[reader->file] &&
        reader->corpus->settings.text_field != NULL)
        return take_string(reader, out, good);
    if (json_kind(line) != KIND_OBJECT)
        return reader_reject(reader, &reader->report.broken_json, 0, "broken JSON: found %s, expected %s",
                             name_of(json_kind(line)), expected_in(reader));
    const char *field = reader->corpus->settings.text_field;
    if (field == NULL) {
        out->text = out->record;
        out->length = out->record_length;
        *good = true;
        return STATUS_OK;
    }
    out->text = json_get_text(json_get_member(line, field), &out->length);
    if (out->text == NULL)
        return reject_member(reader, line);
    if (out->length == 0)
        return reader_reject(reader, &reader->report.empty, 0, "empty document: member \"%s\" has no text",
                             field);
    if (reader->corpus->settings.score_field != NULL)
        json_get_number(json_get_member(line, reader->corpus->settings.score_field), &out->score);
    *good = true;
    return STATUS_OK;
}

/* The line without what may be around a JSON text. */
static void take_record(const char *text, size_t length, struct document *out)
{
    while (length > 0 && is_blank(text, 1)) {
        text++;
        length--;
    }
    while (length > 0 && is_blank(text + length - 1, 1))
        length--;
    out->record = text;
    out->record_length = length;
}

enum status json_lines_parse(struct reader *reader, const char *text, size_t length, struct document *out,
                             bool *good)
{
    *good = false;
    int64_t invalid = utf8_find_invalid(text, length);
    if (invalid >= 0)
        return reader_reject(reader, &reader->report.invalid_utf8, 0,
                             "invalid UTF-8: byte 0x%02X at column %lld of the %s",
                             (unsigned char)text[invalid], (long long)invalid + 1,
                             reader->corpus->is_array[reader->file] ? "element" : "line");
    json_free(reader->json);
    if (json_parse(text, length, &reader->json) != STATUS_OK) {
        const char *message = status_message(), *prefix = "line 1 "; /* of one line */
        if (strncmp(message, prefix, strlen(prefix)) == 0)
            message += strlen(prefix);
        return reader_reject(reader, &reader->report.broken_json, 0, "broken JSON: %s, expected %s", message,
                             expected_in(reader));
    }
    if (reader->corpus->settings.whole_records)
        take_record(text, length, out);
    return take_text(reader, out, good);
}

enum status json_lines_next(struct reader *reader, struct document *out, bool *found)
{
    for (*found = false; !*found && !reader_reached_limit(reader);) {
        size_t length;
        bool newline;
        TRY(reader_find_own(reader, "\n"));
        TRY(find_line(&reader->window, &length, &newline));
        if (!newline && (length == 0 || stream_damage(reader->stream) != NULL)) {
            window_drop(&reader->window, length); /* a line that was cut off is not judged */
            return STATUS_OK;
        }
        const char *text = window_text(&reader->window);
        enum status status = STATUS_OK;
        if (!is_blank(text, length)) {
            reader->seen++;
            *out = reader_document(reader, reader->window.offset, reader_part_here(reader));
            if (reader_owns(reader, out->part))
                status = json_lines_parse(reader, text, length, out, found);
        }
        window_drop(&reader->window, length + newline);
        if (reader->walks)
            reader_count_lines(reader, 1);
        TRY(status);
    }
    return STATUS_OK;
}
