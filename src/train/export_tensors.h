/* The tensors of a model under the names of another program. */
#ifndef LLMPI_SRC_TRAIN_EXPORT_TENSORS_H
#define LLMPI_SRC_TRAIN_EXPORT_TENSORS_H

#include "llmpi/storage/number_file.h"
#include "llmpi/train/model_export.h"

#include <stdbool.h>
#include <stdint.h>

/* Where the numbers of a tensor come from. */
struct export_source {
    const float *values; /* NULL: zeros */
    bool transposed;     /* the file has columns as rows */
};

/* The tensors of a file, and beside each its source. Start with {0}. */
struct export_tensors {
    struct number_tensor *tensors;
    struct export_source *sources;
    int64_t count, tensor_capacity, source_capacity;
};

/* Adds a tensor whose name in the file is `name` from the parameter `parameter`; where the model has none,
 * zeros of `length`. `transposed`: rows and columns change places in the file. */
enum status export_tensors_add(struct export_tensors *list, const struct train_state *state,
                               const char *parameter, const char *name, enum number type, bool transposed,
                               int64_t length);

/* Writes all of them and completes the file. On failure nothing of it is left; it is freed in any case. */
enum status export_tensors_write(const struct export_tensors *list, struct number_file *file);

void export_tensors_free(struct export_tensors *list);

#endif
