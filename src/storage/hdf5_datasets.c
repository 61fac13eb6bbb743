/* The door to HDF5: data sets, found, described, made, written and read. What a file claims about a data set
 * is checked when it is opened, before HDF5 allocates for it.
 *
 * Data sets stay open in a few slots that are reused in turn, as random reads come back to the same ones. */
#include "hdf5_private.h"

#include "llmpi/base/file.h"
#include "llmpi/base/memory.h"

#include <stdlib.h>
#include <string.h>

#define LARGEST_CHUNK     ((hsize_t)64 << 20) /* bytes; HDF5 allocates what a file claims */
#define CHUNK_CACHE       ((size_t)256 << 10) /* bytes per open data set */
#define CHUNK_CACHE_SLOTS 101                 /* a prime, well above the number of chunks in the cache */

/* --- element types --- */

size_t hdf5_type_size(enum hdf5_type type)
{
    static const size_t sizes[] = {1, 2, 4, 8, 8, 4, 8};
    return sizes[type];
}

#define TYPES 7
static hid_t native_type(int type)
{
    switch ((enum hdf5_type)type) {
    case HDF5_UINT8:
        return H5T_NATIVE_UINT8;
    case HDF5_UINT16:
        return H5T_NATIVE_UINT16;
    case HDF5_UINT32:
        return H5T_NATIVE_UINT32;
    case HDF5_UINT64:
        return H5T_NATIVE_UINT64;
    case HDF5_INT64:
        return H5T_NATIVE_INT64;
    case HDF5_FLOAT32:
        return H5T_NATIVE_FLOAT;
    case HDF5_FLOAT64:
        break;
    }
    return H5T_NATIVE_DOUBLE;
}

/* --- finding and describing --- */

static enum status find_type(const struct hdf5_file *file, hid_t id, struct hdf5_dataset *about)
{
    hid_t type = H5Dget_type(id);
    int found = -1;
    for (int i = 0; i < TYPES; i++)
        if (H5Tequal(type, native_type(i)) > 0)
            found = i;
    H5Tclose(type);
    if (found < 0)
        return fail(STATUS_FAILED,
                    "%s: %s: its elements are none of uint8, uint16, uint32, uint64, int64, float32, float64 "
                    "in this machine's byte order",
                    file->path, about->name);
    about->type = (enum hdf5_type)found;
    return STATUS_OK;
}

static enum status find_sizes(const struct hdf5_file *file, hid_t id, struct hdf5_dataset *about,
                              int64_t *bytes)
{
    hsize_t sizes[H5S_MAX_RANK] = {0};
    hid_t space = H5Dget_space(id);
    int dimensions = H5Sget_simple_extent_dims(space, sizes, NULL);
    bool null = H5Sget_simple_extent_type(space) == H5S_NULL;
    H5Sclose(space);
    if (dimensions < 0 || dimensions > 4 || null)
        return fail(STATUS_FAILED, "%s: %s has %d dimensions, 0 to 4 allowed", file->path, about->name,
                    null ? -1 : dimensions);
    about->dimensions = dimensions;
    *bytes = (int64_t)hdf5_type_size(about->type);
    for (int i = 0; i < dimensions; i++) {
        about->sizes[i] = (int64_t)sizes[i];
        if (about->sizes[i] < 0 || __builtin_mul_overflow(*bytes, about->sizes[i], bytes))
            return fail(STATUS_FAILED, "%s: %s claims more than 2^63 bytes", file->path, about->name);
    }
    return STATUS_OK;
}

