/* Bytes move to the front of the buffer only when its end is reached, and the buffer is at least twice as
 * long as what is wanted then: each byte is moved about once, however short the steps are. */
#include "llmpi/corpus/window.h"

#include "llmpi/base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { SMALLEST = 1 << 20, STEP = 1 << 13 };

static enum status make_room(struct window *window, size_t wanted)
{
    if (wanted > SIZE_MAX / 4)
        return fail(STATUS_FAILED, "out of memory: a document of %zu bytes", wanted);
    if (window->begin > 0 && window->length > 0)
        memmove(window->data, window->data + window->begin, window->length);
    window->begin = 0;
    if (wanted <= window->capacity / 2)
        return STATUS_OK;
    size_t capacity = 2 * wanted > SMALLEST ? 2 * wanted : SMALLEST;
    char *data = memory_resize(window->data, (int64_t)capacity, 1, "the text of a corpus");
    if (data == NULL)
        return STATUS_FAILED;
    window->data = data;
    window->capacity = capacity;
    return STATUS_OK;
}

/* Up to the limit as much as there is room for; behind it as much as is there already, so that a long text
 * takes few steps. */
static size_t amount_to_read(const struct window *window, size_t wanted)
{
    size_t room = window->capacity - window->begin - window->length, amount = wanted - window->length;
    int64_t ahead = window->limit - (window->offset + (int64_t)window->length);
    size_t step = window->length > STEP ? window->length : STEP;
    amount = amount > step ? amount : step;
    if (ahead > 0)
        amount = amount > (size_t)ahead ? amount : (size_t)ahead;
    return amount < room ? amount : room;
}

enum status window_fill(struct window *window, size_t wanted)
{
    if (window->length >= wanted || window->ended)
        return STATUS_OK;
    if (window->begin + wanted > window->capacity)
        TRY(make_room(window, wanted));
    size_t used = window->begin + window->length, got = 0, amount = amount_to_read(window, wanted);
    TRY(stream_read(window->stream, window->data + used, amount, &got));
    window->ended = got < amount;
    window->length += got;
    return STATUS_OK;
}

const char *window_text(const struct window *window)
{
    return window->data + window->begin;
}

void window_drop(struct window *window, size_t length)
{
    window->begin += length;
    window->length -= length;
    window->offset += (int64_t)length;
}

void window_restart(struct window *window, struct stream *stream)
{
    *window = (struct window){.stream = stream, .data = window->data, .capacity = window->capacity};
}

enum status window_seek(struct window *window, int64_t offset)
{
    if (offset <= window->offset + (int64_t)window->length) {
        window_drop(window, (size_t)(offset - window->offset));
        return STATUS_OK;
    }
    window->begin = window->length = 0;
    window->offset = offset;
    window->ended = false;
    return stream_seek(window->stream, offset);
}

void window_finish(struct window *window)
{
    window_drop(window, window->length);
    window->ended = true;
}

void window_free(struct window *window)
{
    free(window->data);
    *window = (struct window){0};
}
