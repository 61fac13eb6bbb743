/* Regular expressions of PCRE2 (pcre2pattern(3)) over UTF-8, with Unicode properties for \d, \s, \w and \b.
 */
#ifndef LLMPI_TEXT_REGEX_H
#define LLMPI_TEXT_REGEX_H

#include "llmpi/base/status.h"

#include <stdbool.h>
#include <stddef.h>

/* A compiled expression; not shared between threads. */
struct regex;

/* Compiles an expression. One that PCRE2 refuses is STATUS_USAGE with its message and the place. Where PCRE2
 * has no working just-in-time compiler, one warning says so and its slower interpreter searches. */
enum status regex_compile(const char *expression, struct regex **out);

/* NULL is fine. */
void regex_free(struct regex *regex);

struct regex_match {
    bool found;
    size_t start, end; /* offsets in the text; from <= start <= end */
    int group;         /* the highest of groups 1 to 3 that took part, 0: none */
};

/* The first match in valid UTF-8 that starts at offset `from` or behind it; look-behind sees the text before.
 * An expression that backtracks without end, or needs more memory than it is given, is an error. */
enum status regex_find(struct regex *regex, const char *text, size_t length, size_t from,
                       struct regex_match *out);

#endif
