/* The option table: one row per option, and everything else is made from the rows: the configuration file,
 * the overrides of the command line, --help, --print-config, validation and the completion of the shell.
 *
 * A value is written in YAML and on the command line alike. Lists are YAML sequences in a file; on the
 * command line they are separated by commas, or written as a YAML flow list: [a, "b, c"]. */
#ifndef LLMPI_CONFIG_OPTIONS_H
#define LLMPI_CONFIG_OPTIONS_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/status.h"
#include "llmpi/base/string_list.h"
#include "llmpi/config/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The type of a field of struct config: int64_t, double, bool, char *, struct string_list, int64_t (index
 * into `choices`). */
enum option_type { OPTION_INTEGER, OPTION_NUMBER, OPTION_BOOLEAN, OPTION_TEXT, OPTION_LIST, OPTION_CHOICE };

struct option {
    const char *name; /* "section.key" */
    size_t offset;    /* of the field in struct config */
    enum option_type type;
    const char *standard; /* the default, as on the command line */
    const char *range;    /* interval "[0, 1)" of a number, or of the bytes of a text; NULL: any */
    const char *choices;  /* "hash|tail", in the order of the enum; NULL */
    bool may_change;      /* when a run continues */
    const char *help;     /* one sentence, with units, without a full stop */
};

/* Rows are ordered by section. */
int64_t option_count(void);
const struct option *option_at(int64_t index);

/* The row of "section.key", or NULL. */
const struct option *option_find(const char *name);

/* The known "section.key" that is nearest to `name`. */
const char *option_nearest(const char *name);

/* The known section that is nearest to `name`; equal to it when there is such a section. */
const char *option_nearest_section(const char *name);

/* Length of the section's name in an option's name. */
size_t option_section_length(const struct option *option);

/* What values are allowed, for people: "a whole number in [1, inf)", "one of hash, tail". `text` holds 160
 * bytes; returns it. */
const char *option_describe(const struct option *option, char text[160]);

/* Sets the field from values that were written as a list or as one scalar (none: nothing stood there). A list
 * option takes both, the others take no list. The message of a failure begins with `where` ("FILE:LINE") and
 * names the value found and the values allowed. */
enum status option_set(const struct option *option, struct config *config, const struct string_list *values,
                       bool list, const char *where);

/* The same from one text as on the command line. */
enum status option_set_text(const struct option *option, struct config *config, const char *text,
                            const char *where);

/* Appends the value as YAML on one line, so that reading it gives the same value back. */
enum status option_write(const struct option *option, const struct config *config, struct buffer *out);

/* Frees what the field owns; it is empty again. */
void option_clear(const struct option *option, struct config *config);

#endif
