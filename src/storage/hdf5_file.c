/* The door to HDF5. Files are written in the newest layout of HDF5 1.10, because there every piece of
 * metadata has a checksum of its own (the older layout notices only some damage), and without times, so that
 * equal contents are equal bytes.
 *
 * Invariants: a file that failed while it was written gets no further HDF5 call (1.10 may crash after a full
 * disk); its handle is leaked on purpose. Data sets stay open in a few slots, as random reads come back to
 * the same ones. */
#include "llmpi/storage/hdf5_file.h"

#include "llmpi/base/file.h"
#include "llmpi/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define H5_USE_110_API /* later versions keep these names and arguments under this macro */
#include <hdf5.h>

#define SLOTS             4
#define OPEN_FILES        200000
#define LARGEST_CHUNK     ((hsize_t)64 << 20) /* bytes; HDF5 allocates what a file claims */
#define LARGEST_TEXT      ((size_t)64 << 20)  /* bytes of a text attribute */
#define CHUNK_CACHE       ((size_t)256 << 10) /* bytes per open data set */
#define CHUNK_CACHE_SLOTS 101                 /* a prime, well above the number of chunks in the cache */

struct slot {
    hid_t id; /* 0: free */
    struct hdf5_dataset about;
};

struct hdf5_file {
    char *path;      /* for messages, and the name of the finished file */
    char *temporary; /* where it is being written; NULL: opened for reading */
    hid_t id;
    bool failed;
    int next_slot;
    struct slot slots[SLOTS];
};

/* --- the library --- */

/* Shards stay open while they are used: more of them than the usual 1024 descriptors need the soft limit
 * raised. */
static void allow_open_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= OPEN_FILES)
        return;
    limit.rlim_cur = limit.rlim_max < OPEN_FILES ? limit.rlim_max : OPEN_FILES;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static void begin_once(void)
{
    H5dont_atexit();                             /* a file that failed would be flushed, and crash, at exit */
    setenv("HDF5_USE_FILE_LOCKING", "FALSE", 1); /* locks fail on cluster file systems; we rename instead */
    allow_open_files();
    H5open();
}

/* Error printing is a property of each thread in HDF5, hence the second part. */
static void begin(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    static _Thread_local bool quiet = false;
    pthread_once(&once, begin_once);
    if (!quiet)
        H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    quiet = true;
}

const char *hdf5_library(void)
{
    static char text[32];
    unsigned major = 0, minor = 0, release = 0;
    begin();
    H5get_libversion(&major, &minor, &release);
    snprintf(text, sizeof text, "%u.%u.%u", major, minor, release);
    return text;
}

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

/* --- errors --- */

static herr_t keep_first(unsigned depth, const H5E_error2_t *error, void *context)
{
    if (depth == 0 && error->desc != NULL)
        snprintf(context, 512, "%s", error->desc);
    return 0;
}

/* HDF5's deepest line; of a failed system call only its reason ("No space left on device"). */
static const char *reason(char text[512])
{
    static const char mark[] = "error message = '";
    snprintf(text, 512, "HDF5 does not say why");
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first, text);
    char *start = strstr(text, mark);
    if (start == NULL)
        return text;
    start += sizeof mark - 1;
    char *end = strchr(start, '\'');
    if (end != NULL)
        *end = '\0';
    return start;
}

/* After a failed HDF5 call. From here on a file being written is dead; emptying it gives its blocks back
 * although HDF5's descriptor stays open. */
static enum status broken(struct hdf5_file *file, const char *what)
{
    char text[512];
    const char *why = reason(text);
    if (file->temporary == NULL)
        return fail(STATUS_FAILED, "cannot read %s of %s: %s", what, file->path, why);
    enum status status = fail(STATUS_FAILED, "cannot write %s: %s (at %s)", file->path, why, what);
    file->failed = true;
    if (truncate(file->temporary, 0) == 0 || errno != ENOENT)
        unlink(file->temporary);
    return status;
}

static enum status check_usable(const struct hdf5_file *file)
{
    begin();
    return file->failed ? fail(STATUS_FAILED, "%s was given up after a failed write", file->path) : STATUS_OK;
}

/* --- files --- */

static void free_file(struct hdf5_file *file)
{
    free(file->path);
    free(file->temporary);
    free(file);
}

