/* The part of a stream that is in memory: it begins where reading stands and grows as far as one needs to
 * look. */
#ifndef LLMPI_CORPUS_WINDOW_H
#define LLMPI_CORPUS_WINDOW_H

#include "llmpi/corpus/stream.h"

#include <stdbool.h>

/* Start with {0} and set `stream`. window_text(w)[0 .. length) are the bytes at `offset` of the stream. */
struct window {
    struct stream *stream; /* borrowed */
    char *data;
    size_t capacity, begin, length;
    int64_t offset;
    int64_t limit; /* of reading ahead: bytes of the stream from here on are read only where they are asked
                      for, a few KiB at a time */
    bool ended;    /* the stream has no bytes behind the window */
};

/* Makes the window at least `wanted` bytes long, or as long as what is left of the stream. Text that was
 * asked for before moves. Memory: four times the largest `wanted`, at least 1 MiB. */
enum status window_fill(struct window *window, size_t wanted);

const char *window_text(const struct window *window);

/* Moves on by `length` bytes of the window. They stay in memory until the next fill. */
void window_drop(struct window *window, size_t length);

/* Starts on another stream with the same memory. The limit is 0. */
void window_restart(struct window *window, struct stream *stream);

/* Moves on to `offset`, which is not before the window; the stream must be an uncompressed file. */
enum status window_seek(struct window *window, int64_t offset);

/* Ends the window here: no bytes follow. */
void window_finish(struct window *window);

void window_free(struct window *window);

#endif
