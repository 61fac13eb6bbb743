/* Signal handlers that set one flag, and two points in time. Handlers have no arguments of ours, so that all
 * of this is of the process. */
#include "llmpi/base/stopping.h"

#include "llmpi/base/clock.h"
#include "llmpi/base/file.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FILE_SECONDS 1                           /* between two looks for the stop file */
#define FAR_SECONDS  (10 * 365.0 * 24 * 60 * 60) /* no job is that long */

static volatile sig_atomic_t received = 0;
static bool on_terminal = false;
static enum stop_reason known = STOP_NONE;
static double started = 0;             /* clock_seconds() at stopping_begin */
static double time_limit = INFINITY;   /* clock_seconds() at which run.max_seconds are over */
static double job_end = INFINITY;      /* seconds since 1970 at which to stop, the margin subtracted */
static double reserve = 0;             /* seconds for a save */
static double file_looked = -INFINITY; /* clock_seconds() of the last look for the file */
static char *file = NULL;

/* --- signals --- */

static void take_note(int number)
{
    static const char hint[] = "\nstopping as soon as possible; Ctrl-C again ends at once\n";
    int before = errno;
    if (received == 0)
        received = number;
    if (number == SIGINT) {
        signal(SIGINT, SIG_DFL); /* the second Ctrl-C is meant */
        if (on_terminal && write(STDERR_FILENO, hint, sizeof hint - 1) < 0)
            on_terminal = false;
    }
    errno = before;
}

void stopping_begin(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGUSR1};
    struct sigaction action = {.sa_handler = take_note, .sa_flags = SA_RESTART}, old;
    received = 0;
    known = STOP_NONE;
    started = clock_seconds();
    time_limit = job_end = INFINITY;
    reserve = 0;
    file_looked = -INFINITY;
    free(file);
    file = NULL;
    on_terminal = isatty(STDERR_FILENO) != 0;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
    if (sigaction(SIGHUP, NULL, &old) == 0 && old.sa_handler != SIG_IGN) /* nohup's wish */
        sigaction(SIGHUP, &action, NULL);
}

/* --- limits --- */

static double seconds_since_1970(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* The end of the job by an environment variable, or INFINITY, after a warning where it says something else.
 */
static double read_end(const char *variable)
{
    const char *text = getenv(variable);
    if (text == NULL)
        return INFINITY;
    double now = seconds_since_1970();
    bool digits = text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
    double end = digits ? strtod(text, NULL) : 0;
    if (digits && end > now && end < now + FAR_SECONDS)
        return end;
    log_warning("%s is '%s', %s seconds since 1970 (now %.0f); when the job ends is not taken from it",
                variable, text, digits && end <= now ? "which has passed; expected" : "expected", now);
    return INFINITY;
}

void stopping_set_limits(double max_seconds, double margin)
{
    static const char *const variables[] = {"SLURM_JOB_END_TIME", "LLMPI_DEADLINE"};
    char left_text[32], margin_text[32];
    if (max_seconds > 0)
        time_limit = started + max_seconds;
    for (size_t i = 0; i < sizeof variables / sizeof *variables && isinf(job_end); i++) {
        double end = read_end(variables[i]), left = end - seconds_since_1970();
        if (isinf(end))
            continue;
        double before = margin < left / 2 ? margin : left / 2;
        job_end = end - before;
        log_info("the job ends in %s (%s): stopping %s before", log_duration(left_text, left), variables[i],
                 log_duration(margin_text, before));
    }
}

void stopping_reserve(double seconds)
{
    reserve = seconds > reserve ? seconds : reserve;
}

enum status stopping_watch(const char *path)
{
    char *copy = memory_copy_text(path, strlen(path));
    if (copy == NULL)
        return STATUS_FAILED;
    free(file);
    file = copy;
    return STATUS_OK;
}

/* --- looking --- */

static enum stop_reason reason_of(int number)
{
    switch (number) {
    case SIGINT:
        return STOP_SIGINT;
    case SIGTERM:
        return STOP_SIGTERM;
    case SIGHUP:
        return STOP_SIGHUP;
    default:
        return STOP_SIGUSR1;
    }
}

static enum stop_reason look(void)
{
    double now = clock_seconds();
    if (received != 0)
        return reason_of(received);
    if (now >= time_limit)
        return STOP_MAX_SECONDS;
    if (!isinf(job_end) && seconds_since_1970() >= job_end - reserve)
        return STOP_JOB_END;
    if (file != NULL && now - file_looked >= FILE_SECONDS) {
        file_looked = now;
        return file_exists(file) ? STOP_FILE : STOP_NONE;
    }
    return STOP_NONE;
}

enum stop_reason stopping_look(void)
{
    if (known == STOP_NONE)
        known = look();
    return known;
}

void stopping_obeyed(void)
{
    if (file != NULL && unlink(file) != 0 && errno != ENOENT)
        log_warning("cannot remove the stop file %s, for which the next start stops too: %s", file,
                    strerror(errno));
}

const char *stopping_name(enum stop_reason reason)
{
    static const char *const names[STOP_REASONS] = {[STOP_NONE] = "",
                                                    [STOP_FILE] = "the stop file",
                                                    [STOP_MAX_SECONDS] = "run.max_seconds",
                                                    [STOP_JOB_END] = "the end of the job",
                                                    [STOP_SIGHUP] = "SIGHUP",
                                                    [STOP_SIGUSR1] = "SIGUSR1",
                                                    [STOP_SIGINT] = "SIGINT",
                                                    [STOP_SIGTERM] = "SIGTERM"};
    return names[reason];
}
