/* Time. */
#ifndef LLMPI_BASE_CLOCK_H
#define LLMPI_BASE_CLOCK_H

/* Seconds of a clock that never goes back (CLOCK_MONOTONIC); only differences mean something. */
double clock_seconds(void);

/* The date and time now in UTC, ISO 8601 ("2026-01-31T12:00:00Z"). Returns `text`. */
const char *clock_iso(char text[32]);

#endif
