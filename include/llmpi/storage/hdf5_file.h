/* The only place that knows HDF5. Small, general: a file with attributes on its root group and data sets.
 * Files are written as PATH.tmp and renamed when complete. After the first failed write nothing more of
 * HDF5 is called on that file (HDF5 1.10 is not safe after a full disk): it is abandoned and unlinked. */
#ifndef LLMPI_STORAGE_HDF5_FILE_H
#define LLMPI_STORAGE_HDF5_FILE_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hdf5_type { HDF5_UINT8, HDF5_UINT16, HDF5_UINT32, HDF5_UINT64, HDF5_INT64, HDF5_FLOAT32, HDF5_FLOAT64 };
size_t hdf5_type_size(enum hdf5_type type);

struct hdf5_file;

/* Creates PATH.tmp. With `user_block` bytes (0, or a power of two from 512) kept free in front. */
enum status hdf5_create(const char *path, int64_t user_block, struct hdf5_file **out);

/* Opens for reading, without file locks; "PATH is not an HDF5 file", "PATH is truncated: ...". */
enum status hdf5_open(const char *path, struct hdf5_file **out);

/* Attributes of the root group. */
enum status hdf5_write_attribute_int64(struct hdf5_file *file, const char *name, int64_t value);
enum status hdf5_write_attribute_double(struct hdf5_file *file, const char *name, double value);
enum status hdf5_write_attribute_text(struct hdf5_file *file, const char *name, const char *text);
/* Missing attributes and other types are errors that name file and attribute. */
enum status hdf5_read_attribute_int64(struct hdf5_file *file, const char *name, int64_t *value);
enum status hdf5_read_attribute_double(struct hdf5_file *file, const char *name, double *value);
enum status hdf5_read_attribute_text(struct hdf5_file *file, const char *name, struct buffer *out);
/* Calls `visit` with the name and kind of every attribute, in order of name, until it fails. */
enum hdf5_kind { HDF5_INTEGER, HDF5_NUMBER, HDF5_TEXT, HDF5_OTHER };
enum status hdf5_each_attribute(struct hdf5_file *file,
                                enum status (*visit)(void *context, const char *name, enum hdf5_kind kind),
                                void *context);
bool hdf5_has_attribute(struct hdf5_file *file, const char *name);

/* A growing one-dimensional data set in chunks with Fletcher32 checksums. `data` is in memory type `type`. */
enum status hdf5_create_series(struct hdf5_file *file, const char *name, enum hdf5_type type,
                               int64_t chunk_elements);
enum status hdf5_append(struct hdf5_file *file, const char *name, const void *data, int64_t count);
enum status hdf5_shrink(struct hdf5_file *file, const char *name, int64_t count);

/* Reads elements [first, first + count) of a one-dimensional data set, converted to `type`. A checksum error
 * is "PATH: NAME: elements A to B are damaged (checksum)". */
enum status hdf5_read(struct hdf5_file *file, const char *name, enum hdf5_type type, int64_t first,
                      int64_t count, void *out);

/* A contiguous data set with its space allocated and nothing written (H5D_ALLOC_TIME_EARLY,
 * H5D_FILL_TIME_NEVER), and the byte in the file where its data lies (user block included). Groups in `name`
 * ("a/b") are created. */
enum status hdf5_create_contiguous(struct hdf5_file *file, const char *name, enum hdf5_type type,
                                   int dimensions, const int64_t *sizes, int64_t *file_offset);

/* A data set's type, dimensions (at most 4) and, when contiguous, its byte offset in the file (else -1). */
struct hdf5_dataset {
    char name[128];
    enum hdf5_type type;
    int dimensions;
    int64_t sizes[4];
    int64_t file_offset;
};
enum status hdf5_describe(struct hdf5_file *file, const char *name, struct hdf5_dataset *out);

/* Calls `visit` for every data set of the file, in order of name, until it fails. */
enum status hdf5_each(struct hdf5_file *file,
                      enum status (*visit)(void *context, const struct hdf5_dataset *dataset), void *context);

/* Closes a file that was read, or abandons one that was being written (PATH.tmp is removed). NULL is fine. */
void hdf5_close(struct hdf5_file *file);

/* Completes a file that was written: closes, fsyncs, renames to PATH; frees. */
enum status hdf5_publish(struct hdf5_file *file);

/* Completes a file that was written but leaves it as PATH.tmp, for who still has bytes to put in; frees. */
enum status hdf5_finish_layout(struct hdf5_file *file);

/* "1.10.8", for `llmpi --version`. */
const char *hdf5_library(void);

#endif
