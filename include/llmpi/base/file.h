/* Files and folders with error messages. Files that others read appear whole or not at all. */
#ifndef LLMPI_BASE_FILE_H
#define LLMPI_BASE_FILE_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/status.h"
#include "llmpi/base/string_list.h"

#include <stdbool.h>
#include <stdint.h>

/* STATUS_FAILED with "cannot VERB PATH: " and what errno says. */
enum status file_fail(const char *verb, const char *path);

/* Appends the whole file to `out`. "cannot read PATH: No such file or directory". "-" is standard input. */
enum status file_read(const char *path, struct buffer *out);

/* The same without a byte order mark (EF BB BF) at the beginning, which some editors put before UTF-8. */
enum status file_read_text(const char *path, struct buffer *out);

/* Writes a file under a temporary name in the same folder, fsyncs it, renames it over `path`, fsyncs the
 * folder. On failure the temporary file is removed and an old `path` is untouched. */
enum status file_write(const char *path, const void *data, size_t length);

/* The last steps of every atomic write: fsync(descriptor), close it, rename `temporary` to `path`, fsync the
 * folder. Closes the descriptor in any case; removes `temporary` on failure. */
enum status file_publish(int descriptor, const char *temporary, const char *path);

/* Writes all bytes at `offset` (pwrite until done). A full disk is "cannot write PATH: No space left on
 * device". */
enum status file_write_at(int descriptor, const char *path, int64_t offset, const void *data, size_t length);

/* Reads exactly `length` bytes at `offset`; a shorter file is an error. */
enum status file_read_at(int descriptor, const char *path, int64_t offset, void *data, size_t length);

/* Removes a file; one that is not there is fine. */
enum status file_remove(const char *path);

bool file_exists(const char *path);
bool file_is_directory(const char *path);
bool file_is_regular(const char *path); /* no folder, pipe or device; symbolic links are followed */

/* Size in bytes, or -1. */
int64_t file_size(const char *path);

/* When its contents were last changed, in nanoseconds since 1970, or -1. */
int64_t file_modified(const char *path);

/* Makes a folder and its parents; an existing one is fine. */
enum status directory_create(const char *path);

/* Appends the names of what is in a folder to `names`, and sorts them by bytes. */
enum status directory_list(const char *path, struct string_list *names);

/* Removes the files of a folder whose names `chosen` picks; *removed says how many. */
enum status directory_remove_files(const char *path, bool (*chosen)(const char *name, const void *context),
                                   const void *context, int64_t *removed);

/* "folder/name" as a new string (free with free()), or NULL after fail(). */
char *path_join(const char *folder, const char *name);

/* True when `text` ends with `ending`. */
bool path_has_suffix(const char *text, const char *ending);

#endif
