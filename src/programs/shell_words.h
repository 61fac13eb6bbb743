/* Words for a shell and for lines of a job script. */
#ifndef LLMPI_SRC_PROGRAMS_SHELL_WORDS_H
#define LLMPI_SRC_PROGRAMS_SHELL_WORDS_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/status.h"

/* Appends `text` so that a shell reads it as one word. */
enum status shell_quote(struct buffer *out, const char *text);

/* Appends the path of this program, wherever it was found, as one word. */
enum status shell_quote_program(struct buffer *out);

/* Appends the line by which a job runs in the current folder. */
enum status shell_sbatch_folder(struct buffer *out);

/* Whether `name`, of a file or folder, may stand between double quotes in an #SBATCH line: STATUS_USAGE for
 * quotes, backslashes, line ends and per cent signs. */
enum status shell_check_sbatch(const char *name);

#endif
