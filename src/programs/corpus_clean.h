/* `llmpi corpus clean`, which `llmpi corpus` starts. */
#ifndef LLMPI_PROGRAMS_CORPUS_CLEAN_H
#define LLMPI_PROGRAMS_CORPUS_CLEAN_H

#include "llmpi/base/status.h"

/* Takes what stands behind "clean" on the command line; returns the status of the process. */
enum status corpus_clean(int count, char **arguments);

#endif
