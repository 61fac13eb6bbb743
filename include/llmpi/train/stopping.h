/* Requests to stop early: SIGINT, SIGTERM, SIGUSR1. The handler only takes note; the ranks agree at the next
 * step. */
#ifndef LLMPI_TRAIN_STOPPING_H
#define LLMPI_TRAIN_STOPPING_H

#include <stdbool.h>

/* Installs the handlers. The first signal is a request; a second SIGINT ends the process at once, as without
 * us. */
void stopping_begin(void);

/* True once this process was asked to stop. */
bool stopping_requested(void);

/* "SIGTERM", or "" when nobody asked. */
const char *stopping_reason(void);

#endif
