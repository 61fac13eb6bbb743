/* Changing a record, which is a valid JSON object in one line, without touching what stands in the rest. */
#ifndef LLMPI_PREPARE_RECORD_EDIT_H
#define LLMPI_PREPARE_RECORD_EDIT_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/status.h"

#include <stddef.h>

/* Appends the record with the text of its member `field` replaced; of several with that name the last, which
 * is the one that readers take. A record without it is STATUS_FAILED. */
enum status record_replace_text(const char *record, size_t length, const char *field, const char *text,
                                size_t text_length, struct buffer *out);

/* Appends the record with the members "rejected_by" and "rejected_because" behind its own. */
enum status record_add_reason(const char *record, size_t length, const char *rule, const char *reason,
                              struct buffer *out);

#endif