static struct hdf5_file *new_file(const char *path, bool writing)
{
    struct hdf5_file *file = memory_resize(NULL, 1, sizeof *file, "an HDF5 file");
    if (file == NULL)
        return NULL;
    *file = (struct hdf5_file){.path = memory_copy_text(path, strlen(path))};
    struct buffer temporary = {0};
    if (file->path != NULL && writing && buffer_printf(&temporary, "%s.tmp", path) == STATUS_OK)
        file->temporary = temporary.data;
    if (file->path == NULL || (writing && file->temporary == NULL)) {
        free_file(file);
        return NULL;
    }
    begin();
    return file;
}

static hid_t file_access(void)
{
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
    H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
    return access;
}

enum status hdf5_create(const char *path, int64_t user_block, struct hdf5_file **out)
{
    *out = NULL;
    struct hdf5_file *file = new_file(path, true);
    if (file == NULL)
        return STATUS_FAILED;
    hid_t creation = H5Pcreate(H5P_FILE_CREATE), access = file_access();
    H5Pset_obj_track_times(creation, false);
    herr_t valid = H5Pset_userblock(creation, (hsize_t)user_block);
    file->id = valid < 0 ? H5I_INVALID_HID : H5Fcreate(file->temporary, H5F_ACC_TRUNC, creation, access);
    enum status status = STATUS_OK;
    if (file->id < 0)
        status = broken(file, "its creation");
    H5Pclose(creation);
    H5Pclose(access);
    if (status != STATUS_OK)
        free_file(file);
    else
        *out = file;
    return status;
}

static enum status fail_open(const char *path)
{
    char text[512];
    const char *why = reason(text);
    if (strstr(why, "signature") != NULL)
        return fail(STATUS_FAILED, "%s is not an HDF5 file", path);
    if (strstr(why, "truncated file") != NULL)
        return fail(STATUS_FAILED, "%s is truncated: it has %lld bytes (%s)", path,
                    (long long)file_size(path), why);
    return fail(STATUS_FAILED, "cannot open %s: %s", path, why);
}

enum status hdf5_open(const char *path, struct hdf5_file **out)
{
    *out = NULL;
    struct stat about;
    if (stat(path, &about) != 0)
        return fail(STATUS_FAILED, "cannot read %s: %s", path, strerror(errno));
    if (!S_ISREG(about.st_mode))
        return fail(STATUS_FAILED, "cannot read %s: it is %s", path,
                    S_ISDIR(about.st_mode) ? "a folder" : "no regular file");
    struct hdf5_file *file = new_file(path, false);
    if (file == NULL)
        return STATUS_FAILED;
    hid_t access = file_access();
    file->id = H5Fopen(path, H5F_ACC_RDONLY, access);
    enum status status = file->id < 0 ? fail_open(path) : STATUS_OK;
    H5Pclose(access);
    if (status != STATUS_OK)
        free_file(file);
    else
        *out = file;
    return status;
}

static bool close_datasets(struct hdf5_file *file)
{
    bool good = true;
    for (int i = 0; i < SLOTS; i++) {
        if (file->slots[i].id > 0)
            good = H5Dclose(file->slots[i].id) >= 0 && good;
        file->slots[i].id = 0;
    }
    return good;
}

void hdf5_close(struct hdf5_file *file)
{
    if (file == NULL)
        return;
    if (!file->failed) { /* else its handles are leaked on purpose */
        close_datasets(file);
        H5Fclose(file->id);
        if (file->temporary != NULL)
            unlink(file->temporary);
    }
    free_file(file);
}

/* The flush comes first because it reports a full disk, while a close may not. */
static enum status finish(struct hdf5_file *file)
{
    TRY(check_usable(file));
    if (H5Fflush(file->id, H5F_SCOPE_GLOBAL) < 0 || !close_datasets(file) || H5Fclose(file->id) < 0)
        return broken(file, "its end");
    return STATUS_OK;
}

enum status hdf5_finish_layout(struct hdf5_file *file)
{
    enum status status = finish(file);
    free_file(file);
    return status;
}

