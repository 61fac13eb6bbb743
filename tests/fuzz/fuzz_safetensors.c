/* libFuzzer on the reader of safetensors: its metadata comes in pairs, its tensors hold what they say. */
#include "llmpi/storage/safetensors.h"

#include "tensor_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct number_reader *reader = NULL;
    struct string_list metadata = {0};
    enum status status = safetensors_open(tensor_input_write(data, size), &metadata, &reader);
    require_reason(status);
    require((status == STATUS_OK) == (reader != NULL), "a file after a failure, or none without one");
    require(metadata.count % 2 == 0, "a key without a value");
    if (status == STATUS_OK)
        tensor_input_check(reader, size);
    number_reader_close(reader);
    string_list_free(&metadata);
    return 0;
}
