/* Hugging Face's safetensors (https://github.com/huggingface/safetensors, "Format"): the length of a JSON
 * header (8 bytes, little-endian), the header {"NAME": {"dtype", "shape", "data_offsets"}, ...}, then the
 * tensors' bytes without gaps. */
#ifndef LLMPI_STORAGE_SAFETENSORS_H
#define LLMPI_STORAGE_SAFETENSORS_H

#include "llmpi/storage/number_file.h"

#include <stdbool.h>

/* Places the tensors and writes the header; the rest as number_file_create. */
enum status safetensors_create(const char *path, struct number_tensor *tensors, int64_t count,
                               struct number_file **out);

/* Of the types that a file may have, those that can be read as numbers are F32, F16 and BF16. */
struct safetensors_tensor {
    char *name;
    bool readable;
    enum number type; /* where readable */
    int dimensions;
    int64_t sizes[4];             /* of more dimensions the rest is multiplied into the last */
    int64_t count, offset, bytes; /* elements; behind the header; in the file */
};

/* A file opened for reading. Nothing in it is trusted: opening checks the length of the header and that it is
 * JSON of this format, and that the tensors lie side by side from the first byte to the last of the file,
 * with the bytes that type and shape say, without gaps and overlaps. */
struct safetensors;
enum status safetensors_open(const char *path, struct safetensors **out);
void safetensors_close(struct safetensors *file);

int64_t safetensors_count(const struct safetensors *file);
const struct safetensors_tensor *safetensors_tensor(const struct safetensors *file, int64_t index);

/* Index of a tensor by name, or -1. */
int64_t safetensors_find(const struct safetensors *file, const char *name);

/* Reads elements [first, first + count) of a readable tensor. */
enum status safetensors_read(struct safetensors *file, int64_t index, int64_t first, int64_t count,
                             float *out);

#endif