/* What HDF5 would allocate or read elsewhere because the file says so: refused before it does. */
static enum status find_layout(const struct hdf5_file *file, hid_t id, struct hdf5_dataset *about,
                               int64_t bytes)
{
    hid_t creation = H5Dget_create_plist(id);
    H5D_layout_t layout = H5Pget_layout(creation);
    hsize_t chunk[H5S_MAX_RANK] = {0}, chunk_bytes = hdf5_type_size(about->type);
    int dimensions = layout == H5D_CHUNKED ? H5Pget_chunk(creation, H5S_MAX_RANK, chunk) : 0;
    bool plain = (layout == H5D_CONTIGUOUS || layout == H5D_CHUNKED) && H5Pget_external_count(creation) == 0;
    H5Pclose(creation);
    for (int i = 0; i < dimensions; i++)
        if (__builtin_mul_overflow(chunk_bytes, chunk[i], &chunk_bytes) || chunk_bytes > LARGEST_CHUNK)
            return fail(STATUS_FAILED, "%s: %s has chunks of more than %llu bytes", file->path, about->name,
                        (unsigned long long)LARGEST_CHUNK);
    if (!plain)
        return fail(STATUS_FAILED, "%s: %s is neither contiguous nor in chunks of this file", file->path,
                    about->name);
    haddr_t offset = layout == H5D_CONTIGUOUS && bytes > 0 ? H5Dget_offset(id) : HADDR_UNDEF;
    about->file_offset = offset == HADDR_UNDEF ? -1 : (int64_t)offset;
    if (file->temporary != NULL)
        return STATUS_OK;
    int64_t stored = (int64_t)H5Dget_storage_size(id), size = file_size(file->path);
    if (stored < bytes || bytes > size || (about->file_offset >= 0 && about->file_offset > size - bytes))
        return fail(STATUS_FAILED, "%s: %s claims %lld bytes, the file of %lld bytes holds %lld of them",
                    file->path, about->name, (long long)bytes, (long long)size,
                    (long long)(stored < size ? stored : size));
    return STATUS_OK;
}

static enum status describe(const struct hdf5_file *file, hid_t id, const char *name,
                            struct hdf5_dataset *about)
{
    int64_t bytes = 0;
    *about = (struct hdf5_dataset){.file_offset = -1};
    if (strlen(name) >= sizeof about->name)
        return fail(STATUS_FAILED, "%s: a data set's name has %zu bytes, at most %zu allowed", file->path,
                    strlen(name), sizeof about->name - 1);
    memcpy(about->name, name, strlen(name) + 1);
    TRY(find_type(file, id, about));
    TRY(find_sizes(file, id, about, &bytes));
    return find_layout(file, id, about, bytes);
}

/* Puts an open data set into a slot, closing the one that lay there. */
static enum status keep_open(struct hdf5_file *file, hid_t id, const char *name, struct hdf5_slot **out)
{
    struct hdf5_dataset about;
    enum status status = describe(file, id, name, &about);
    if (status != STATUS_OK) {
        H5Dclose(id);
        return status;
    }
    struct hdf5_slot *slot = &file->slots[file->next_slot];
    if (slot->id > 0 && H5Dclose(slot->id) < 0) {
        slot->id = 0;
        return hdf5_broken(file, slot->about.name);
    }
    *slot = (struct hdf5_slot){id, about};
    file->next_slot = (file->next_slot + 1) % HDF5_SLOTS;
    *out = slot;
    return STATUS_OK;
}

static hid_t dataset_access(void)
{
    hid_t access = H5Pcreate(H5P_DATASET_ACCESS);
    H5Pset_chunk_cache(access, CHUNK_CACHE_SLOTS, CHUNK_CACHE, 1.0);
    return access;
}

static enum status find_slot(struct hdf5_file *file, const char *name, struct hdf5_slot **out)
{
    TRY(hdf5_check_usable(file));
    for (int i = 0; i < HDF5_SLOTS; i++)
        if (file->slots[i].id > 0 && strcmp(file->slots[i].about.name, name) == 0) {
            *out = &file->slots[i];
            return STATUS_OK;
        }
    if (H5Lexists(file->id, name, H5P_DEFAULT) <= 0)
        return fail(STATUS_FAILED, "%s has no data set '%s'", file->path, name);
    hid_t access = dataset_access();
    hid_t id = H5Dopen2(file->id, name, access);
    H5Pclose(access);
    if (id < 0)
        return hdf5_broken(file, name);
    return keep_open(file, id, name, out);
}

enum status hdf5_describe(struct hdf5_file *file, const char *name, struct hdf5_dataset *out)
{
    struct hdf5_slot *slot = NULL;
    TRY(find_slot(file, name, &slot));
    *out = slot->about;
    return STATUS_OK;
}

struct visit {
    struct hdf5_file *file;
    enum status (*call)(void *context, const struct hdf5_dataset *dataset);
    void *context;
    enum status status;
};

