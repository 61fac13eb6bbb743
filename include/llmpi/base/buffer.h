/* A growing run of bytes, used to build text, JSON and file contents. */
#ifndef LLMPI_BASE_BUFFER_H
#define LLMPI_BASE_BUFFER_H

#include "llmpi/base/status.h"

#include <stddef.h>

/* Start with {0}. `data` always has a NUL after `length` bytes once something was appended, NULL before. */
struct buffer {
    char *data;
    size_t length;
    size_t capacity;
};

/* Makes room for `extra` more bytes (and the NUL). Fails only without memory. */
enum status buffer_reserve(struct buffer *buffer, size_t extra);

/* Appends `length` bytes. */
enum status buffer_append(struct buffer *buffer, const void *data, size_t length);

/* Appends formatted text. */
enum status buffer_printf(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Length 0, memory kept. */
void buffer_clear(struct buffer *buffer);

/* Frees the memory; the buffer is {0} again. */
void buffer_free(struct buffer *buffer);

#endif
