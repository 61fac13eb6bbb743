/* Checkpoint files. HDF5 decides where everything lies and is closed again before the first tensor byte is
 * written; from then on the file is a plain file with known offsets. Whoever reads trusts nothing before the
 * user block's own digest, the length and the digest of the rest are right. */
#include "llmpi/storage/tensor_file.h"

#include "llmpi/base/file.h"
#include "llmpi/base/memory.h"
#include "user_block.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct tensor {
    struct tensor_spec spec;
    int64_t offset, bytes; /* in the file */
};

struct tensor_file {
    char *path, *temporary; /* temporary: where it is being written, NULL when reading */
    int descriptor;
    struct hdf5_file *hdf5; /* open while reading, for the attributes */
    struct tensor *tensors;
    int64_t count;
    int64_t *by_name; /* indices sorted by name */
};

void tensor_file_close(struct tensor_file *file)
{
    if (file == NULL)
        return;
    if (file->descriptor >= 0)
        close(file->descriptor);
    if (file->temporary != NULL)
        unlink(file->temporary);
    hdf5_close(file->hdf5);
    free(file->path);
    free(file->temporary);
    free(file->tensors);
    free(file->by_name);
    free(file);
}

static struct tensor_file *new_file(const char *path)
{
    struct tensor_file *file = memory_resize(NULL, 1, sizeof *file, "a checkpoint");
    if (file == NULL)
        return NULL;
    *file = (struct tensor_file){.path = memory_copy_text(path, strlen(path)), .descriptor = -1};
    if (file->path == NULL) {
        tensor_file_close(file);
        return NULL;
    }
    return file;
}

/* --- writing --- */

static enum status write_attribute(struct hdf5_file *hdf5, const struct tensor_attribute *attribute)
{
    switch (attribute->kind) {
    case TENSOR_INT64:
        return hdf5_write_attribute_int64(hdf5, attribute->name, attribute->integer);
    case TENSOR_DOUBLE:
        return hdf5_write_attribute_double(hdf5, attribute->name, attribute->number);
    case TENSOR_TEXT:
        break;
    }
    return hdf5_write_attribute_text(hdf5, attribute->name, attribute->text);
}

static enum status count_bytes(const char *path, const struct tensor_spec *spec, int64_t *bytes)
{
    *bytes = (int64_t)hdf5_type_size(spec->type);
    for (int i = 0; i < spec->dimensions && i < 4; i++)
        if (spec->sizes[i] < 0 || __builtin_mul_overflow(*bytes, spec->sizes[i], bytes))
            return fail(STATUS_FAILED, "%s: tensor %s has a size below 0 or above 2^63 bytes", path,
                        spec->name);
    return STATUS_OK;
}

static enum status lay_out(struct tensor_file *file, const struct tensor_spec *specs,
                           const struct tensor_attribute *attributes, int64_t attribute_count)
{
    struct hdf5_file *hdf5 = NULL;
    enum status status = hdf5_create(file->path, USER_BLOCK_SIZE, &hdf5);
    for (int64_t i = 0; i < attribute_count && status == STATUS_OK; i++)
        status = write_attribute(hdf5, &attributes[i]);
    for (int64_t i = 0; i < file->count && status == STATUS_OK; i++) {
        struct tensor *tensor = &file->tensors[i];
        tensor->spec = specs[i];
        status = count_bytes(file->path, &specs[i], &tensor->bytes);
        if (status == STATUS_OK)
            status = hdf5_create_contiguous(hdf5, specs[i].name, specs[i].type, specs[i].dimensions,
                                            specs[i].sizes, &tensor->offset);
    }
    if (status == STATUS_OK)
        return hdf5_finish_layout(hdf5);
    hdf5_close(hdf5);
    return status;
}

/* Blocks, so that a full disk shows before the work of writing. Where the file system cannot reserve
 * (fallocate(2) says so, while posix_fallocate would write into every block), free space is asked. */
static enum status reserve(const char *path, int descriptor, int64_t bytes)
{
    struct statvfs system;
    int problem = EINTR;
    while (problem == EINTR)
        problem = fallocate(descriptor, 0, 0, bytes) == 0 ? 0 : errno;
    if (problem == EOPNOTSUPP || problem == ENOSYS)
        problem = fstatvfs(descriptor, &system) == 0 && system.f_bavail < (uint64_t)bytes / system.f_frsize
                      ? ENOSPC
                      : 0;
    if (problem == 0)
        return STATUS_OK;
    return fail(STATUS_FAILED, "cannot write %s: %s (it needs %lld bytes)", path, strerror(problem),
                (long long)bytes);
}

