/* libFuzzer on the reader of GGUF: every value of its metadata is there and of its type, its tensors hold
 * what they say. */
#include "llmpi/storage/gguf_reader.h"

#include "tensor_input.h"

static volatile long touched; /* so that texts are read in full */

static void check_single(const struct gguf_value *value)
{
    int64_t integer = 0;
    double number = 0;
    bool flag = false;
    size_t length = 0;
    const char *text = gguf_get_text(value, &length);
    for (size_t i = 0; text != NULL && i < length; i++)
        touched += text[i];
    int kinds = (text != NULL) + gguf_get_integer(value, &integer) + gguf_get_number(value, &number) +
                gguf_get_boolean(value, &flag);
    require(kinds == 1 || (kinds == 0 && value->type == GGUF_UINT64), "a value is of no type, or of two");
}

static void check_value(const struct gguf *file, const struct gguf_value *value)
{
    struct gguf_value element = {0};
    int64_t count = 0;
    require(gguf_find(file, value->key) == value, "two values have one key");
    if (value->type != GGUF_ARRAY) {
        check_single(value);
        require(!gguf_next(value, &element), "an element of what is no array");
        return;
    }
    for (; gguf_next(value, &element); count++)
        check_single(&element);
    require(count == value->count, "an array has another number of elements than it says");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gguf *file = NULL;
    enum status status = gguf_open(tensor_input_write(data, size), &file);
    require_reason(status);
    require((status == STATUS_OK) == (file != NULL), "a file after a failure, or none without one");
    for (int64_t i = 0; file != NULL && i < gguf_count(file); i++)
        check_value(file, gguf_value(file, i));
    if (file != NULL)
        tensor_input_check(gguf_tensors(file), size);
    gguf_close(file);
    return 0;
}