static herr_t visit_object(hid_t root, const char *name, const H5O_info_t *object, void *context)
{
    struct visit *visit = context;
    struct hdf5_dataset about;
    if (object->type != H5O_TYPE_DATASET)
        return 0;
    hid_t id = H5Dopen2(root, name, H5P_DEFAULT);
    visit->status = id < 0 ? hdf5_broken(visit->file, name) : describe(visit->file, id, name, &about);
    if (id >= 0)
        H5Dclose(id);
    if (visit->status == STATUS_OK)
        visit->status = visit->call(visit->context, &about);
    return visit->status == STATUS_OK ? 0 : 1;
}

enum status hdf5_each(struct hdf5_file *file,
                      enum status (*visit)(void *context, const struct hdf5_dataset *dataset), void *context)
{
    struct visit state = {file, visit, context, STATUS_OK};
    TRY(hdf5_check_usable(file));
    if (H5Ovisit(file->id, H5_INDEX_NAME, H5_ITER_INC, visit_object, &state) < 0 && state.status == STATUS_OK)
        return hdf5_broken(file, "the data sets");
    return state.status;
}

/* --- making, writing, reading --- */

static enum status create_dataset(struct hdf5_file *file, const char *name, enum hdf5_type type, hid_t space,
                                  hid_t creation, struct hdf5_slot **out)
{
    hid_t access = dataset_access();
    H5Pset_obj_track_times(creation, false);
    hid_t id = H5Dcreate2(file->id, name, native_type((int)type), space, H5P_DEFAULT, creation, access);
    H5Pclose(access);
    return id < 0 ? hdf5_broken(file, name) : keep_open(file, id, name, out);
}

enum status hdf5_create_series(struct hdf5_file *file, const char *name, enum hdf5_type type,
                               int64_t chunk_elements)
{
    TRY(hdf5_check_usable(file));
    struct hdf5_slot *slot = NULL;
    hsize_t none = 0, unlimited = H5S_UNLIMITED, chunk = (hsize_t)chunk_elements;
    hid_t space = H5Screate_simple(1, &none, &unlimited), creation = H5Pcreate(H5P_DATASET_CREATE);
    enum status status = STATUS_OK;
    if (H5Pset_chunk(creation, 1, &chunk) < 0 || H5Pset_fletcher32(creation) < 0 ||
        H5Pset_fill_time(creation, H5D_FILL_TIME_ALLOC) < 0)
        status = hdf5_broken(file, name);
    else
        status = create_dataset(file, name, type, space, creation, &slot);
    H5Pclose(creation);
    H5Sclose(space);
    return status;
}

static enum status set_count(struct hdf5_file *file, struct hdf5_slot *slot, int64_t count)
{
    hsize_t extent = (hsize_t)count;
    if (H5Dset_extent(slot->id, &extent) < 0)
        return hdf5_broken(file, slot->about.name);
    slot->about.sizes[0] = count;
    return STATUS_OK;
}

/* The spaces of elements [first, first + count), in memory and in the file. */
static bool select_range(hid_t dataset, int64_t first, int64_t count, hid_t *memory, hid_t *stored)
{
    hsize_t start = (hsize_t)first, length = (hsize_t)count;
    *memory = H5Screate_simple(1, &length, NULL);
    *stored = H5Dget_space(dataset);
    return *memory >= 0 && *stored >= 0 &&
           H5Sselect_hyperslab(*stored, H5S_SELECT_SET, &start, NULL, &length, NULL) >= 0;
}

enum status hdf5_append(struct hdf5_file *file, const char *name, const void *data, int64_t count)
{
    struct hdf5_slot *slot = NULL;
    hid_t memory = H5I_INVALID_HID, stored = H5I_INVALID_HID;
    TRY(find_slot(file, name, &slot));
    if (count == 0)
        return STATUS_OK;
    int64_t first = slot->about.sizes[0];
    TRY(set_count(file, slot, first + count));
    enum status status = STATUS_OK;
    if (!select_range(slot->id, first, count, &memory, &stored) ||
        H5Dwrite(slot->id, native_type((int)slot->about.type), memory, stored, H5P_DEFAULT, data) < 0)
        status = hdf5_broken(file, name);
    H5Sclose(memory);
    H5Sclose(stored);
    return status;
}

