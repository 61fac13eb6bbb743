/* One call into each library, and the same three answers from all of them: right, damaged, or of another size
 * than the file says. */
#define ZLIB_CONST /* asks zlib.h for const input */

#include "llmpi/corpus/decompress.h"

#include "llmpi/base/memory.h"

#include <limits.h>
#include <lz4.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

struct decompressor {
    ZSTD_DCtx *zstd;
    z_stream gzip;
    bool gzip_ready;
};

static const char other_size[] = "the uncompressed size is not what the file says";

enum status decompressor_open(struct decompressor **out)
{
    *out = memory_allocate(1, sizeof **out, "a decompressor");
    return *out != NULL ? STATUS_OK : STATUS_FAILED;
}

void decompressor_close(struct decompressor *decompressor)
{
    if (decompressor == NULL)
        return;
    ZSTD_freeDCtx(decompressor->zstd);
    if (decompressor->gzip_ready)
        inflateEnd(&decompressor->gzip);
    memory_free(decompressor);
}

/* Most bytes that one byte can stand for. Snappy: 64 bytes by a copy of 3. Deflate: 258 bytes by 2 bits.
 * Zstandard: a block of 128 KiB by its header and one byte. LZ4: each byte of a match's length adds 255. */
bool decompress_is_possible(enum codec codec, size_t length, size_t expected)
{
    static const size_t expansion[] = {
        [CODEC_SNAPPY] = 22, [CODEC_GZIP] = 1032, [CODEC_ZSTD] = (128 << 10) / 4, [CODEC_LZ4] = 255};
    return expected / expansion[codec] <= length;
}

static const char *decompress_snappy(const void *data, size_t length, void *out, size_t expected)
{
    size_t found = 0;
    if (snappy_uncompressed_length(data, length, &found) != SNAPPY_OK)
        return "the Snappy data are damaged";
    if (found != expected)
        return other_size;
    return snappy_uncompress(data, length, out, &found) == SNAPPY_OK ? NULL : "the Snappy data are damaged";
}

/* Several members may follow each other; their contents are joined. */
static const char *decompress_gzip(struct decompressor *decompressor, const void *data, size_t length,
                                   void *out, size_t expected)
{
    z_stream *gzip = &decompressor->gzip;
    if (!decompressor->gzip_ready &&
        inflateInit2(gzip, 15 + 32) != Z_OK) /* gzip or zlib, the largest window */
        return "there is no memory for the gzip decoder";
    decompressor->gzip_ready = true;
    gzip->next_in = data;
    gzip->avail_in = (uInt)length;
    gzip->next_out = out;
    gzip->avail_out = (uInt)expected;
    do {
        if (inflateReset(gzip) != Z_OK)
            return "the gzip data are damaged";
        int result = inflate(gzip, Z_FINISH);
        if (result == Z_BUF_ERROR && gzip->avail_out == 0)
            return other_size;
        if (result != Z_STREAM_END)
            return result == Z_MEM_ERROR ? "there is no memory for the gzip decoder"
                                         : "the gzip data are damaged";
    } while (gzip->avail_out > 0 && gzip->avail_in > 0);
    return gzip->avail_out == 0 && gzip->avail_in == 0 ? NULL : other_size;
}

static const char *decompress_zstd(struct decompressor *decompressor, const void *data, size_t length,
                                   void *out, size_t expected)
{
    if (decompressor->zstd == NULL)
        decompressor->zstd = ZSTD_createDCtx();
    if (decompressor->zstd == NULL)
        return "there is no memory for the Zstandard decoder";
    size_t found = ZSTD_decompressDCtx(decompressor->zstd, out, expected, data, length);
    if (ZSTD_isError(found))
        return "the Zstandard data are damaged, or longer than the file says";
    return found == expected ? NULL : other_size;
}

static const char *decompress_lz4(const void *data, size_t length, void *out, size_t expected)
{
    int found = LZ4_decompress_safe(data, out, (int)length, (int)expected);
    if (found < 0)
        return "the LZ4 data are damaged, or longer than the file says";
    return (size_t)found == expected ? NULL : other_size;
}

const char *decompress_block(struct decompressor *decompressor, enum codec codec, const void *data,
                             size_t length, void *out, size_t expected)
{
    if (length > INT_MAX || expected > INT_MAX)
        return "a block has 2 GiB or more";
    switch (codec) {
    case CODEC_SNAPPY:
        return decompress_snappy(data, length, out, expected);
    case CODEC_GZIP:
        return decompress_gzip(decompressor, data, length, out, expected);
    case CODEC_ZSTD:
        return decompress_zstd(decompressor, data, length, out, expected);
    case CODEC_LZ4:
        return decompress_lz4(data, length, out, expected);
    }
    return "the codec is unknown";
}
