/* Time. */
#ifndef LLMPI_BASE_CLOCK_H
#define LLMPI_BASE_CLOCK_H

/* Seconds of a clock that never goes back (CLOCK_MONOTONIC); only differences mean something. */
double clock_seconds(void);

/* The same, but it also goes on while the machine sleeps (CLOCK_BOOTTIME), where the system has such a clock.
 */
double clock_seconds_asleep(void);

#endif