/* The file and room for its layout, before HDF5 touches it, as a full disk would be the end of HDF5. */
static enum status make_room(const struct tensor_file *file, const char *temporary)
{
    int64_t layout = (1 << 16) + 1024 * file->count;
    int descriptor = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor < 0)
        return file_fail("write", file->path);
    enum status status = reserve(file->path, descriptor, layout);
    close(descriptor);
    if (status != STATUS_OK)
        unlink(temporary);
    return status;
}

/* The file that was laid out, with all of its blocks. */
static enum status open_laid_out(struct tensor_file *file)
{
    struct stat about;
    file->descriptor = open(file->temporary, O_RDWR | O_CLOEXEC);
    if (file->descriptor < 0 || fstat(file->descriptor, &about) != 0)
        return file_fail("write", file->path);
    return reserve(file->path, file->descriptor, about.st_size);
}

enum status tensor_file_create(const char *path, const struct tensor_spec *tensors, int64_t tensor_count,
                               const struct tensor_attribute *attributes, int64_t attribute_count,
                               struct tensor_file **out)
{
    *out = NULL;
    struct buffer temporary = {0};
    struct tensor_file *file = new_file(path);
    if (file == NULL)
        return STATUS_FAILED;
    enum status status = STATUS_FAILED;
    file->tensors = memory_resize(NULL, tensor_count, sizeof *file->tensors, "a table of tensors");
    if (file->tensors == NULL || buffer_printf(&temporary, "%s.tmp", path) != STATUS_OK)
        goto cleanup;
    file->count = tensor_count;
    status = make_room(file, temporary.data);
    if (status == STATUS_OK)
        status = lay_out(file, tensors, attributes, attribute_count);
    if (status != STATUS_OK)
        goto cleanup;
    file->temporary = temporary.data;
    temporary.data = NULL;
    status = open_laid_out(file);
cleanup:
    buffer_free(&temporary);
    if (status != STATUS_OK)
        tensor_file_close(file);
    else
        *out = file;
    return status;
}

/* Where those bytes lie in the file. */
static enum status locate(const struct tensor_file *file, int64_t index, int64_t first, int64_t length,
                          int64_t *offset)
{
    if (index < 0 || index >= file->count)
        return fail(STATUS_FAILED, "%s has no tensor %lld, it has %lld", file->path, (long long)index,
                    (long long)file->count);
    const struct tensor *tensor = &file->tensors[index];
    if (first < 0 || length < 0 || first > tensor->bytes - length)
        return fail(STATUS_FAILED, "%s: tensor %s has %lld bytes, %lld from %lld are outside", file->path,
                    tensor->spec.name, (long long)tensor->bytes, (long long)length, (long long)first);
    *offset = tensor->offset + first;
    return STATUS_OK;
}

enum status tensor_file_write(struct tensor_file *file, int64_t index, int64_t first, const void *data,
                              int64_t length)
{
    int64_t offset = 0;
    TRY(locate(file, index, first, length, &offset));
    return length == 0 ? STATUS_OK
                       : file_write_at(file->descriptor, file->path, offset, data, (size_t)length);
}

enum status tensor_file_publish(struct tensor_file *file, double score)
{
    enum status status = user_block_write(file->descriptor, file->path, score);
    if (status == STATUS_OK) {
        status = file_publish(file->descriptor, file->temporary, file->path);
        file->descriptor = -1;
        free(file->temporary);
        file->temporary = NULL;
    }
    tensor_file_close(file);
    return status;
}

/* --- reading --- */

enum status tensor_file_verify(const char *path)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return file_fail("read", path);
    enum status status = user_block_check(descriptor, path);
    close(descriptor);
    return status;
}

enum status tensor_file_glance(const char *path, double *score)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return file_fail("read", path);
    enum status status = user_block_glance(descriptor, path, score);
    close(descriptor);
    return status;
}

bool tensor_file_is_one(const char *path)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    bool same = descriptor >= 0 && user_block_is_there(descriptor);
    if (descriptor >= 0)
        close(descriptor);
    return same;
}

static enum status add_tensor(void *context, const struct hdf5_dataset *dataset)
{
    struct tensor_file *file = context;
    struct tensor tensor = {.offset = dataset->file_offset};
    memcpy(tensor.spec.name, dataset->name, sizeof tensor.spec.name);
    memcpy(tensor.spec.sizes, dataset->sizes, sizeof tensor.spec.sizes);
    tensor.spec.type = dataset->type;
    tensor.spec.dimensions = dataset->dimensions;
    TRY(count_bytes(file->path, &tensor.spec, &tensor.bytes));
    if (tensor.bytes > 0 && tensor.offset < 0)
        return fail(STATUS_FAILED, "%s: tensor %s is not stored in one piece", file->path, tensor.spec.name);
    struct tensor *tensors =
        memory_resize(file->tensors, file->count + 1, sizeof *tensors, "a table of tensors");
    if (tensors == NULL)
        return STATUS_FAILED;
    file->tensors = tensors;
    file->tensors[file->count++] = tensor;
    return STATUS_OK;
}

