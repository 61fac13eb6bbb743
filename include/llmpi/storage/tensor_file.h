/* A checkpoint file: named tensors and attributes in HDF5, where HDF5 lays the file out and llmpi writes the
 * tensor bytes, so that a full disk is a plain short write and every byte is covered by a digest.
 *
 * Layout: a user block of 512 bytes (magic "llmpi checkpoint", format version, length and XXH3 digest of
 * everything after it, a score; written last), then an HDF5 file with contiguous data sets. The user block is
 * checked before HDF5 sees the file. h5py reads it like any other. */
#ifndef LLMPI_STORAGE_TENSOR_FILE_H
#define LLMPI_STORAGE_TENSOR_FILE_H

#include "llmpi/storage/hdf5_file.h"

struct tensor_spec {
    char name[128]; /* "h.0.attn.c_attn.weight", "optimizer/exp_avg/wte.weight", "tokenizer" */
    enum hdf5_type type;
    int dimensions;
    int64_t sizes[4];
};

struct tensor_attribute {
    const char *name;
    enum { TENSOR_INT64, TENSOR_DOUBLE, TENSOR_TEXT } kind;
    int64_t integer;
    double number;
    const char *text;
};

struct tensor_file;

/* Lays out PATH.tmp with these tensors and attributes and reserves its blocks on disk (fallocate). Here alone
 * a file being written is in HDF5's hands: everything after it may be done by another thread. */
enum status tensor_file_create(const char *path, const struct tensor_spec *tensors, int64_t tensor_count,
                               const struct tensor_attribute *attributes, int64_t attribute_count,
                               struct tensor_file **out);

/* Writes bytes [first, first + length) of tensor `index` (order of tensor_file_create). */
enum status tensor_file_write(struct tensor_file *file, int64_t index, int64_t first, const void *data,
                              int64_t length);

/* Digest, user block, fsync, rename, folder fsync; frees. On failure PATH.tmp is removed. `score` is a number
 * by which files are compared, NAN for none; it is in the user block, where tensor_file_glance finds it. */
enum status tensor_file_publish(struct tensor_file *file, double score);

/* Checks length and digest, then opens. "PATH is damaged: its digest is ..., its user block says ...";
 * "PATH is truncated: N bytes, its user block says M"; "PATH is no llmpi checkpoint". */
enum status tensor_file_open(const char *path, struct tensor_file **out);

/* The check alone: STATUS_OK when the file is whole. */
enum status tensor_file_verify(const char *path);

/* What one short read tells: STATUS_OK when the user block contradicts neither itself nor the file's length.
 * *score is the number given to tensor_file_publish, NAN where there was none. */
enum status tensor_file_glance(const char *path, double *score);

/* True when the file starts with this format's magic (whole or not). */
bool tensor_file_is_one(const char *path);

int64_t tensor_file_count(const struct tensor_file *file);
const struct tensor_spec *tensor_file_spec(const struct tensor_file *file, int64_t index);

/* Index of a tensor by name, or -1. */
int64_t tensor_file_find(const struct tensor_file *file, const char *name);

/* Reads bytes [first, first + length) of tensor `index`. */
enum status tensor_file_read(struct tensor_file *file, int64_t index, int64_t first, void *out,
                             int64_t length);

enum status tensor_file_attribute_int64(struct tensor_file *file, const char *name, int64_t *value);
enum status tensor_file_attribute_double(struct tensor_file *file, const char *name, double *value);
enum status tensor_file_attribute_text(struct tensor_file *file, const char *name, struct buffer *out);

/* Calls `visit` for every attribute, in order of name, until it fails. */
enum status tensor_file_each_attribute(struct tensor_file *file,
                                       enum status (*visit)(void *context,
                                                            const struct tensor_attribute *attribute),
                                       void *context);

/* Closes a file opened for reading, abandons one being written (PATH.tmp is removed). NULL is fine. */
void tensor_file_close(struct tensor_file *file);

#endif