enum status hdf5_publish(struct hdf5_file *file)
{
    enum status status = finish(file);
    if (status == STATUS_OK) {
        int descriptor = open(file->temporary, O_RDWR | O_CLOEXEC);
        if (descriptor < 0)
            status = fail(STATUS_FAILED, "cannot write %s: %s", file->path, strerror(errno));
        else
            status = file_publish(descriptor, file->temporary, file->path);
    }
    free_file(file);
    return status;
}

/* --- attributes --- */

static enum status write_attribute(struct hdf5_file *file, const char *name, hid_t type, const void *value)
{
    TRY(check_usable(file));
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attribute =
        H5Acreate_by_name(file->id, "/", name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    enum status status = STATUS_OK;
    if (attribute < 0 || H5Awrite(attribute, type, value) < 0 || H5Aclose(attribute) < 0)
        status = broken(file, name);
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
    TRY(check_usable(file));
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, strlen(text) + 1);
    H5Tset_cset(type, H5T_CSET_UTF8);
    enum status status = write_attribute(file, name, type, text);
    H5Tclose(type);
    return status;
}

bool hdf5_has_attribute(struct hdf5_file *file, const char *name)
{
    return check_usable(file) == STATUS_OK && H5Aexists_by_name(file->id, "/", name, H5P_DEFAULT) > 0;
}

/* Opens an attribute that holds one element of this class; `*size` is the element's size in the file. */
static enum status open_attribute(struct hdf5_file *file, const char *name, H5T_class_t class,
                                  const char *kind, hid_t *out, size_t *size)
{
    TRY(check_usable(file));
    if (!hdf5_has_attribute(file, name))
        return fail(STATUS_FAILED, "%s has no attribute '%s'", file->path, name);
    *out = H5Aopen_by_name(file->id, "/", name, H5P_DEFAULT, H5P_DEFAULT);
    if (*out < 0)
        return broken(file, name);
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
    enum status status = H5Aread(attribute, type, value) < 0 ? broken(file, name) : STATUS_OK;
    H5Aclose(attribute);
    return status;
}

enum status hdf5_read_attribute_int64(struct hdf5_file *file, const char *name, int64_t *value)
{
    begin();
    return read_number(file, name, H5T_INTEGER, "integer", H5T_NATIVE_INT64, value);
}

enum status hdf5_read_attribute_double(struct hdf5_file *file, const char *name, double *value)
{
    begin();
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
        status = broken(file, name);
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
    TRY(check_usable(file));
    if (H5Aiterate2(file->id, H5_INDEX_NAME, H5_ITER_INC, NULL, visit_attribute, &state) < 0)
        return broken(file, "the attributes");
    return state.status;
}

/* --- data sets: finding and describing --- */

