/* What is held back is the longest end of the text that is the beginning of a stop string, and the bytes of a
 * character that is not complete. */
#include "llmpi/train/held_text.h"

#include "llmpi/base/utf8.h"

#include <string.h>

/* How many bytes at the start of `text` are whole characters, or bytes that can be none. */
static size_t whole_characters(const char *text, size_t length)
{
    size_t at = 0;
    while (at < length) {
        uint32_t character = 0;
        int size = utf8_decode(text + at, length - at, &character);
        unsigned char first = (unsigned char)text[at];
        size_t expected = first > 0xF4 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 1;
        if (size == 0 && length - at < expected)
            break; /* the rest may be on its way */
        at += size > 0 ? (size_t)size : 1;
    }
    return at;
}

/* Where the first stop string begins; `length` where there is none. */
static size_t first_stop(const char *text, size_t length, const struct string_list *stops)
{
    size_t first = length;
    for (int64_t i = 0; stops != NULL && i < stops->count; i++) {
        const char *found = memmem(text, length, stops->items[i], strlen(stops->items[i]));
        if (found != NULL && (size_t)(found - text) < first)
            first = (size_t)(found - text);
    }
    return first;
}

/* How many bytes at the end of the text may be the beginning of a stop string. */
static size_t begun(const char *text, size_t length, const struct string_list *stops)
{
    size_t most = 0;
    for (int64_t i = 0; stops != NULL && i < stops->count; i++) {
        size_t size = strlen(stops->items[i]) - 1;
        for (size = size < length ? size : length; size > most; size--)
            if (memcmp(text + length - size, stops->items[i], size) == 0)
                most = size;
    }
    return most;
}

enum status held_text_send(struct buffer *held, const struct string_list *stops, bool last, text_sink sink,
                           void *context, bool *stopped)
{
    size_t ready = first_stop(held->data, held->length, stops);
    *stopped = ready < held->length;
    if (!*stopped && !last)
        ready = whole_characters(held->data, held->length - begun(held->data, held->length, stops));
    if (ready > 0 && sink != NULL)
        TRY(sink(context, held->data, ready));
    held->length -= ready;
    if (held->length > 0 && ready > 0)
        memmove(held->data, held->data + ready, held->length);
    return STATUS_OK;
}
