/* The first 512 bytes of a checkpoint: what the rest must be. */
#ifndef LLMPI_STORAGE_USER_BLOCK_H
#define LLMPI_STORAGE_USER_BLOCK_H

#include "llmpi/base/status.h"

#include <stdbool.h>

#define USER_BLOCK_SIZE 512

/* Reads everything after the user block, in order, and writes the user block that belongs to it, with a
 * number of the caller's (NAN: none). */
enum status user_block_write(int descriptor, const char *path, double score);

/* STATUS_OK when the file is as user_block_write left it; messages as in storage/tensor_file.h. */
enum status user_block_check(int descriptor, const char *path);

/* The user block alone against itself and the length of the file; *score is the number given to
 * user_block_write. */
enum status user_block_glance(int descriptor, const char *path, double *score);

/* Whether the file starts with the magic, whole or not. */
bool user_block_is_there(int descriptor);

#endif