enum status hdf5_shrink(struct hdf5_file *file, const char *name, int64_t count)
{
    struct hdf5_slot *slot = NULL;
    TRY(find_slot(file, name, &slot));
    if (count < 0 || count > slot->about.sizes[0])
        return fail(STATUS_FAILED, "%s: %s has %lld elements, %lld cannot be left", file->path, name,
                    (long long)slot->about.sizes[0], (long long)count);
    return set_count(file, slot, count);
}

enum status hdf5_read(struct hdf5_file *file, const char *name, enum hdf5_type type, int64_t first,
                      int64_t count, void *out)
{
    struct hdf5_slot *slot = NULL;
    hid_t memory = H5I_INVALID_HID, stored = H5I_INVALID_HID;
    TRY(find_slot(file, name, &slot));
    if (slot->about.dimensions != 1)
        return fail(STATUS_FAILED, "%s: %s has %d dimensions, 1 allowed", file->path, name,
                    slot->about.dimensions);
    if (first < 0 || count < 0 || first > slot->about.sizes[0] - count)
        return fail(STATUS_FAILED, "%s: %s has %lld elements, asked for %lld from %lld", file->path, name,
                    (long long)slot->about.sizes[0], (long long)count, (long long)first);
    if (count == 0)
        return STATUS_OK;
    bool good = select_range(slot->id, first, count, &memory, &stored) &&
                H5Dread(slot->id, native_type((int)type), memory, stored, H5P_DEFAULT, out) >= 0;
    enum status status = STATUS_OK;
    char text[512];
    if (!good && strstr(hdf5_reason(text), "Fletcher32") != NULL)
        status = fail(STATUS_FAILED, "%s: %s: elements %lld to %lld are damaged (checksum)", file->path, name,
                      (long long)first, (long long)(first + count - 1));
    else if (!good)
        status = hdf5_broken(file, name);
    H5Sclose(memory);
    H5Sclose(stored);
    return status;
}

/* Groups are made one by one, as those that HDF5 makes by itself carry times. */
static enum status create_groups(struct hdf5_file *file, const char *name)
{
    enum status status = STATUS_OK;
    char *group = memory_copy_text(name, strlen(name));
    hid_t creation = H5Pcreate(H5P_GROUP_CREATE);
    H5Pset_obj_track_times(creation, false);
    if (group == NULL)
        status = STATUS_FAILED;
    for (char *slash = group; status == STATUS_OK && (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        if (group[0] != '\0' && H5Lexists(file->id, group, H5P_DEFAULT) <= 0) {
            hid_t id = H5Gcreate2(file->id, group, H5P_DEFAULT, creation, H5P_DEFAULT);
            if (id < 0 || H5Gclose(id) < 0)
                status = hdf5_broken(file, group);
        }
        *slash = '/';
    }
    H5Pclose(creation);
    free(group);
    return status;
}

enum status hdf5_create_contiguous(struct hdf5_file *file, const char *name, enum hdf5_type type,
                                   int dimensions, const int64_t *sizes, int64_t *file_offset)
{
    struct hdf5_slot *slot = NULL;
    hsize_t extent[4] = {0};
    TRY(hdf5_check_usable(file));
    if (dimensions < 0 || dimensions > 4)
        return fail(STATUS_FAILED, "%s: %s has %d dimensions, 0 to 4 allowed", file->path, name, dimensions);
    for (int i = 0; i < dimensions; i++) {
        if (sizes[i] < 0)
            return fail(STATUS_FAILED, "%s: %s has a negative size", file->path, name);
        extent[i] = (hsize_t)sizes[i];
    }
    TRY(create_groups(file, name));
    hid_t space = dimensions == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(dimensions, extent, NULL);
    hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    enum status status = STATUS_OK;
    if (space < 0 || H5Pset_layout(creation, H5D_CONTIGUOUS) < 0 ||
        H5Pset_alloc_time(creation, H5D_ALLOC_TIME_EARLY) < 0 ||
        H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER) < 0)
        status = hdf5_broken(file, name);
    else
        status = create_dataset(file, name, type, space, creation, &slot);
    if (status == STATUS_OK)
        *file_offset = slot->about.file_offset;
    H5Pclose(creation);
    H5Sclose(space);
    return status;
}
