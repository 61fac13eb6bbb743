/* Writing lines to a plain, .gz or .zst file (by its ending); the file appears under its name when it is
 * complete. */
#ifndef LLMPI_CORPUS_WRITER_H
#define LLMPI_CORPUS_WRITER_H

#include "llmpi/base/status.h"

#include <stddef.h>

struct writer;

/* Opens PATH.tmp for writing; "-" is standard output (not compressed). */
enum status writer_open(const char *path, struct writer **out);
enum status writer_add(struct writer *writer, const char *data, size_t length);

/* Completes, fsyncs, renames and frees. On failure the temporary file is removed. */
enum status writer_finish(struct writer *writer);

/* Removes the temporary file and frees. NULL is fine. */
void writer_abandon(struct writer *writer);

#endif
