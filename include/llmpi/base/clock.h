/* Time. */
#ifndef LLMPI_BASE_CLOCK_H
#define LLMPI_BASE_CLOCK_H

/* Seconds of a clock that never goes back (CLOCK_MONOTONIC); only differences mean something. */
double clock_seconds(void);

#endif
