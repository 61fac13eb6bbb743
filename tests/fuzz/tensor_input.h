/* Any bytes as a file of tensors. What a reader lets through can be read: tensors lie inside of the file,
 * none in another, and their numbers come without an error. */
#ifndef TESTS_FUZZ_TENSOR_INPUT_H
#define TESTS_FUZZ_TENSOR_INPUT_H

#include "harness.h"

#include "llmpi/storage/number_reader.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The input as a file in memory; its path stays valid until the next call. */
static inline const char *tensor_input_write(const uint8_t *data, size_t size)
{
    static int descriptor = -1;
    static char path[64];
    if (descriptor < 0)
        descriptor = memfd_create("tensors", MFD_CLOEXEC);
    require(descriptor >= 0 && ftruncate(descriptor, 0) == 0 &&
                pwrite(descriptor, data, size, 0) == (ssize_t)size,
            "the input cannot be written");
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    return path;
}

static inline void tensor_input_read_ends(struct number_reader *reader, int64_t index)
{
    enum { MOST = 100 };
    float numbers[MOST];
    int64_t count = number_reader_tensor(reader, index)->count, some = count < MOST ? count : MOST;
    require(number_reader_read(reader, index, 0, some, numbers) == STATUS_OK &&
                number_reader_read(reader, index, count - some, some, numbers) == STATUS_OK,
            "a tensor cannot be read");
}

static inline void tensor_input_check(struct number_reader *reader, size_t size)
{
    int64_t end = 0;
    for (int64_t i = 0; i < number_reader_count(reader); i++) {
        const struct stored_tensor *tensor = number_reader_tensor(reader, i);
        int64_t count = 1;
        require(tensor->offset >= end && tensor->bytes >= 0, "a tensor lies in another");
        end = tensor->offset + tensor->bytes;
        require(end <= (int64_t)size, "a tensor reaches beyond the file");
        for (int j = 0; j < STORED_DIMENSIONS; j++)
            count *= tensor->sizes[j];
        require(count == tensor->count, "a tensor has another number of elements than its shape");
        require(number_reader_find(reader, tensor->name) == i, "two tensors have one name");
        if (tensor->storage->readable)
            tensor_input_read_ends(reader, i);
    }
}

#endif
