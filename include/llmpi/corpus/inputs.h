/* From the inputs that a user names to the list of files. */
#ifndef LLMPI_CORPUS_INPUTS_H
#define LLMPI_CORPUS_INPUTS_H

#include "llmpi/base/status.h"
#include "llmpi/base/string_list.h"

#include <stdbool.h>

enum compression { COMPRESSION_NONE, COMPRESSION_GZIP, COMPRESSION_ZSTD };

/* FORMAT_JSON: JSON lines, or one array. */
enum corpus_format { FORMAT_UNKNOWN, FORMAT_TEXT, FORMAT_JSON_LINES, FORMAT_JSON, FORMAT_PARQUET };

/* What the ending of a file says about it. */
struct file_kind {
    enum corpus_format format;
    enum compression compression;
};
struct file_kind file_kind_of(const char *path);

/* Appends the files that `inputs` name to `files`, input by input. An input is, in this order of preference,
 * a file, a folder (searched recursively for files with known endings; names that start with a dot are passed
 * over), or a pattern of glob(7) whose matches are files and folders. The files of one input are sorted by
 * path (strcmp). A file named twice is there twice. Errors as corpus_open says. */
enum status inputs_resolve(const struct string_list *inputs, struct string_list *files);

#endif
