/* Plain text in pieces. Only the bytes up to the next separator or place to cut are looked at, and where they
 * are depends on the text alone, not on how it was read. Documents of other readers are walked over in the
 * same steps. */
#include "llmpi/corpus/formats.h"

#include "llmpi/base/utf8.h"

#include <math.h>
#include <string.h>

enum { PIECE = 4 << 20 }; /* bytes */

static const char *separator_of(const struct reader *reader)
{
    const char *separator = reader->corpus->settings.document_separator;
    return separator != NULL ? separator : "";
}

static int64_t count_newlines(const char *text, size_t length)
{
    int64_t count = 0;
    for (size_t i = 0; i < length; i++)
        count += text[i] == '\n';
    return count;
}

/* A document begins here unless the file is over: an empty file holds one empty document, and what follows
 * the last separator is no document when it is nothing or the end of a line. */
static enum status begin_document(struct reader *reader)
{
    struct window *window = &reader->window;
    TRY(window_fill(window, 3));
    const char *text = window_text(window);
    bool over = window->length == 0 || (window->length == 1 && text[0] == '\n') ||
                (window->length == 2 && text[0] == '\r' && text[1] == '\n');
    if (over && window->ended &&
        (reader->text.any || window->offset > reader->first || stream_damage(reader->stream) != NULL)) {
        window_drop(window, window->length);
        return STATUS_OK;
    }
    reader->text.open = true;
    reader->text.any = true;
    reader->text.rejected = false;
    reader->text.delivered = 0;
    reader->text.position = reader->window.offset;
    reader->seen++;
    reader->text.part = reader_part_here(reader);
    return STATUS_OK;
}

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* The last place in (from, to] where a piece may end, or 0. text[to] can be read. */
static size_t find_cut(const char *text, size_t from, size_t to)
{
    for (size_t at = to; at > from; at--)
        if ((text[at] == ' ' || text[at] == '\n') && is_word(text[at - 1]))
            return at;
    return 0;
}

/* The next piece of the open document: its length, whether the document ends there, and the length of the
 * separator behind it. A cut leaves room for a separator in front of the window's end, so that none is cut in
 * two. */
static enum status find_piece(struct reader *reader, size_t *length, bool *ends, size_t *behind)
{
    struct window *window = &reader->window;
    const char *separator = separator_of(reader);
    size_t width = strlen(separator);
    for (size_t from = 0, to = PIECE;;) {
        size_t wanted = to + (width > 0 ? width : 1);
        size_t view = window->length < wanted ? window->length : wanted;
        const char *text = window_text(window);
        const char *end = width > 0 && view > 0 ? memmem(text, view, separator, width) : NULL;
        bool all = window->ended && window->length < wanted;
        *ends = end != NULL || all;
        *length = end != NULL ? (size_t)(end - text) : window->length;
        *behind = end != NULL ? width : 0;
        if (*ends)
            return STATUS_OK;
        if (window->length < wanted) {
            TRY(window_fill(window, wanted));
            continue;
        }
        *length = find_cut(text, from, to);
        if (*length > 0)
            return STATUS_OK;
        from = to;
        to *= 2;
    }
}

/* Checks a piece of an own document. *good says whether there is something to deliver. */
static enum status check_piece(struct reader *reader, struct document *piece, bool *good)
{
    *good = false;
    if (reader->text.rejected)
        return STATUS_OK;
    int64_t invalid = utf8_find_invalid(piece->text, piece->length);
    bool cut_off = stream_damage(reader->stream) != NULL && reader->window.ended &&
                   piece->length == reader->window.length;
    if (invalid >= 0 && cut_off && (size_t)invalid + 4 > piece->length) {
        piece->length =
            (size_t)invalid; /* half a character at the end of a damaged file is part of the damage */
        invalid = -1;
        if (piece->length == 0)
            return STATUS_OK;
    }
    if (invalid >= 0) {
        int64_t lines = count_newlines(piece->text, (size_t)invalid);
        reader->text.rejected = true;
        TRY(reader_reject(reader, &reader->report.invalid_utf8, lines,
                          "invalid UTF-8: byte 0x%02X at byte %lld%s", (unsigned char)piece->text[invalid],
                          (long long)(reader->window.offset + invalid),
                          piece->begins ? "" : ", the document is cut there"));
        piece->length = (size_t)invalid; /* what came before is out already and gets an end */
        piece->ends = true;
        *good = !piece->begins;
        return STATUS_OK;
    }
    if (piece->length == 0)
        return reader_reject(reader, &reader->report.empty, 0, "empty document: expected text");
    *good = true;
    return STATUS_OK;
}

enum status reader_make_record(struct reader *reader, struct document *piece)
{
    const char *field = reader->corpus->settings.text_field;
    buffer_clear(&reader->record);
    TRY(buffer_append(&reader->record, "{", 1));
    TRY(json_write_text(&reader->record, field, strlen(field)));
    TRY(buffer_append(&reader->record, ": ", 2));
    TRY(json_write_text(&reader->record, piece->text, piece->length));
    TRY(buffer_append(&reader->record, "}", 1));
    piece->record = reader->record.data;
    piece->record_length = reader->record.length;
    return STATUS_OK;
}

enum status plain_text_next(struct reader *reader, struct document *out, bool *found)
{
    for (*found = false; !*found;) {
        if (!reader->text.open) {
            if (reader_reached_limit(reader))
                return STATUS_OK;
            TRY(reader_find_own(reader, separator_of(reader)));
            TRY(begin_document(reader));
            if (!reader->text.open)
                return STATUS_OK;
        }
        size_t length, behind;
        bool ends;
        TRY(find_piece(reader, &length, &ends, &behind));
        *out = (struct document){.text = window_text(&reader->window),
                                 .length = length,
                                 .begins = reader->text.delivered == 0,
                                 .ends = ends,
                                 .file = reader->file,
                                 .position = reader->text.position,
                                 .part = reader->text.part,
                                 .score = NAN};
        enum status status = STATUS_OK;
        if (reader_owns(reader, out->part))
            status = check_piece(reader, out, found);
        if (*found && reader->corpus->settings.whole_records)
            status = reader_make_record(reader, out);
        reader->text.delivered += *found;
        int64_t lines = reader->walks ? count_newlines(window_text(&reader->window), length + behind) : 0;
        window_drop(&reader->window, length + behind);
        if (reader->walks)
            reader_count_lines(reader, lines);
        reader->text.open = !ends;
        TRY(status);
    }
    return STATUS_OK;
}
