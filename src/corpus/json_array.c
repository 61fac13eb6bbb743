/* A file that is one JSON array, element by element: only brackets and strings are looked at to find where an
 * element ends, and only the reader's own elements are parsed. Where elements begin is known from the
 * beginning of the file alone, so every reader walks through all of it. */
#include "llmpi/corpus/formats.h"

#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Moves on by `length` bytes and counts their lines. */
static void move_on(struct reader *reader, size_t length)
{
    const char *text = window_text(&reader->window);
    int64_t lines = 0;
    for (size_t i = 0; i < length; i++)
        lines += text[i] == '\n';
    window_drop(&reader->window, length);
    reader_count_lines(reader, lines);
}

/* Moves on to the next byte that is no white space; '\0' and *over at the end of the file. */
static enum status skip_space(struct reader *reader, char *next, bool *over)
{
    struct window *window = &reader->window;
    for (*next = '\0', *over = false;;) {
        TRY(window_fill(window, 1));
        size_t blank = 0;
        while (blank < window->length && is_space(window_text(window)[blank]))
            blank++;
        move_on(reader, blank);
        if (window->length > 0) {
            *next = window_text(window)[0];
            return STATUS_OK;
        }
        if (window->ended) {
            *over = true;
            return STATUS_OK;
        }
    }
}

enum status json_array_detect(const char *path, bool *is_array)
{
    char text[4096];
    size_t length = 0, at = 0;
    struct stream *stream = NULL;
    TRY(stream_open(path, file_kind_of(path), &stream));
    enum status status = stream_read(stream, text, sizeof text, &length);
    if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        at = 3;
    while (at < length && is_space(text[at]))
        at++;
    *is_array = status == STATUS_OK && at < length && text[at] == '[';
    stream_close(stream);
    return status;
}

struct scan {
    int64_t depth;
    bool string, escaped;
};

/* The end of the element from `at` on: the comma or bracket behind it, or `length` if it goes on. */
static size_t scan_element(struct scan *scan, const char *text, size_t at, size_t length)
{
    for (; at < length; at++) {
        char c = text[at];
        if (scan->escaped)
            scan->escaped = false;
        else if (scan->string && c == '\\')
            scan->escaped = true;
        else if (c == '"')
            scan->string = !scan->string;
        else if (scan->string)
            continue;
        else if (scan->depth == 0 && (c == ',' || c == ']'))
            return at;
        else if (c == '{' || c == '[')
            scan->depth++;
        else if ((c == '}' || c == ']') && scan->depth > 0)
            scan->depth--;
    }
    return length;
}

/* The length of the element at the start of the window; without *closed it is what is left of the file. */
static enum status find_end(struct window *window, size_t *length, bool *closed)
{
    struct scan scan = {0};
    for (size_t searched = 0;;) {
        *length = scan_element(&scan, window_text(window), searched, window->length);
        *closed = *length < window->length;
        if (*closed)
            return STATUS_OK;
        searched = window->length;
        TRY(window_fill(window, searched + 1));
        if (window->length == searched)
            return STATUS_OK;
    }
}

/* A record has no line ends; a parsed element has them outside of its strings only. */
static enum status flatten_record(struct reader *reader, struct document *out)
{
    buffer_clear(&reader->record);
    TRY(buffer_append(&reader->record, out->record, out->record_length));
    for (size_t i = 0; i < reader->record.length; i++)
        if (is_space(reader->record.data[i]))
            reader->record.data[i] = ' ';
    out->record = reader->record.data;
    return STATUS_OK;
}

/* The element of `length` bytes at the start of the window, white space behind it included. */
static enum status take_element(struct reader *reader, size_t length, struct document *out, bool *good)
{
    const char *text = window_text(&reader->window);
    reader->seen++;
    *out = reader_document(reader, reader->window.offset, reader_part_here(reader));
    if (!reader_owns(reader, out->part))
        return STATUS_OK;
    while (length > 0 && is_space(text[length - 1]))
        length--;
    TRY(json_lines_parse(reader, text, length, out, good));
    return *good && reader->corpus->settings.whole_records && out->record != reader->record.data
               ? flatten_record(reader, out)
               : STATUS_OK;
}

/* The array is closed, or the file ends: nothing may follow, and nothing may be missing. One reader, that of
 * the start of the file, tells. */
static enum status finish(struct reader *reader, const char *problem)
{
    bool tells = reader_owns(reader, division_part(&reader->division, reader->corpus, reader->file, 0));
    enum status status = STATUS_OK;
    reader->array.ended = true;
    if (problem != NULL && stream_damage(reader->stream) == NULL &&
        (tells || !reader->corpus->settings.skip_errors))
        status = reader_reject(reader, &reader->report.broken_json, 0, "broken JSON: %s", problem);
    window_finish(&reader->window);
    return status;
}

/* Steps behind the bracket at the beginning. An array may have no elements. */
static enum status begin(struct reader *reader)
{
    char next;
    bool over;
    reader->array.begun = true;
    TRY(skip_space(reader, &next, &over));
    move_on(reader, over ? 0 : 1);
    TRY(skip_space(reader, &next, &over));
    if (over || next != ']')
        return STATUS_OK;
    move_on(reader, 1);
    TRY(skip_space(reader, &next, &over));
    return finish(reader, over ? NULL : "something follows the array");
}

enum status json_array_next(struct reader *reader, struct document *out, bool *found)
{
    *found = false;
    if (!reader->array.begun)
        TRY(begin(reader));
    while (!*found && !reader->array.ended && !reader_reached_limit(reader)) {
        char next;
        bool over, closed;
        size_t length;
        TRY(skip_space(reader, &next, &over));
        TRY(find_end(&reader->window, &length, &closed));
        if (!closed)
            return finish(reader, "the file ends inside the array");
        bool last = window_text(&reader->window)[length] == ']';
        enum status status = take_element(reader, length, out, found);
        move_on(reader, length + 1);
        TRY(status);
        if (!last)
            continue;
        TRY(skip_space(reader, &next, &over));
        TRY(finish(reader, over ? NULL : "something follows the array"));
    }
    return STATUS_OK;
}
