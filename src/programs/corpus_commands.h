/* The subcommands of `llmpi corpus`: arguments without "llmpi corpus NAME", exit status as result. */
#ifndef LLMPI_PROGRAMS_CORPUS_COMMANDS_H
#define LLMPI_PROGRAMS_CORPUS_COMMANDS_H

#include "llmpi/base/status.h"

enum status corpus_generate(int count, char **arguments);
enum status corpus_stats(int count, char **arguments);
enum status corpus_clean(int count, char **arguments);

#endif
