/* Reading GGUF, version 3 and 2 (which have the same layout), little-endian
 * (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md). Nothing in a file is trusted. */
#ifndef LLMPI_STORAGE_GGUF_READER_H
#define LLMPI_STORAGE_GGUF_READER_H

#include "llmpi/storage/number_reader.h"

/* Types of metadata, as the file numbers them. */
enum gguf_type {
    GGUF_UINT8,
    GGUF_INT8,
    GGUF_UINT16,
    GGUF_INT16,
    GGUF_UINT32,
    GGUF_INT32,
    GGUF_FLOAT32,
    GGUF_BOOLEAN,
    GGUF_TEXT,
    GGUF_ARRAY,
    GGUF_UINT64,
    GGUF_INT64,
    GGUF_FLOAT64,
    GGUF_TYPES
};

/* "uint8", "text", ...; the bytes of a value, of a text or array at least. */
const char *gguf_type_name(enum gguf_type type);
int gguf_type_size(enum gguf_type type);

/* One value of the metadata, or one element of an array. */
struct gguf_value {
    const char *key; /* NULL for an element */
    enum gguf_type type;
    enum gguf_type element; /* of an array */
    int64_t count;          /* elements of an array; of an element its number, from 1 on */
    const char *bytes;      /* as the file has them: those of an array are its elements' */
};

struct gguf;

/* Opens a file and checks all of its header: counts and lengths against the size of the file before memory is
 * taken, types, booleans, the alignment, keys and names that come twice, and the shapes and places of
 * tensors. Keys are up to 65536, tensors up to a million, the header up to 256 MiB; arrays of arrays are not
 * read. */
enum status gguf_open(const char *path, struct gguf **out);
void gguf_close(struct gguf *file);

int gguf_version(const struct gguf *file);

/* Its tensors. The sizes are ggml's, last one first, so that a matrix is (rows, columns). Borrowed. */
struct number_reader *gguf_tensors(const struct gguf *file);

/* The metadata in the order of the file, or by key (NULL where there is none). Borrowed. */
int64_t gguf_count(const struct gguf *file);
const struct gguf_value *gguf_value(const struct gguf *file, int64_t index);
const struct gguf_value *gguf_find(const struct gguf *file, const char *key);

/* What a value holds; false or NULL when `value` is NULL or of another type. An integer is one of any width
 * that int64_t holds. Texts are not NUL-terminated and may have any bytes. */
bool gguf_get_integer(const struct gguf_value *value, int64_t *out);
bool gguf_get_number(const struct gguf_value *value, double *out);
bool gguf_get_boolean(const struct gguf_value *value, bool *out);
const char *gguf_get_text(const struct gguf_value *value, size_t *length);

/* The elements of an array in turn: the first for an `element` of {0}, then the one behind it. False behind
 * the last, and for a value that is NULL or no array. */
bool gguf_next(const struct gguf_value *array, struct gguf_value *element);

#endif
