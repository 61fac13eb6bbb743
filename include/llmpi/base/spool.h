/* Bytes that are written once, one after another, and read anywhere: in memory while they are few, and beyond
 * that in a temporary file without a name, which is gone when the program ends, however it ends. */
#ifndef LLMPI_BASE_SPOOL_H
#define LLMPI_BASE_SPOOL_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/status.h"

#include <stddef.h>
#include <stdint.h>

struct spool;

/* `folder` is where the file would lie; at most about `memory` bytes stay in memory. */
enum status spool_create(const char *folder, size_t memory, struct spool **out);
void spool_destroy(struct spool *spool); /* NULL is fine */

/* Appends. Without room on the disk: "cannot write the temporary file in FOLDER: No space left on device". */
enum status spool_append(struct spool *spool, const void *data, size_t length);

/* Appends `length` bytes from `offset` on to `out`; all of them must have been written. */
enum status spool_read(struct spool *spool, int64_t offset, size_t length, struct buffer *out);

int64_t spool_length(const struct spool *spool);

#endif
