/* From own segment to own segment of a file. A document belongs to the segment in which it begins, and begins
 * at the start of the file or behind a separator. To enter a file at byte b, reading starts one separator
 * before b: if that is one, a document begins exactly at b; else the search goes on to the next separator, at
 * most to the end of the run of own segments. So a reader reads its segments, and the rest of the last
 * document in each run, and nothing else. */
#include "llmpi/corpus/formats.h"

#include <string.h>

bool reader_find_run(const struct reader *reader, int64_t position, int64_t *begin, int64_t *end)
{
    const int64_t *starts = reader->corpus->starts, start = starts[reader->file],
                  parts = reader->division.parts;
    int64_t size = starts[reader->file + 1] - start, segment = reader->division.segment;
    if (position >= size)
        return false;
    for (int64_t index = (start + position) / segment; index * segment < start + size; index++) {
        if (!reader_owns(reader, index % parts))
            continue;
        *begin = index * segment - start > position ? index * segment - start : position;
        while (reader_owns(reader, ++index % parts) && index * segment < start + size)
            continue;
        *end = index * segment - start < size ? index * segment - start : size;
        return true;
    }
    return false;
}

/* Moves on behind the next separator, or to a place from which no document begins before `end`. */
static enum status skip_separator(struct window *window, const char *separator, size_t width, int64_t end,
                                  bool *found)
{
    for (*found = false; window->offset < end;) {
        TRY(window_fill(window, width));
        const char *text = window_text(window);
        const char *at = window->length > 0 ? memmem(text, window->length, separator, width) : NULL;
        *found = at != NULL;
        if (*found)
            window_drop(window, (size_t)(at - text) + width);
        else if (window->length >= width)
            window_drop(window, window->length - (width - 1));
        if (*found || window->ended)
            return STATUS_OK;
    }
    return STATUS_OK;
}

enum status reader_find_own(struct reader *reader, const char *separator)
{
    struct window *window = &reader->window;
    if (reader->walks || window->offset < window->limit)
        return STATUS_OK;
    int64_t width = (int64_t)strlen(separator), from = window->offset, begin = 0, end = 0;
    bool starts_here = true; /* a document */
    while (reader_find_run(reader, from, &begin, &end)) {
        if (!starts_here || begin > window->offset) {
            if (begin - width > window->offset)
                TRY(window_seek(window, begin - width));
            window->limit = end;
            TRY(skip_separator(window, separator, (size_t)width, end, &starts_here));
        }
        window->limit = end;
        if (starts_here && window->offset < end)
            return STATUS_OK;
        from = window->offset > end ? window->offset : end;
    }
    window_finish(window);
    return STATUS_OK;
}
