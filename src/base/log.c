/* Lines to standard error, and one progress line that is redrawn on a terminal. Whoever prints holds stderr's
 * lock, as several threads may. */
#include "llmpi/base/log.h"

#include "llmpi/base/clock.h"

#include <math.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int log_rank = 0, log_size = 1;
static bool silent = false;
static atomic_bool line_open = false; /* a progress line stands on the terminal; threads also log */

void log_set_rank(int rank, int size)
{
    log_rank = rank;
    log_size = size;
}

void log_silence(void)
{
    silent = true;
}

/* Whether this rank prints what only one of them says. */
static bool speaks(void)
{
    return log_rank == 0 && !silent;
}

/* One that understands control sequences: `dumb` is the name of those that show them as they are. */
static bool on_terminal(void)
{
    const char *kind = getenv("TERM");
    return isatty(STDERR_FILENO) != 0 && (kind == NULL || strcmp(kind, "dumb") != 0);
}

bool log_colours(void)
{
    const char *no_color = getenv("NO_COLOR");
    return on_terminal() && (no_color == NULL || no_color[0] == '\0');
}

static void wipe_line(void)
{
    if (line_open)
        fputs("\r\033[K", stderr);
    line_open = false;
}

void log_info(const char *format, ...)
{
    if (!speaks())
        return;
    va_list arguments;
    flockfile(stderr);
    wipe_line();
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    funlockfile(stderr);
}

/* One write per line, so that lines of several ranks do not mix. */
static void labelled(const char *colour, const char *label, const char *rank, const char *format,
                     va_list arguments)
{
    char text[4608];
    vsnprintf(text, sizeof text, format, arguments);
    bool coloured = log_colours();
    flockfile(stderr);
    wipe_line();
    fprintf(stderr, "%sllmpi: %s:%s %s%s\n", coloured ? colour : "", label, coloured ? "\033[0m" : "", rank,
            text);
    funlockfile(stderr);
}

void log_warning(const char *format, ...)
{
    if (silent)
        return;
    char rank[32] = "";
    if (log_size > 1)
        snprintf(rank, sizeof rank, "rank %d: ", log_rank);
    va_list arguments;
    va_start(arguments, format);
    labelled("\033[33m", "warning", rank, format, arguments);
    va_end(arguments);
}

void log_error(const char *format, ...)
{
    if (!speaks())
        return;
    va_list arguments;
    va_start(arguments, format);
    labelled("\033[31m", "error", "", format, arguments);
    va_end(arguments);
}

const char *log_count(char text[16], double number)
{
    static const char prefix[] = " kMGTP";
    int i = 0;
    while (fabs(number) >= 999.5 && prefix[i + 1] != '\0') {
        number /= 1000;
        i++;
    }
    if (i == 0)
        snprintf(text, 16, "%.4g", number);
    else
        snprintf(text, 16, "%.3g %c", number, prefix[i]);
    return text;
}

const char *log_bytes(char text[16], double bytes)
{
    static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    int i = 0;
    while (bytes >= 1023.5 && i < 5) {
        bytes /= 1024;
        i++;
    }
    snprintf(text, 16, i == 0 ? "%.0f %s" : bytes < 9.995 ? "%.2f %s" : "%.1f %s", bytes, unit[i]);
    return text;
}

const char *log_duration(char text[32], double seconds)
{
    if (seconds < 60)
        snprintf(text, 32, "%.1f s", seconds);
    else if (seconds < 3600)
        snprintf(text, 32, "%d min %02d s", (int)seconds / 60, (int)seconds % 60);
    else
        snprintf(text, 32, "%.0f h %02d min", floor(seconds / 3600), (int)fmod(seconds / 60, 60));
    return text;
}

static const char *amount(char text[16], double value, const char *unit)
{
    return strcmp(unit, "bytes") == 0 ? log_bytes(text, value) : log_count(text, value);
}

static void print_progress(struct progress *progress, double done, const char *note, double now)
{
    char now_text[16], total_text[16], rate_text[16], left[32];
    double seconds = now - progress->started, rate = seconds > 0 ? done / seconds : 0;
    const char *unit = strcmp(progress->unit, "bytes") == 0 ? "" : progress->unit;
    flockfile(stderr);
    wipe_line();
    fprintf(stderr, "%s: %s", progress->label, amount(now_text, done, progress->unit));
    if (progress->total > 0)
        fprintf(stderr, " of %s", amount(total_text, progress->total, progress->unit));
    fprintf(stderr, " %s%s%s/s", unit, *unit ? ", " : "", amount(rate_text, rate, progress->unit));
    if (progress->total > 0 && rate > 0 && done < progress->total)
        fprintf(stderr, ", %s left", log_duration(left, (progress->total - done) / rate));
    if (note != NULL)
        fprintf(stderr, ", %s", note);
    if (on_terminal())
        line_open = true;
    else
        fputc('\n', stderr);
    fflush(stderr);
    funlockfile(stderr);
    progress->printed = now;
    progress->drawn = true;
}

void progress_begin(struct progress *progress, const char *label, double total, const char *unit)
{
    double now = clock_seconds();
    *progress =
        (struct progress){.label = label, .unit = unit, .total = total, .started = now, .printed = now};
}

void progress_update(struct progress *progress, double done, const char *note)
{
    if (!speaks())
        return;
    double now = clock_seconds();
    if (now - progress->printed >= (on_terminal() ? 0.2 : 60.0))
        print_progress(progress, done, note, now);
}

void progress_end(struct progress *progress, double done)
{
    if (!speaks())
        return;
    if (progress->drawn && !on_terminal())
        print_progress(progress, done, NULL, clock_seconds());
    flockfile(stderr);
    wipe_line();
    funlockfile(stderr);
}
