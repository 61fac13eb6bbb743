/* Tensors are written row by row of the file, so that transposing needs one row of memory. */
#include "export_tensors.h"

#include "llmpi/base/memory.h"

#include <stdio.h>
#include <stdlib.h>

/* Makes room for one more. */
static enum status grow(struct export_tensors *list)
{
    static const char what[] = "the list of tensors";
    struct number_tensor *tensors =
        memory_grow(list->tensors, list->count, &list->tensor_capacity, sizeof *tensors, what);
    if (tensors == NULL)
        return STATUS_FAILED;
    list->tensors = tensors;
    struct export_source *sources =
        memory_grow(list->sources, list->count, &list->source_capacity, sizeof *sources, what);
    if (sources == NULL)
        return STATUS_FAILED;
    list->sources = sources;
    return STATUS_OK;
}

enum status export_tensors_add(struct export_tensors *list, const struct train_state *state,
                               const char *parameter, const char *name, enum number type, bool transposed,
                               int64_t length)
{
    const struct parameter *row = parameter_find(model_table(state->model), parameter);
    struct number_tensor tensor = {.type = type, .dimensions = 1, .sizes = {length, 1}};
    TRY(grow(list));
    snprintf(tensor.name, sizeof tensor.name, "%s", name);
    if (row != NULL) {
        tensor.dimensions = row->dimensions;
        tensor.sizes[0] = row->sizes[transposed];
        tensor.sizes[1] = row->sizes[!transposed];
    }
    list->sources[list->count] =
        (struct export_source){row != NULL ? model_parameters(state->model) + row->offset : NULL, transposed};
    list->tensors[list->count++] = tensor;
    return STATUS_OK;
}

static enum status write_tensor(const struct export_tensors *list, int64_t index, struct number_file *file,
                                float *room)
{
    const struct number_tensor *tensor = &list->tensors[index];
    const float *values = list->sources[index].values;
    int64_t rows = tensor->sizes[0], columns = tensor->sizes[1];
    if (values == NULL)
        return STATUS_OK; /* a new file is zero */
    if (!list->sources[index].transposed)
        return number_file_write(file, index, 0, values, rows * columns);
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < columns; j++)
            room[j] = values[j * rows + i];
        TRY(number_file_write(file, index, i * columns, room, columns));
    }
    return STATUS_OK;
}

enum status export_tensors_write(const struct export_tensors *list, struct number_file *file)
{
    int64_t longest = 1;
    for (int64_t i = 0; i < list->count; i++)
        longest = list->tensors[i].sizes[1] > longest ? list->tensors[i].sizes[1] : longest;
    float *room = memory_allocate(longest, sizeof *room, "a row of a tensor");
    enum status status = room != NULL ? STATUS_OK : STATUS_FAILED;
    for (int64_t i = 0; i < list->count && status == STATUS_OK; i++)
        status = write_tensor(list, i, file, room);
    memory_free(room);
    if (status == STATUS_OK)
        return number_file_publish(file);
    number_file_abandon(file);
    return status;
}

void export_tensors_free(struct export_tensors *list)
{
    free(list->tensors);
    free(list->sources);
    *list = (struct export_tensors){0};
}
