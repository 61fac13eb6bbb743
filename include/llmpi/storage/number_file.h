/* A file of a header and then tensors at known places, written under a temporary name: what safetensors and
 * GGUF have in common. */
#ifndef LLMPI_STORAGE_NUMBER_FILE_H
#define LLMPI_STORAGE_NUMBER_FILE_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/number.h"
#include "llmpi/base/status.h"

#include <stdint.h>

struct number_tensor {
    char name[128];
    enum number type;
    int dimensions;   /* 1 or 2 */
    int64_t sizes[2]; /* rows, columns: of one dimension {n, 1} */
    int64_t offset;   /* of its first byte behind the header */
};

struct number_file;

/* Places the tensors one behind the other, each at a multiple of `alignment` bytes; returns the bytes of all,
 * also such a multiple. */
int64_t number_file_place(struct number_tensor *tensors, int64_t count, int64_t alignment);

/* Creates PATH.tmp with this header and so many bytes of tensors. Borrows the tensors. */
enum status number_file_create(const char *path, const struct buffer *header,
                               const struct number_tensor *tensors, int64_t bytes, struct number_file **out);

/* Writes elements [first, first + count) of tensor `index`, rounded to its type. A finite number that would
 * become infinite is an error which names the tensor. */
enum status number_file_write(struct number_file *file, int64_t index, int64_t first, const float *values,
                              int64_t count);

/* Completes the file, which appears under its name; frees. */
enum status number_file_publish(struct number_file *file);

/* Removes what was written; frees. NULL is fine. */
void number_file_abandon(struct number_file *file);

#endif
