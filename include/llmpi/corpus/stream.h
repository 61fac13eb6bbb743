/* The bytes of a plain, gzip or Zstandard file, one after the other. Formats: RFC 1952 and RFC 8878; a
 * compressed file may hold several members or frames, whose contents are joined. */
#ifndef LLMPI_CORPUS_STREAM_H
#define LLMPI_CORPUS_STREAM_H

#include "llmpi/base/status.h"
#include "llmpi/corpus/inputs.h"

#include <stddef.h>
#include <stdint.h>

struct stream;

/* Opens `path`, compressed as `kind` says. Memory: 256 KiB and the window of the compression, which Zstandard
 * frames made with --long may set to as much as 2 GiB. */
enum status stream_open(const char *path, struct file_kind kind, struct stream **out);

/* Fills `data` with up to `capacity` bytes. *got is smaller only at the end. A read error fails. Damage of
 * the compressed data does not: the stream ends early and stream_damage says so. */
enum status stream_read(struct stream *stream, char *data, size_t capacity, size_t *got);

/* Goes to a byte of an uncompressed file; behind its end is allowed, nothing is read there. */
enum status stream_seek(struct stream *stream, int64_t offset);

/* NULL, or what is wrong with the compressed data: "the gzip data end too early, ...". */
const char *stream_damage(const struct stream *stream);

/* Where reading stands in the file on disk. */
int64_t stream_position(const struct stream *stream);

/* NULL is fine. */
void stream_close(struct stream *stream);

#endif
