/* Requests to stop early, as they reach this process: signals, the end of its time, a stop file. Here they
 * are only noted. Whoever does long work looks now and then, mostly through comm/requests.h, by which the
 * other ranks hear of it. */
#ifndef LLMPI_BASE_STOPPING_H
#define LLMPI_BASE_STOPPING_H

#include "llmpi/base/status.h"

/* Where ranks know of several, they name the last in this order. */
enum stop_reason {
    STOP_NONE,
    STOP_FILE,
    STOP_MAX_SECONDS,
    STOP_JOB_END,
    STOP_SIGHUP,
    STOP_SIGUSR1,
    STOP_SIGINT,
    STOP_SIGTERM,
    STOP_REASONS
};

/* Installs the handlers of SIGINT, SIGTERM, SIGUSR1 and, unless it is ignored as behind `nohup`, SIGHUP, and
 * starts the clock; forgets earlier requests. To be called before MPI starts: a process without a handler
 * dies of SIGUSR1. A second SIGINT ends the process at once, as without us. */
void stopping_begin(void);

/* Also asked for is, from now on, a stop `max_seconds` after stopping_begin (0: never), and one `margin`
 * seconds before the job ends. When it does, in seconds since 1970, is in the environment variable
 * SLURM_JOB_END_TIME, else LLMPI_DEADLINE; a value that cannot be is a warning and counts for nothing. Of a
 * job that is shorter than twice the margin, half of what is left is used. Only one rank calls this, since
 * clocks differ. */
void stopping_set_limits(double max_seconds, double margin);

/* The end of the job is met that many seconds earlier still: what a save has taken. The longest counts. */
void stopping_reserve(double seconds);

/* A file whose appearance is a request; looked for at most once a second. The path is copied. */
enum status stopping_watch(const char *path);

/* Who has asked; STOP_NONE: nobody yet. Stays the same from then on. Takes much less than a microsecond. */
enum stop_reason stopping_look(void);

/* The request has been obeyed: removes the stop file, if there is one, so that the next start goes on. */
void stopping_obeyed(void);

/* "SIGTERM", "run.max_seconds", "the end of the job", "the stop file"; "" for STOP_NONE. */
const char *stopping_name(enum stop_reason reason);

#endif
