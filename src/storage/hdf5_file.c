/* The door to HDF5: the library, its errors, and whole files. Files are written in the newest layout of HDF5
 * 1.10, because there every piece of metadata has a checksum of its own (the older layout notices only some
 * damage), and without times, so that equal contents are equal bytes.
 *
 * Invariant: a file that failed while it was written gets no further HDF5 call (1.10 may crash after a full
 * disk); its handle is leaked on purpose. */
#include "hdf5_private.h"

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

#define OPEN_FILES 200000

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
void hdf5_begin(void)
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
    hdf5_begin();
    H5get_libversion(&major, &minor, &release);
    snprintf(text, sizeof text, "%u.%u.%u", major, minor, release);
    return text;
}

/* --- errors --- */

static herr_t keep_first(unsigned depth, const H5E_error2_t *error, void *context)
{
    if (depth == 0 && error->desc != NULL)
        snprintf(context, 512, "%s", error->desc);
    return 0;
}

/* HDF5's deepest line; of a failed system call only its reason ("No space left on device"). */
const char *hdf5_reason(char text[512])
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
enum status hdf5_broken(struct hdf5_file *file, const char *what)
{
    char text[512];
    const char *why = hdf5_reason(text);
    if (file->temporary == NULL)
        return fail(STATUS_FAILED, "cannot read %s of %s: %s", what, file->path, why);
    enum status status = fail(STATUS_FAILED, "cannot write %s: %s (at %s)", file->path, why, what);
    file->failed = true;
    if (truncate(file->temporary, 0) == 0 || errno != ENOENT)
        unlink(file->temporary);
    return status;
}

enum status hdf5_check_usable(const struct hdf5_file *file)
{
    hdf5_begin();
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
    hdf5_begin();
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
        status = hdf5_broken(file, "its creation");
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
    const char *why = hdf5_reason(text);
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
        return file_fail("read", path);
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
    for (int i = 0; i < HDF5_SLOTS; i++) {
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
    TRY(hdf5_check_usable(file));
    if (H5Fflush(file->id, H5F_SCOPE_GLOBAL) < 0 || !close_datasets(file) || H5Fclose(file->id) < 0)
        return hdf5_broken(file, "its end");
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
            status = file_fail("write", file->path);
        else
            status = file_publish(descriptor, file->temporary, file->path);
    }
    free_file(file);
    return status;
}
