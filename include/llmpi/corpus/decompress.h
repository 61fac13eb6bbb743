/* Uncompressing one block of bytes whose uncompressed size is known beforehand (stream.h is for whole files).
 * Formats: Snappy (github.com/google/snappy/blob/main/format_description.txt), gzip and zlib (RFC 1952, RFC
 * 1950), Zstandard (RFC 8878), LZ4 blocks (github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md). */
#ifndef LLMPI_CORPUS_DECOMPRESS_H
#define LLMPI_CORPUS_DECOMPRESS_H

#include "llmpi/base/status.h"

#include <stdbool.h>
#include <stddef.h>

enum codec { CODEC_SNAPPY, CODEC_GZIP, CODEC_ZSTD, CODEC_LZ4 };

/* The state of the decoders, which they keep from block to block. */
struct decompressor;
enum status decompressor_open(struct decompressor **out);
void decompressor_close(struct decompressor *decompressor); /* NULL is fine */

/* False when a block of `length` bytes cannot become `expected` bytes, so that no memory needs to be taken
 * for them. */
bool decompress_is_possible(enum codec codec, size_t length, size_t expected);

/* Uncompresses `data` to exactly `expected` bytes. Returns NULL, or what is wrong with the data. */
const char *decompress_block(struct decompressor *decompressor, enum codec codec, const void *data,
                             size_t length, void *out, size_t expected);

#endif
