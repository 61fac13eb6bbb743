/* Text that comes in pieces and is passed on: whole characters only, and nothing that may turn out to be the
 * beginning of a stop string. */
#ifndef LLMPI_TRAIN_HELD_TEXT_H
#define LLMPI_TRAIN_HELD_TEXT_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/status.h"
#include "llmpi/base/string_list.h"

#include <stdbool.h>
#include <stddef.h>

/* Receives text: whole UTF-8 characters except at the very end. */
typedef enum status (*text_sink)(void *context, const char *text, size_t length);

/* Sends what is ready of `held`, to which the caller has appended, and keeps the rest. Once one of `stops`
 * (none of them empty; NULL: none) is complete, sends what stands before the first and sets *stopped. `last`:
 * nothing more will come, so nothing is kept. */
enum status held_text_send(struct buffer *held, const struct string_list *stops, bool last, text_sink sink,
                           void *context, bool *stopped);

#endif
