/* GGUF version 3, ggml's file format for models
 * (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md): typed metadata by key, a list of tensors, and
 * their bytes at multiples of 32. Everything is little-endian. */
#ifndef LLMPI_STORAGE_GGUF_H
#define LLMPI_STORAGE_GGUF_H

#include "llmpi/storage/number_file.h"

#include <stdbool.h>
#include <stddef.h>

/* The metadata of a file in work; start with {0}, free with gguf_metadata_free. */
struct gguf_metadata {
    struct buffer bytes;
    int64_t count;
};

enum status gguf_add_uint32(struct gguf_metadata *metadata, const char *key, int64_t value);
enum status gguf_add_float32(struct gguf_metadata *metadata, const char *key, double value);
enum status gguf_add_boolean(struct gguf_metadata *metadata, const char *key, bool value);
enum status gguf_add_text(struct gguf_metadata *metadata, const char *key, const char *text, size_t length);

/* Begins an array of texts, or of 32-bit integers, whose `count` elements follow by gguf_add_element_*. */
enum status gguf_begin_texts(struct gguf_metadata *metadata, const char *key, int64_t count);
enum status gguf_begin_int32s(struct gguf_metadata *metadata, const char *key, int64_t count);
enum status gguf_add_element_text(struct gguf_metadata *metadata, const char *text, size_t length);
enum status gguf_add_element_int32(struct gguf_metadata *metadata, int32_t value);

void gguf_metadata_free(struct gguf_metadata *metadata);

/* Places the tensors and writes header and metadata; the rest as number_file_create. A tensor's rows are
 * ggml's rows, so a weight has one row for each output. */
enum status gguf_create(const char *path, const struct gguf_metadata *metadata, struct number_tensor *tensors,
                        int64_t count, struct number_file **out);

#endif
