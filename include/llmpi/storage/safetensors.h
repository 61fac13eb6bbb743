/* Hugging Face's safetensors (https://github.com/huggingface/safetensors, "Format"): the length of a JSON
 * header (8 bytes, little-endian), the header {"NAME": {"dtype", "shape", "data_offsets"}, ...}, then the
 * tensors' bytes without gaps. */
#ifndef LLMPI_STORAGE_SAFETENSORS_H
#define LLMPI_STORAGE_SAFETENSORS_H

#include "llmpi/storage/number_file.h"

/* Places the tensors and writes the header; the rest as number_file_create. */
enum status safetensors_create(const char *path, struct number_tensor *tensors, int64_t count,
                               struct number_file **out);

#endif
