/* The help of a command: usage, flags, and for commands with a CONFIG all options. */
#ifndef LLMPI_PROGRAMS_HELP_H
#define LLMPI_PROGRAMS_HELP_H

#include "llmpi/programs/arguments.h"

/* Prints to standard output. `common` are the flags that every command has. */
enum status help_print(const struct command *command, const struct flag *common, int common_count);

#endif
