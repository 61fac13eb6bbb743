/* Writing the header of a safetensors file. */
#include "llmpi/storage/safetensors.h"

#include "llmpi/base/json.h"

#include <string.h>

static const char *const type_names[NUMBERS] = {"F32", "F16", "BF16"};

static enum status write_tensor(struct buffer *header, const struct number_tensor *tensor)
{
    int64_t bytes = tensor->sizes[0] * tensor->sizes[1] * (int64_t)number_size(tensor->type);
    TRY(buffer_append(header, ", ", 2));
    TRY(json_write_text(header, tensor->name, strlen(tensor->name)));
    TRY(buffer_printf(header, ": {\"dtype\": \"%s\", \"shape\": [%lld", type_names[tensor->type],
                      (long long)tensor->sizes[0]));
    if (tensor->dimensions > 1)
        TRY(buffer_printf(header, ", %lld", (long long)tensor->sizes[1]));
    return buffer_printf(header, "], \"data_offsets\": [%lld, %lld]}", (long long)tensor->offset,
                         (long long)(tensor->offset + bytes));
}

/* The header is filled up with spaces, so that the tensors begin at a multiple of 8. */
static enum status write_header(struct buffer *header, const struct number_tensor *tensors, int64_t count)
{
    TRY(buffer_append(header, "\0\0\0\0\0\0\0\0", 8)); /* its length, once it is known */
    TRY(buffer_printf(header, "{\"__metadata__\": {\"format\": \"pt\"}"));
    for (int64_t i = 0; i < count; i++)
        TRY(write_tensor(header, &tensors[i]));
    TRY(buffer_append(header, "}", 1));
    while (header->length % 8 != 0)
        TRY(buffer_append(header, " ", 1));
    number_encode(header->length - 8, header->data, 8);
    return STATUS_OK;
}

enum status safetensors_create(const char *path, struct number_tensor *tensors, int64_t count,
                               struct number_file **out)
{
    struct buffer header = {0};
    int64_t bytes = number_file_place(tensors, count, 1);
    enum status status = write_header(&header, tensors, count);
    if (status == STATUS_OK)
        status = number_file_create(path, &header, tensors, bytes, out);
    buffer_free(&header);
    return status;
}
