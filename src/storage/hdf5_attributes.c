/* The door to HDF5: attributes of the root group, each one number or one text. What a file says about an
 * attribute (its class, how many elements, how long) is checked before anything is read into memory. */
#include "hdf5_private.h"

#include "llmpi/base/memory.h"

#include <string.h>

#define LARGEST_TEXT ((size_t)64 << 20) /* bytes of a text attribute */

static enum status write_attribute(struct hdf5_file *file, const char *name, hid_t type, const void *value)
{
    TRY(hdf5_check_usable(file));
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attribute =
        H5Acreate_by_name(file->id, "/", name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    enum status status = STATUS_OK;
    if (attribute < 0 || H5Awrite(attribute, type, value) < 0 || H5Aclose(attribute) < 0)
        status = hdf5_broken(file, name);
    H5Sclose(space);
    return status;
}

enum status hdf5_write_attribute_int64(struct hdf5_file *file, const char *name, int64_t value)
{
    return write_attribute(file, name, H5T_NATIVE_INT64, &value);
}

enum status hdf5_write_attribute_double(struct hdf5_file *file, const char *name, double value)
{
    return write_attribute(file, name, H5T_NATIVE_DOUBLE, &value);
}

/* Fixed length: variable-length text lies in a heap without checksums. */
enum status hdf5_write_attribute_text(struct hdf5_file *file, const char *name, const char *text)
{
    TRY(hdf5_check_usable(file));
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, strlen(text) + 1);
    H5Tset_cset(type, H5T_CSET_UTF8);
    enum status status = write_attribute(file, name, type, text);
    H5Tclose(type);
    return status;
}

bool hdf5_has_attribute(struct hdf5_file *file, const char *name)
{
    return hdf5_check_usable(file) == STATUS_OK && H5Aexists_by_name(file->id, "/", name, H5P_DEFAULT) > 0;
}

/* Opens an attribute that holds one element of this class; `*size` is the element's size in the file. */
static enum status open_attribute(struct hdf5_file *file, const char *name, H5T_class_t class,
                                  const char *kind, hid_t *out, size_t *size)
{
    TRY(hdf5_check_usable(file));
    if (!hdf5_has_attribute(file, name))
        return fail(STATUS_FAILED, "%s has no attribute '%s'", file->path, name);
    *out = H5Aopen_by_name(file->id, "/", name, H5P_DEFAULT, H5P_DEFAULT);
    if (*out < 0)
        return hdf5_broken(file, name);
    hid_t type = H5Aget_type(*out), space = H5Aget_space(*out);
    bool fits = H5Tget_class(type) == class && H5Sget_simple_extent_npoints(space) == 1 &&
                H5Tis_variable_str(type) <= 0;
    *size = H5Tget_size(type);
    H5Tclose(type);
    H5Sclose(space);
    if (fits && *size > 0 && *size <= (class == H5T_STRING ? LARGEST_TEXT : sizeof(int64_t)))
        return STATUS_OK;
    H5Aclose(*out);
    return fail(STATUS_FAILED, "%s: attribute '%s' is not one %s", file->path, name, kind);
}

static enum status read_number(struct hdf5_file *file, const char *name, H5T_class_t class, const char *kind,
                               hid_t type, void *value)
{
    hid_t attribute = H5I_INVALID_HID;
    size_t size = 0;
    TRY(open_attribute(file, name, class, kind, &attribute, &size));
    enum status status = H5Aread(attribute, type, value) < 0 ? hdf5_broken(file, name) : STATUS_OK;
    H5Aclose(attribute);
    return status;
}

enum status hdf5_read_attribute_int64(struct hdf5_file *file, const char *name, int64_t *value)
{
    hdf5_begin();
    return read_number(file, name, H5T_INTEGER, "integer", H5T_NATIVE_INT64, value);
}

enum status hdf5_read_attribute_double(struct hdf5_file *file, const char *name, double *value)
{
    hdf5_begin();
    return read_number(file, name, H5T_FLOAT, "floating-point number", H5T_NATIVE_DOUBLE, value);
}

enum status hdf5_read_attribute_text(struct hdf5_file *file, const char *name, struct buffer *out)
{
    hid_t attribute = H5I_INVALID_HID;
    size_t size = 0;
    TRY(open_attribute(file, name, H5T_STRING, "text of fixed length", &attribute, &size));
    char *text = NULL;
    hid_t type = H5Aget_type(attribute);
    enum status status = buffer_reserve(out, size);
    if (status == STATUS_OK && (text = memory_allocate((int64_t)size, 1, name)) == NULL)
        status = STATUS_FAILED;
    if (status == STATUS_OK && H5Aread(attribute, type, text) < 0)
        status = hdf5_broken(file, name);
    if (status == STATUS_OK)
        status = buffer_append(out, text, strnlen(text, size));
    memory_free(text);
    H5Tclose(type);
    H5Aclose(attribute);
    return status;
}

struct attribute_visit {
    enum status (*call)(void *context, const char *name, enum hdf5_kind kind);
    void *context;
    enum status status;
};

static herr_t visit_attribute(hid_t root, const char *name, const H5A_info_t *about, void *context)
{
    (void)about;
    struct attribute_visit *visit = context;
    hid_t attribute = H5Aopen(root, name, H5P_DEFAULT);
    if (attribute < 0)
        return -1;
    hid_t type = H5Aget_type(attribute);
    H5T_class_t class = H5Tget_class(type);
    enum hdf5_kind kind = class == H5T_INTEGER  ? HDF5_INTEGER
                          : class == H5T_FLOAT  ? HDF5_NUMBER
                          : class == H5T_STRING ? HDF5_TEXT
                                                : HDF5_OTHER;
    H5Tclose(type);
    H5Aclose(attribute);
    visit->status = visit->call(visit->context, name, kind);
    return visit->status == STATUS_OK ? 0 : 1;
}

enum status hdf5_each_attribute(struct hdf5_file *file,
                                enum status (*visit)(void *context, const char *name, enum hdf5_kind kind),
                                void *context)
{
    struct attribute_visit state = {visit, context, STATUS_OK};
    TRY(hdf5_check_usable(file));
    if (H5Aiterate2(file->id, H5_INDEX_NAME, H5_ITER_INC, NULL, visit_attribute, &state) < 0)
        return hdf5_broken(file, "the attributes");
    return state.status;
}
