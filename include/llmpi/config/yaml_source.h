/* Reading the YAML of a configuration: sections that hold keys that hold a value or a list of values, and
 * nothing deeper. Anchors, aliases, tags and several documents are refused, duplicates too. */
#ifndef LLMPI_CONFIG_YAML_SOURCE_H
#define LLMPI_CONFIG_YAML_SOURCE_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/status.h"
#include "llmpi/base/string_list.h"

#include <stdbool.h>
#include <stddef.h>

/* One key of a section. Everything is borrowed for the call. */
struct yaml_entry {
    const char *section;
    const char *key;           /* NULL: the section itself begins */
    size_t line;               /* of the key, from 1 */
    bool list;                 /* the value was a sequence */
    struct string_list values; /* valid UTF-8 without NUL; none where nothing stands, as in "inputs:" */
};

/* Calls `visit` for each section and each key, in order, until it fails. Text that breaks the rules is
 * STATUS_USAGE "NAME:LINE: ...". Empty text is fine and has no sections. */
enum status yaml_read(const char *text, size_t length, const char *name,
                      enum status (*visit)(void *context, const struct yaml_entry *entry), void *context);

/* Appends the values of a flow list such as [a, "b, c"]; errors begin with `name`. */
enum status yaml_read_list(const char *text, const char *name, struct string_list *out);

/* Appends `text` (valid UTF-8) as a YAML scalar on one line: plain where every YAML reader takes it for text,
 * else in double quotes. */
enum status yaml_write_text(struct buffer *out, const char *text);

#endif
