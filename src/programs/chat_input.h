/* What the user of `llmpi chat` types, and Ctrl-C. */
#ifndef LLMPI_SRC_PROGRAMS_CHAT_INPUT_H
#define LLMPI_SRC_PROGRAMS_CHAT_INPUT_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/status.h"

#include <stdbool.h>

/* From here on SIGINT is only noted. Once in a process. */
enum status chat_input_begin(void);

/* Whether SIGINT came since it was last asked. */
bool chat_input_interrupted(void);

/* The next line of standard input into `out` (emptied first), without its end. A backslash before the end of
 * a line goes on with the next, behind a newline. On a terminal `prompt` stands before it. *more is false at
 * the end of the input, and after Ctrl-C. `pending` is what was read beyond the line: {0} at the start, then
 * as the last call left it. */
enum status chat_input_read(const char *prompt, struct buffer *pending, struct buffer *out, bool *more);

/* Whether standard input is a terminal. */
bool chat_input_is_terminal(void);

#endif
