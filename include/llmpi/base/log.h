/* What the program tells its user while it works. Everything here goes to standard error, so that standard
 * output carries results only (generated text, ids, tables, JSON).
 *
 * On a terminal a progress line is redrawn in place; in a log file the same line is printed now and then.
 * Colours only on a terminal, and not when NO_COLOR is set (https://no-color.org). Several threads may print
 * at the same time; one of them at a time draws progress. */
#ifndef LLMPI_BASE_LOG_H
#define LLMPI_BASE_LOG_H

#include "llmpi/base/status.h"

#include <stdbool.h>
#include <stdint.h>

/* Only rank 0 prints log_info and progress; every rank prints log_warning, with its rank in front where
 * `size` > 1. Before this call the process counts as rank 0 of 1. */
void log_set_rank(int rank, int size);

/* From now on nothing is printed at all: for a program that runs the library thousands of times a second on
 * input that is meant to be wrong. */
void log_silence(void);

/* One line of information, from rank 0. The newline is added. */
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "llmpi: warning: ...", from every rank that calls it. */
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "llmpi: error: ...", from rank 0. */
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Whether standard error is a terminal that shows colours: not where TERM is dumb, nor by the wish of
 * NO_COLOR. */
bool log_colours(void);

/* A number with a unit prefix for people: 1234567 -> "1.23 M". `text` holds at least 16 bytes; returns it. */
const char *log_count(char text[16], double number);

/* Bytes for people: 1536 -> "1.50 KiB". Returns `text`. */
const char *log_bytes(char text[16], double bytes);

/* Seconds for people: 3725 -> "1 h 02 min", 12.3 -> "12.3 s". Returns `text`. */
const char *log_duration(char text[32], double seconds);

/* Progress of one long piece of work. Fields are private. */
struct progress {
    const char *label;
    const char *unit;
    double total, started, printed;
    bool drawn;
};

/* Starts a progress line "label: done/total unit, rate, time left". `total` 0 or less means unknown; `unit`
 * is a plural noun such as "documents" or "bytes" ("bytes" prints binary units). Strings must outlive the
 * progress. */
void progress_begin(struct progress *progress, const char *label, double total, const char *unit);

/* Says how much is done. Cheap enough to call a few thousand times a second. `note` (may be NULL) is
 * appended. */
void progress_update(struct progress *progress, double done, const char *note);

/* Removes the line on a terminal; a last plain line in a log file if any was printed before. */
void progress_end(struct progress *progress, double done);

#endif
