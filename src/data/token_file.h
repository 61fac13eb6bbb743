/* The `.bin` token files of llm.c (https://github.com/karpathy/llm.c, dev/data/data_common.py): a header of
 * 256 little-endian int32 (20240520, version 1, number of tokens, zeros), then the tokens as uint16. */
#ifndef LLMPI_SRC_DATA_TOKEN_FILE_H
#define LLMPI_SRC_DATA_TOKEN_FILE_H

#include "llmpi/base/status.h"

#include <stdint.h>

struct token_file;

/* Refuses other magics and versions, and a file whose size is not what its header says. */
enum status token_file_open(const char *path, struct token_file **out);
void token_file_close(struct token_file *file);

int64_t token_file_count(const struct token_file *file);
enum status token_file_read(const struct token_file *file, int64_t first, int64_t count, uint32_t *out);

#endif