static enum status find_type(const struct hdf5_file *file, hid_t id, struct hdf5_dataset *about)
{
    hid_t type = H5Dget_type(id);
    int found = -1;
    for (int i = 0; i < TYPES; i++)
        if (H5Tequal(type, native_type(i)) > 0)
            found = i;
    H5Tclose(type);
    if (found < 0)
        return fail(
            STATUS_FAILED,
            "%s: %s: its elements are none of uint8, uint16, uint32, uint64, int64, float32, float64 in "
            "this machine's byte order",
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
static enum status keep_open(struct hdf5_file *file, hid_t id, const char *name, struct slot **out)
{
    struct hdf5_dataset about;
    enum status status = describe(file, id, name, &about);
    if (status != STATUS_OK) {
        H5Dclose(id);
        return status;
    }
    struct slot *slot = &file->slots[file->next_slot];
    if (slot->id > 0 && H5Dclose(slot->id) < 0) {
        slot->id = 0;
        return broken(file, slot->about.name);
    }
    *slot = (struct slot){id, about};
    file->next_slot = (file->next_slot + 1) % SLOTS;
    *out = slot;
    return STATUS_OK;
}

static hid_t dataset_access(void)
{
    hid_t access = H5Pcreate(H5P_DATASET_ACCESS);
    H5Pset_chunk_cache(access, CHUNK_CACHE_SLOTS, CHUNK_CACHE, 1.0);
    return access;
}

static enum status find_slot(struct hdf5_file *file, const char *name, struct slot **out)
{
    TRY(check_usable(file));
    for (int i = 0; i < SLOTS; i++)
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
        return broken(file, name);
    return keep_open(file, id, name, out);
}

enum status hdf5_describe(struct hdf5_file *file, const char *name, struct hdf5_dataset *out)
{
    struct slot *slot = NULL;
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
    visit->status = id < 0 ? broken(visit->file, name) : describe(visit->file, id, name, &about);
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
    TRY(check_usable(file));
    if (H5Ovisit(file->id, H5_INDEX_NAME, H5_ITER_INC, visit_object, &state) < 0 && state.status == STATUS_OK)
        return broken(file, "the data sets");
    return state.status;
}

/* --- data sets: making, writing, reading --- */

static enum status create_dataset(struct hdf5_file *file, const char *name, enum hdf5_type type, hid_t space,
                                  hid_t creation, struct slot **out)
{
    hid_t access = dataset_access();
    H5Pset_obj_track_times(creation, false);
    hid_t id = H5Dcreate2(file->id, name, native_type(type), space, H5P_DEFAULT, creation, access);
    H5Pclose(access);
    return id < 0 ? broken(file, name) : keep_open(file, id, name, out);
}

enum status hdf5_create_series(struct hdf5_file *file, const char *name, enum hdf5_type type,
                               int64_t chunk_elements)
{
    TRY(check_usable(file));
    struct slot *slot = NULL;
    hsize_t none = 0, unlimited = H5S_UNLIMITED, chunk = (hsize_t)chunk_elements;
    hid_t space = H5Screate_simple(1, &none, &unlimited), creation = H5Pcreate(H5P_DATASET_CREATE);
    enum status status = STATUS_OK;
    if (H5Pset_chunk(creation, 1, &chunk) < 0 || H5Pset_fletcher32(creation) < 0 ||
        H5Pset_fill_time(creation, H5D_FILL_TIME_ALLOC) < 0)
        status = broken(file, name);
    else
        status = create_dataset(file, name, type, space, creation, &slot);
    H5Pclose(creation);
    H5Sclose(space);
    return status;
}

static enum status set_count(struct hdf5_file *file, struct slot *slot, int64_t count)
{
    hsize_t extent = (hsize_t)count;
    if (H5Dset_extent(slot->id, &extent) < 0)
        return broken(file, slot->about.name);
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
    struct slot *slot = NULL;
    hid_t memory = H5I_INVALID_HID, stored = H5I_INVALID_HID;
    TRY(find_slot(file, name, &slot));
    if (count == 0)
        return STATUS_OK;
    int64_t first = slot->about.sizes[0];
    TRY(set_count(file, slot, first + count));
    enum status status = STATUS_OK;
    if (!select_range(slot->id, first, count, &memory, &stored) ||
        H5Dwrite(slot->id, native_type((int)slot->about.type), memory, stored, H5P_DEFAULT, data) < 0)
        status = broken(file, name);
    H5Sclose(memory);
    H5Sclose(stored);
    return status;
}

enum status hdf5_shrink(struct hdf5_file *file, const char *name, int64_t count)
{
    struct slot *slot = NULL;
    TRY(find_slot(file, name, &slot));
    if (count < 0 || count > slot->about.sizes[0])
        return fail(STATUS_FAILED, "%s: %s has %lld elements, %lld cannot be left", file->path, name,
                    (long long)slot->about.sizes[0], (long long)count);
    return set_count(file, slot, count);
}

enum status hdf5_read(struct hdf5_file *file, const char *name, enum hdf5_type type, int64_t first,
                      int64_t count, void *out)
{
    struct slot *slot = NULL;
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
    if (!good && strstr(reason(text), "Fletcher32") != NULL)
        status = fail(STATUS_FAILED, "%s: %s: elements %lld to %lld are damaged (checksum)", file->path, name,
                      (long long)first, (long long)(first + count - 1));
    else if (!good)
        status = broken(file, name);
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
                status = broken(file, group);
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
    struct slot *slot = NULL;
    hsize_t extent[4] = {0};
    TRY(check_usable(file));
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
        status = broken(file, name);
    else
        status = create_dataset(file, name, type, space, creation, &slot);
    if (status == STATUS_OK)
        *file_offset = slot->about.file_offset;
    H5Pclose(creation);
    H5Sclose(space);
    return status;
}
