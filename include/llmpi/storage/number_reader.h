/* Tensors in a file that another program wrote: what the readers of safetensors and GGUF have in common.
 * Nothing in such a file is trusted: sizes, places and overlaps are checked when it is opened, before a byte
 * of a tensor is used. */
#ifndef LLMPI_STORAGE_NUMBER_READER_H
#define LLMPI_STORAGE_NUMBER_READER_H

#include "llmpi/base/number.h"
#include "llmpi/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STORED_DIMENSIONS = 4 };

/* How a file stores numbers: blocks of so many in so many bytes. */
struct number_storage {
    const char *name; /* as its format calls it: "F32", "Q4_K" */
    int block, bytes;
    bool readable;    /* as numbers: F32, F16, BF16 */
    enum number type; /* where readable */
};

struct stored_tensor {
    char *name;
    const struct number_storage *storage;
    int dimensions;
    int64_t sizes[STORED_DIMENSIONS]; /* neighbours in the last dimension lie side by side; 1 beyond */
    int64_t count, bytes;             /* elements, and bytes in the file */
    int64_t offset;                   /* of the first byte behind the header */
};

/* A file whose reader has checked it: safetensors_open, gguf_open. */
struct number_reader;
void number_reader_close(struct number_reader *reader); /* NULL is fine */

/* The tensors, in the order of their bytes. */
int64_t number_reader_count(const struct number_reader *reader);
const struct stored_tensor *number_reader_tensor(const struct number_reader *reader, int64_t index);

/* Index of a tensor by name, or -1. */
int64_t number_reader_find(const struct number_reader *reader, const char *name);

/* Reads elements [first, first + count) of a readable tensor. */
enum status number_reader_read(struct number_reader *reader, int64_t index, int64_t first, int64_t count,
                               float *out);

/* --- for the readers of formats --- */

/* Opens a regular file; it has no tensors yet. */
enum status number_reader_open(const char *path, struct number_reader **out);
const char *number_reader_path(const struct number_reader *reader);
int64_t number_reader_size(const struct number_reader *reader); /* bytes of the file */

/* Reads bytes of the header. */
enum status number_reader_header(struct number_reader *reader, int64_t offset, void *data, size_t length);

/* Adds a tensor with these storage, dimensions, sizes and offset; name, count and bytes of `tensor` are not
 * looked at. A name without characters or with a NUL, sizes whose product is no count of bytes, and rows that
 * are no whole blocks are errors. */
enum status number_reader_add(struct number_reader *reader, const char *name, size_t length,
                              const struct stored_tensor *tensor);

/* The header ends, the bytes of tensors begin at `start`. Two tensors with one name, that overlap, or that
 * reach beyond the file are errors; with `dense` also gaps, and bytes behind the last. */
enum status number_reader_finish(struct number_reader *reader, int64_t start, bool dense);

#endif