static int compare_names(const void *a, const void *b, void *context)
{
    const struct tensor *tensors = context;
    return strcmp(tensors[*(const int64_t *)a].spec.name, tensors[*(const int64_t *)b].spec.name);
}

static enum status sort_names(struct tensor_file *file)
{
    file->by_name = memory_resize(NULL, file->count, sizeof *file->by_name, "a table of tensors");
    if (file->by_name == NULL)
        return STATUS_FAILED;
    for (int64_t i = 0; i < file->count; i++)
        file->by_name[i] = i;
    qsort_r(file->by_name, (size_t)file->count, sizeof *file->by_name, compare_names, file->tensors);
    return STATUS_OK;
}

enum status tensor_file_open(const char *path, struct tensor_file **out)
{
    *out = NULL;
    struct tensor_file *file = new_file(path);
    if (file == NULL)
        return STATUS_FAILED;
    file->descriptor = open(path, O_RDONLY | O_CLOEXEC);
    enum status status =
        file->descriptor < 0 ? file_fail("read", path) : user_block_check(file->descriptor, path);
    if (status == STATUS_OK)
        status = hdf5_open(path, &file->hdf5);
    if (status == STATUS_OK)
        status = hdf5_each(file->hdf5, add_tensor, file);
    if (status == STATUS_OK)
        status = sort_names(file);
    if (status != STATUS_OK)
        tensor_file_close(file);
    else
        *out = file;
    return status;
}

int64_t tensor_file_count(const struct tensor_file *file)
{
    return file->count;
}

const struct tensor_spec *tensor_file_spec(const struct tensor_file *file, int64_t index)
{
    return index < 0 || index >= file->count ? NULL : &file->tensors[index].spec;
}

int64_t tensor_file_find(const struct tensor_file *file, const char *name)
{
    int64_t low = 0, high = file->by_name == NULL ? 0 : file->count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        int order = strcmp(name, file->tensors[file->by_name[middle]].spec.name);
        if (order == 0)
            return file->by_name[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return -1;
}

enum status tensor_file_read(struct tensor_file *file, int64_t index, int64_t first, void *out,
                             int64_t length)
{
    int64_t offset = 0;
    TRY(locate(file, index, first, length, &offset));
    return length == 0 ? STATUS_OK : file_read_at(file->descriptor, file->path, offset, out, (size_t)length);
}

enum status tensor_file_attribute_int64(struct tensor_file *file, const char *name, int64_t *value)
{
    return hdf5_read_attribute_int64(file->hdf5, name, value);
}

enum status tensor_file_attribute_double(struct tensor_file *file, const char *name, double *value)
{
    return hdf5_read_attribute_double(file->hdf5, name, value);
}

enum status tensor_file_attribute_text(struct tensor_file *file, const char *name, struct buffer *out)
{
    return hdf5_read_attribute_text(file->hdf5, name, out);
}

struct attribute_visit {
    struct tensor_file *file;
    enum status (*call)(void *context, const struct tensor_attribute *attribute);
    void *context;
};

static enum status visit_attribute(void *context, const char *name, enum hdf5_kind kind)
{
    const struct attribute_visit *visit = context;
    struct tensor_attribute attribute = {.name = name};
    struct buffer text = {0};
    enum status status = STATUS_OK;
    if (kind == HDF5_OTHER)
        return STATUS_OK;
    if (kind == HDF5_INTEGER) {
        attribute.kind = TENSOR_INT64;
        status = hdf5_read_attribute_int64(visit->file->hdf5, name, &attribute.integer);
    } else if (kind == HDF5_NUMBER) {
        attribute.kind = TENSOR_DOUBLE;
        status = hdf5_read_attribute_double(visit->file->hdf5, name, &attribute.number);
    } else {
        attribute.kind = TENSOR_TEXT;
        status = hdf5_read_attribute_text(visit->file->hdf5, name, &text);
        attribute.text = text.data;
    }
    if (status == STATUS_OK)
        status = visit->call(visit->context, &attribute);
    buffer_free(&text);
    return status;
}

enum status tensor_file_each_attribute(struct tensor_file *file,
                                       enum status (*visit)(void *context,
                                                            const struct tensor_attribute *attribute),
                                       void *context)
{
    struct attribute_visit state = {file, visit, context};
    return hdf5_each_attribute(file->hdf5, visit_attribute, &state);
}
