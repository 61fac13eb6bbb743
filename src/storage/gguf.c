/* Writing the front of a GGUF file. */
#include "llmpi/storage/gguf.h"

#include <stdint.h>
#include <string.h>

enum { GGUF_VERSION = 3, GGUF_ALIGNMENT = 32 };

/* Types of metadata. */
enum { TYPE_UINT32 = 4, TYPE_INT32 = 5, TYPE_FLOAT32 = 6, TYPE_BOOLEAN = 7, TYPE_TEXT = 8, TYPE_ARRAY = 9 };

static const uint32_t tensor_types[NUMBERS] = {[NUMBER_F32] = 0, [NUMBER_F16] = 1, [NUMBER_BF16] = 30};

static enum status put(struct buffer *out, uint64_t value, int bytes)
{
    char text[8];
    number_encode(value, text, bytes);
    return buffer_append(out, text, (size_t)bytes);
}

static enum status put_text(struct buffer *out, const char *text, size_t length)
{
    TRY(put(out, length, 8));
    return buffer_append(out, text, length);
}

static enum status begin(struct gguf_metadata *metadata, const char *key, int type)
{
    metadata->count++;
    TRY(put_text(&metadata->bytes, key, strlen(key)));
    return put(&metadata->bytes, (uint64_t)type, 4);
}

enum status gguf_add_uint32(struct gguf_metadata *metadata, const char *key, int64_t value)
{
    TRY(begin(metadata, key, TYPE_UINT32));
    return put(&metadata->bytes, (uint64_t)value, 4);
}

enum status gguf_add_float32(struct gguf_metadata *metadata, const char *key, double value)
{
    float number = (float)value;
    uint32_t bits;
    memcpy(&bits, &number, sizeof bits);
    TRY(begin(metadata, key, TYPE_FLOAT32));
    return put(&metadata->bytes, bits, 4);
}

enum status gguf_add_boolean(struct gguf_metadata *metadata, const char *key, bool value)
{
    TRY(begin(metadata, key, TYPE_BOOLEAN));
    return put(&metadata->bytes, value, 1);
}

enum status gguf_add_text(struct gguf_metadata *metadata, const char *key, const char *text, size_t length)
{
    TRY(begin(metadata, key, TYPE_TEXT));
    return put_text(&metadata->bytes, text, length);
}

static enum status begin_array(struct gguf_metadata *metadata, const char *key, int type, int64_t count)
{
    TRY(begin(metadata, key, TYPE_ARRAY));
    TRY(put(&metadata->bytes, (uint64_t)type, 4));
    return put(&metadata->bytes, (uint64_t)count, 8);
}

enum status gguf_begin_texts(struct gguf_metadata *metadata, const char *key, int64_t count)
{
    return begin_array(metadata, key, TYPE_TEXT, count);
}

enum status gguf_begin_int32s(struct gguf_metadata *metadata, const char *key, int64_t count)
{
    return begin_array(metadata, key, TYPE_INT32, count);
}

enum status gguf_add_element_text(struct gguf_metadata *metadata, const char *text, size_t length)
{
    return put_text(&metadata->bytes, text, length);
}

enum status gguf_add_element_int32(struct gguf_metadata *metadata, int32_t value)
{
    return put(&metadata->bytes, (uint32_t)value, 4);
}

void gguf_metadata_free(struct gguf_metadata *metadata)
{
    buffer_free(&metadata->bytes);
}

/* ggml names the row length first. */
static enum status put_tensor(struct buffer *out, const struct number_tensor *tensor)
{
    TRY(put_text(out, tensor->name, strlen(tensor->name)));
    TRY(put(out, (uint64_t)tensor->dimensions, 4));
    for (int i = tensor->dimensions - 1; i >= 0; i--)
        TRY(put(out, (uint64_t)tensor->sizes[i], 8));
    TRY(put(out, tensor_types[tensor->type], 4));
    return put(out, (uint64_t)tensor->offset, 8);
}

static enum status write_front(struct buffer *out, const struct gguf_metadata *metadata,
                               const struct number_tensor *tensors, int64_t count)
{
    TRY(buffer_append(out, "GGUF", 4));
    TRY(put(out, GGUF_VERSION, 4));
    TRY(put(out, (uint64_t)count, 8));
    TRY(put(out, (uint64_t)metadata->count, 8));
    TRY(buffer_append(out, metadata->bytes.data, metadata->bytes.length));
    for (int64_t i = 0; i < count; i++)
        TRY(put_tensor(out, &tensors[i]));
    while (out->length % GGUF_ALIGNMENT != 0)
        TRY(put(out, 0, 1));
    return STATUS_OK;
}

enum status gguf_create(const char *path, const struct gguf_metadata *metadata, struct number_tensor *tensors,
                        int64_t count, struct number_file **out)
{
    struct buffer front = {0};
    int64_t bytes = number_file_place(tensors, count, GGUF_ALIGNMENT);
    enum status status = write_front(&front, metadata, tensors, count);
    if (status == STATUS_OK)
        status = number_file_create(path, &front, tensors, bytes, out);
    buffer_free(&front);
    return status;
}
