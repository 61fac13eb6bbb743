/* Hugging Face's safetensors (https://github.com/huggingface/safetensors, "Format"): the length of a JSON
 * header (8 bytes, little-endian), the header {"NAME": {"dtype", "shape", "data_offsets"}, ...}, then the
 * tensors' bytes without gaps. */
#ifndef LLMPI_STORAGE_SAFETENSORS_H
#define LLMPI_STORAGE_SAFETENSORS_H

#include "llmpi/base/string_list.h"
#include "llmpi/storage/number_file.h"
#include "llmpi/storage/number_reader.h"

/* Places the tensors and writes the header; the rest as number_file_create. */
enum status safetensors_create(const char *path, struct number_tensor *tensors, int64_t count,
                               struct number_file **out);

/* Opens a file for reading. Its header must be JSON of this format, and its tensors lie side by side from the
 * first byte behind it to the last of the file, with the bytes that type and shape say, without gaps and
 * overlaps. Of more than four dimensions the rest is multiplied into the last. `metadata`, unless NULL, gets
 * the keys and values of "__metadata__" in turn; the caller frees it, also after a failure. */
enum status safetensors_open(const char *path, struct string_list *metadata, struct number_reader **out);

#endif
